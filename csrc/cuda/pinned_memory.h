// Memory of the host that the device reads and writes without the host's help.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

#include "cuda/error.h"

namespace rtgs2::cuda {

/// Bytes that are freed with it. They are mapped into the device's address space, so that kernels of a GPU that shares
/// the host's memory (Jetson) may write results there at once; other GPUs copy to it while they compute.
class PinnedMemory {
 public:
  /// Throws OutOfMemory, Error.
  explicit PinnedMemory(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    const cudaError_t code = cudaHostAlloc(&data_, bytes, cudaHostAllocMapped);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw OutOfMemory("out of pinned memory: " + std::to_string(bytes) +
                        " bytes for results; use a smaller image, or end other programs");
    }
    check(code, "allocating pinned memory");
  }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { cudaFreeHost(data_); }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace rtgs2::cuda
