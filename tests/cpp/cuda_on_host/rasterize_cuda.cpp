#include "rasterize/rasterize_cuda.cu"
