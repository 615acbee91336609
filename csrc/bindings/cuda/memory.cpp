// Device memory of our own, for callers who have no CUDA library of Python.
#include "cuda/memory.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "bindings/checked_array.h"
#include "bindings/cuda/bindings.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;
using cuda::DeviceMemory;

using Bytes = nb::ndarray<nb::ro, nb::device::cpu, std::uint8_t, nb::ndim<1>, nb::c_contig>;

void write(const DeviceMemory& memory, const Bytes& values) {
  if (values.size() != memory.bytes()) throw std::invalid_argument("as many bytes are needed as there are");
  const nb::gil_scoped_release release;
  cuda::check(cudaMemcpy(memory.at<void>(), values.data(), values.size(), cudaMemcpyHostToDevice),
              "copying to the GPU");
  // It may still be on its way, and the streams of frames do not wait for the default one.
  cuda::check(cudaStreamSynchronize(nullptr), "copying to the GPU");
}

nb::ndarray<nb::numpy, std::uint8_t> read(const DeviceMemory& memory) {
  auto values = new_array<std::uint8_t>({memory.bytes()});
  {
    const nb::gil_scoped_release release;
    cuda::check(cudaMemcpy(values.data, memory.at<void>(), memory.bytes(), cudaMemcpyDeviceToHost),
                "copying from the GPU");
  }
  return values.array;
}

}  // namespace

void bind_cuda_memory(nb::module_& module) {
  nb::class_<DeviceMemory>(module, "Memory", "Bytes in device memory, their values not set yet.")
      .def(
          "__init__", [](DeviceMemory* memory, std::size_t bytes) { new (memory) DeviceMemory(bytes, "an array"); },
          nb::arg("bytes"), "CudaMemoryError if there is not enough.")
      .def_prop_ro("address", [](const DeviceMemory& m) { return reinterpret_cast<std::uintptr_t>(m.at<void>()); })
      .def("write", &write, nb::arg("values"), "Copies uint8 values, as many as there are bytes, and waits.")
      .def("read", &read, "A copy as uint8; waits for it, but not for streams other than the default one.");
}

}  // namespace rtgs2::bindings
