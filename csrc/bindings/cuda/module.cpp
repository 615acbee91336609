#include <nanobind/nanobind.h>

#include "bindings/cuda/bindings.h"
#include "cuda/error.h"

NB_MODULE(_cuda, module) {
  module.doc() =
      "The CUDA core of rtgs2_trt. Loads without a driver; problem() says whether it can be used. Addresses in device\n"
      "memory and streams are whole numbers; stream 0 is the default stream.";
  // Tried from the last to the first.
  nanobind::exception<rtgs2::cuda::Error>(module, "CudaError", PyExc_RuntimeError);
  nanobind::exception<rtgs2::cuda::OutOfMemory>(module, "CudaMemoryError", PyExc_MemoryError);
  rtgs2::bindings::bind_cuda_argmax(module);
  rtgs2::bindings::bind_cuda_device(module);
  rtgs2::bindings::bind_cuda_dlpack(module);
  rtgs2::bindings::bind_cuda_memory(module);
  rtgs2::bindings::bind_cuda_streams(module);
  rtgs2::bindings::bind_cuda_rasterize(module);
}
