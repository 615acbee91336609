#include "argmax/upsample_argmax_cuda.cu"
