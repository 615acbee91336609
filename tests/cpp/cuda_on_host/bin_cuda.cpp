#include "rasterize/bin_cuda.cu"
