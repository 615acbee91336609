#include "cuda/device.h"

#include <cuda_runtime_api.h>

namespace rtgs2::cuda {
namespace {

__global__ void nothing_kernel() {}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

std::string device_problem() {
  int driver = 0, runtime = 0, devices = 0, device = 0;
  cudaRuntimeGetVersion(&runtime);
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    return "no NVIDIA driver: install one that supports CUDA " + version_text(runtime) +
           ", or start the container with access to the GPU";
  }
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  if (counted == cudaErrorInsufficientDriver) {
    cudaGetLastError();
    return "the NVIDIA driver is too old: it supports CUDA " + version_text(driver) + ", this build needs " +
           version_text(runtime) + " (of the same major version at least)";
  }
  if (counted != cudaSuccess || devices == 0) {
    cudaGetLastError();
    return std::string("no NVIDIA GPU: ") + (counted == cudaSuccess ? "none is visible" : cudaGetErrorString(counted));
  }
  cudaDeviceProp properties{};
  cudaFuncAttributes attributes{};
  cudaError_t code = cudaGetDevice(&device);
  if (code == cudaSuccess) code = cudaGetDeviceProperties(&properties, device);
  if (code == cudaSuccess) code = cudaFuncGetAttributes(&attributes, nothing_kernel);
  if (code == cudaSuccess) return {};
  cudaGetLastError();
  if (code == cudaErrorNoKernelImageForDevice || code == cudaErrorInvalidDeviceFunction ||
      code == cudaErrorUnsupportedPtxVersion) {
    const std::string architecture = std::to_string(properties.major) + std::to_string(properties.minor);
    return std::string("this build has no code for ") + properties.name + " (sm_" + architecture +
           "): build with -DCMAKE_CUDA_ARCHITECTURES=" + architecture + "; GPUs from sm_80 on can be used";
  }
  return std::string("the GPU cannot be used: ") + cudaGetErrorString(code);
}

}  // namespace rtgs2::cuda
