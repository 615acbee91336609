#include "rasterize/frame_cuda.cu"
