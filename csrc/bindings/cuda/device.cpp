#include "cuda/device.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <cstddef>
#include <optional>
#include <string>

#include "bindings/cuda/bindings.h"
#include "cuda/error.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

std::optional<std::string> problem() {
  const std::string text = cuda::device_problem();
  return text.empty() ? std::nullopt : std::optional(text);
}

nb::dict device() {
  int index = 0, driver = 0, runtime = 0;
  cudaDeviceProp properties{};
  cuda::check(cudaGetDevice(&index), "finding the GPU");
  cuda::check(cudaGetDeviceProperties(&properties, index), "asking the GPU");
  cuda::check(cudaDriverGetVersion(&driver), "asking the driver");
  cuda::check(cudaRuntimeGetVersion(&runtime), "asking CUDA");
  std::size_t free = 0, total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "asking for free memory");
  nb::dict result;
  result["index"] = index;
  result["name"] = static_cast<const char*>(properties.name);
  result["compute_capability"] = nb::make_tuple(properties.major, properties.minor);
  result["memory"] = total;
  result["free_memory"] = free;
  result["shares_host_memory"] = properties.integrated != 0;
  result["multiprocessors"] = properties.multiProcessorCount;
  result["driver"] = driver;
  result["runtime"] = runtime;
  return result;
}

}  // namespace

void bind_cuda_device(nb::module_& module) {
  module.def("problem", &problem, "Why the current GPU cannot be used, in one sentence; None if it can.");
  module.def("device", &device,
             "The current GPU: index, name, compute_capability (major, minor), memory and free_memory (bytes),\n"
             "shares_host_memory (a Jetson's), multiprocessors, and the CUDA versions of driver and runtime (12060 is\n"
             "12.6). CudaError if it cannot be asked.");
}

}  // namespace rtgs2::bindings
