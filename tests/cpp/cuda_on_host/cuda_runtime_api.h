// What the CUDA core uses of CUDA's runtime and language, on the host. "Device memory" is host memory; streams run at
// once; there are no graphs.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __shared__ static thread_local
#define __launch_bounds__(...)

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}  // NOLINT: as CUDA's
};

#define threadIdx (on_host::Block::now()->thread())
#define blockIdx (on_host::Block::now()->index())
#define gridDim (on_host::Block::now()->grid())

// NOLINTBEGIN: CUDA's names.
template <typename T>
T min(T a, T b) {
  return a < b ? a : b;
}
template <typename T>
T max(T a, T b) {
  return a > b ? a : b;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline std::uint32_t atomicAdd(std::uint32_t* place, std::uint32_t value) {
  return __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST);
}
inline void __nanosleep(unsigned) { on_host::Block::now()->wait_for_other_blocks(); }

inline int __syncthreads_or(int predicate) {
  on_host::Block& block = *on_host::Block::now();
  return block.exchange(block.all(), predicate, [&](const auto& value_of) {
    int any = 0;
    for (std::size_t i = 0; i < block.all().size; ++i) any |= value_of(i) != 0 ? 1 : 0;
    return any;
  });
}
inline void __syncthreads() { __syncthreads_or(0); }
inline unsigned __ballot_sync(unsigned, int predicate) {
  on_host::Block& block = *on_host::Block::now();
  return block.exchange(block.warp(), predicate, [&](const auto& value_of) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < block.warp().size; ++i) bits |= value_of(i) != 0 ? 1U << i : 0U;
    return bits;
  });
}
inline void __syncwarp() { __ballot_sync(0, 0); }
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
template <typename T>
T shuffle(T value, std::size_t source) {
  on_host::Block& block = *on_host::Block::now();
  return block.exchange(block.warp(), value, [&](const auto& value_of) { return value_of(source); });
}
template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return shuffle(value, static_cast<std::size_t>(lane));
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return shuffle(value, on_host::Block::now()->lane() ^ static_cast<std::size_t>(mask));
}
template <typename T>
T __shfl_up_sync(unsigned, T value, int distance) {
  const std::size_t lane = on_host::Block::now()->lane(), d = static_cast<std::size_t>(distance);
  return shuffle(value, lane >= d ? lane - d : lane);
}
inline std::uint32_t __reduce_add_sync(unsigned, std::uint32_t value) {
  on_host::Block& block = *on_host::Block::now();
  return block.exchange(block.warp(), value, [&](const auto& value_of) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < block.warp().size; ++i) sum += value_of(i);
    return sum;
  });
}

enum cudaError_t {
  cudaSuccess,
  cudaErrorMemoryAllocation,
  cudaErrorInsufficientDriver,
  cudaErrorNoKernelImageForDevice,
  cudaErrorUnsupportedPtxVersion,
  cudaErrorNotSupported
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDefault };
enum { cudaHostAllocDefault = 0, cudaStreamCaptureModeThreadLocal = 0 };
using cudaStream_t = struct CUstream_st*;
using cudaGraph_t = struct CUgraph_st*;
using cudaGraphExec_t = struct CUgraphExec_st*;

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "an error of the tests"; }
inline const char* cudaGetErrorName(cudaError_t) { return "cudaErrorOnHost"; }
/// What is left of the "device's" memory, so that tests can run out of it.
inline std::size_t& free_device_bytes() {
  static std::size_t bytes = std::size_t{1} << 40;
  return bytes;
}
inline cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  if (bytes > free_device_bytes()) return cudaErrorMemoryAllocation;
  *pointer = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*pointer, 0xA5, bytes);  // what was there before
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}
template <typename T>
cudaError_t cudaHostAlloc(T** pointer, std::size_t bytes, unsigned) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), bytes);
}
inline cudaError_t cudaFreeHost(void* pointer) { return cudaFree(pointer); }
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = free_device_bytes();
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  return cudaMemset(to, value, bytes);
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamBeginCapture(cudaStream_t, int) { return cudaErrorNotSupported; }
inline cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*) { return cudaErrorNotSupported; }
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, int) { return cudaErrorNotSupported; }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) { return cudaErrorNotSupported; }
inline cudaError_t cudaGraphDestroy(cudaGraph_t) { return cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) { return cudaSuccess; }
// NOLINTEND
