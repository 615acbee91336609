// What the Python module rtgs2_trt._cuda is assembled from.
#pragma once

#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>

#include <cstdint>

namespace rtgs2::bindings {

void bind_cuda_argmax(nanobind::module_& module);
void bind_cuda_device(nanobind::module_& module);
void bind_cuda_dlpack(nanobind::module_& module);
void bind_cuda_memory(nanobind::module_& module);
void bind_cuda_rasterize(nanobind::module_& module);
void bind_cuda_streams(nanobind::module_& module);

/// Addresses in device memory and streams come from Python as whole numbers, as cudaMalloc() and cudaStreamCreate()
/// gave them: what __cuda_array_interface__, DLPack and all CUDA libraries of Python can tell.
template <typename T>
T* device_pointer(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);  // NOLINT(performance-no-int-to-ptr)
}
inline cudaStream_t stream_of(std::uintptr_t address) { return device_pointer<CUstream_st>(address); }

}  // namespace rtgs2::bindings
