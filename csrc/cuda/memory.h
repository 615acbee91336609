// Memory of the device, and of the host where the device can read and write it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>
#include <utility>

#include "cuda/error.h"

namespace rtgs2::cuda {

/// Device memory that is freed with it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// `purpose` names it in the error if there is not enough (OutOfMemory).
  DeviceMemory(std::size_t bytes, const char* purpose) : bytes_(bytes) {
    if (bytes == 0) return;
    const cudaError_t code = cudaMalloc(&data_, bytes);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      std::size_t free = 0, total = 0;
      cudaMemGetInfo(&free, &total);
      const auto in_mib = [](std::size_t size) { return std::to_string((size >> 20U) + 1) + " MiB"; };
      throw OutOfMemory(std::string("out of GPU memory: ") + purpose + " needs " + in_mib(bytes) + ", free are " +
                        in_mib(free) + " of " + in_mib(total) +
                        "; use a smaller scene or image, or end other programs on this GPU");
    }
    check(code, "allocating GPU memory");
  }
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceMemory() { cudaFree(data_); }

  template <typename T>
  T* at(std::size_t offset = 0) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(data_) + offset);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// One T of host memory that the device writes to without the host's help.
template <typename T>
class Pinned {
 public:
  Pinned() {
    check(cudaHostAlloc(reinterpret_cast<void**>(&value_), sizeof(T), cudaHostAllocDefault),
          "allocating pinned memory");
    *value_ = T{};
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() { cudaFreeHost(value_); }
  T& operator*() const { return *value_; }
  T* get() const { return value_; }

 private:
  T* value_ = nullptr;
};

}  // namespace rtgs2::cuda
