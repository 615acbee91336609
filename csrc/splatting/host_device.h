// Marks functions that the CPU and the CUDA rasteriser share: the same source, compiled for both.
#pragma once

#if defined(__CUDACC__)
#define RTGS2_HOST_DEVICE __host__ __device__
#else
#define RTGS2_HOST_DEVICE
#endif
