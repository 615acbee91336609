#include "rasterize/blend_mma_cuda.cu"
