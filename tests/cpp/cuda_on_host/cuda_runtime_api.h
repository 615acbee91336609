// What the CUDA core uses of CUDA's runtime and language, on the host. "Device memory" is host memory; streams run at
// once, but for one that records a graph, whose work is kept and run when the graph is launched.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

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
  cudaErrorNoDevice,
  cudaErrorNoKernelImageForDevice,
  cudaErrorInvalidDeviceFunction,
  cudaErrorUnsupportedPtxVersion,
  cudaErrorStreamCaptureInvalidated
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDefault };
enum cudaMemoryType { cudaMemoryTypeUnregistered, cudaMemoryTypeHost, cudaMemoryTypeDevice, cudaMemoryTypeManaged };
enum {
  cudaHostAllocDefault = 0,
  cudaHostAllocMapped = 0,
  cudaStreamCaptureModeThreadLocal = 0,
  cudaStreamNonBlocking = 0,
  cudaEventDefault = 0
};
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount, integrated;
};
struct cudaFuncAttributes {};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
};
struct CUstream_st {
  std::vector<std::function<void()>>* recorded = nullptr;  // while it records a graph
};
struct CUgraph_st {
  std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};
using cudaEvent_t = CUevent_st*;
using cudaStream_t = CUstream_st*;
using cudaGraph_t = CUgraph_st*;
using cudaGraphExec_t = CUgraphExec_st*;

/// The "machine": what CUDA would find there. Tests change it.
namespace on_host {
struct Machine {
  int driver = 13000, runtime = 13000, devices = 1;
  cudaError_t counting = cudaSuccess, kernel = cudaSuccess;
  std::size_t free_bytes = std::size_t{1} << 40;  // so that tests can run out of it
};
inline Machine& machine() {
  static Machine value;
  return value;
}
/// Runs work of a stream, or keeps it for the graph that the stream records.
inline void run_or_record(cudaStream_t stream, const std::function<void()>& work) {
  if (stream != nullptr && stream->recorded != nullptr) {
    stream->recorded->push_back(work);
  } else {
    work();
  }
}
}  // namespace on_host

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "an error of the tests"; }
inline const char* cudaGetErrorName(cudaError_t) { return "cudaErrorOnHost"; }
inline cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  if (bytes > on_host::machine().free_bytes) return cudaErrorMemoryAllocation;
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
  *free = *total = on_host::machine().free_bytes;
  return cudaSuccess;
}
inline cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  std::memset(to, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  on_host::run_or_record(stream, [=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  on_host::run_or_record(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                                     std::size_t row_bytes, std::size_t rows, cudaMemcpyKind, cudaStream_t stream) {
  on_host::run_or_record(stream, [=] {
    for (std::size_t row = 0; row < rows; ++row) {
      std::memcpy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch,
                  row_bytes);
    }
  });
  return cudaSuccess;
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stream != nullptr && stream->recorded != nullptr ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, int) {
  if (stream == nullptr || stream->recorded != nullptr) return cudaErrorStreamCaptureInvalidated;
  stream->recorded = new std::vector<std::function<void()>>;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = new CUgraph_st{std::move(*stream->recorded)};
  delete std::exchange(stream->recorded, nullptr);
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, int) {
  *executable = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  for (const auto& work : executable->work) work();
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st{};
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return cudaSuccess;
}

inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = on_host::machine().driver;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = on_host::machine().runtime;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* devices) {
  *devices = on_host::machine().devices;
  return on_host::machine().counting;
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"a host that emulates a GPU", 9, 9, 1, 0};
  return cudaSuccess;
}
inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, void (*)()) { return on_host::machine().kernel; }
inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*) {
  *attributes = {cudaMemoryTypeUnregistered, 0};
  return cudaSuccess;
}
// NOLINTEND
