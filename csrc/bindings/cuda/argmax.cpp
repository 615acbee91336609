#include <nanobind/nanobind.h>

#include <cstdint>

#include "argmax/upsample_argmax_cuda.h"
#include "bindings/cuda/bindings.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

cuda::DeviceLogits logits_at(std::uintptr_t values, bool half, std::int64_t classes, std::int64_t rows,
                             std::int64_t columns, std::int64_t height, std::int64_t width) {
  return {device_pointer<void>(values),
          half ? cuda::LogitType::kHalf : cuda::LogitType::kFloat,
          classes,
          rows,
          columns,
          height,
          width};
}

void enqueue(std::uintptr_t logits, bool half, std::int64_t classes, std::int64_t rows, std::int64_t columns,
             std::int64_t height, std::int64_t width, std::uintptr_t labels, std::uintptr_t confidence,
             std::uintptr_t stream) {
  const cuda::DeviceLogits quarter = logits_at(logits, half, classes, rows, columns, height, width);
  if (classes <= kMaxByteClasses) {
    cuda::upsample_argmax(quarter, device_pointer<std::uint8_t>(labels), device_pointer<float>(confidence),
                          stream_of(stream));
  } else {
    cuda::upsample_argmax(quarter, device_pointer<std::uint16_t>(labels), device_pointer<float>(confidence),
                          stream_of(stream));
  }
}

}  // namespace

void bind_cuda_argmax(nb::module_& module) {
  module.def("upsample_argmax", &enqueue, nb::arg("logits"), nb::arg("half"), nb::arg("classes"), nb::arg("rows"),
             nb::arg("columns"), nb::arg("height"), nb::arg("width"), nb::arg("labels"), nb::arg("confidence"),
             nb::arg("stream"), nb::call_guard<nb::gil_scoped_release>(),
             "Enqueues the labels (height, width), uint8 or, above 255 classes, uint16, of logits (classes, rows,\n"
             "columns), float16 if `half`, else float32. `confidence` 0: none. ValueError for wrong sizes.");
}

}  // namespace rtgs2::bindings
