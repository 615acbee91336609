#include "cuda/device.cu"
