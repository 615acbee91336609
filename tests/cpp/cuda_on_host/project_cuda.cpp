#include "rasterize/project_cuda.cu"
