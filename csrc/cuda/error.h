// CUDA's error codes as exceptions.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace rtgs2::cuda {

/// A call of CUDA failed: no driver, no device, an architecture that this build has no code for, a fault in a kernel.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The device has not enough free memory.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

inline void check(cudaError_t code, const char* doing) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  std::string message =
      std::string(doing) + " failed: " + cudaGetErrorString(code) + " (" + cudaGetErrorName(code) + ")";
  if (code == cudaErrorNoKernelImageForDevice || code == cudaErrorUnsupportedPtxVersion) {
    message += "; this build has no code for this GPU and driver: build with CMAKE_CUDA_ARCHITECTURES=native";
  }
  if (code == cudaErrorInsufficientDriver) message += "; update the NVIDIA driver";
  if (code == cudaErrorMemoryAllocation) throw OutOfMemory(message);
  throw Error(message);
}

}  // namespace rtgs2::cuda
