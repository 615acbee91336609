#include "rasterize/blend_plain_cuda.cu"
