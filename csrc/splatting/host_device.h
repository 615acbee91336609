// Marks functions that the CPU and the CUDA rasteriser share: the same source, compiled for both.
#pragma once

#if defined(__CUDACC__)
#define RTGS2_HOST_DEVICE __host__ __device__
#else
// Always inlined: the files of one CPU instruction set must not lend their machine code to others through the linker,
// which keeps one copy of an inline function.
#define RTGS2_HOST_DEVICE [[gnu::always_inline]]
#endif
