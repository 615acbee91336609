#include "cuda/device.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <limits>
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

/// What the kernel says that programs can still have, in bytes: free memory and what files are cached in; 0 if it does
/// not tell.
std::size_t available_host_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    std::size_t kib = 0;
    if (name == "MemAvailable:" && file >> kib) return kib * 1024;
  }
  return 0;
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
  // Where host and GPU share the memory CUDA does not count what files are cached in, which is given up when asked for.
  if (properties.integrated != 0) free = std::min(std::max(free, available_host_memory()), total);
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
