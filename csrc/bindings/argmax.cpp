#include <nanobind/nanobind.h>

#include <cstdint>
#include <stdexcept>

#include "argmax/upsample_argmax.h"
#include "bindings/bindings.h"
#include "bindings/checked_array.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

template <typename Label>
nb::tuple label(const QuarterLogits& logits, bool with_confidence, int threads) {
  const auto rows = static_cast<std::size_t>(logits.height), columns = static_cast<std::size_t>(logits.width);
  auto labels = new_array<Label>({rows, columns});
  if (!with_confidence) {
    {
      const nb::gil_scoped_release release;
      upsample_argmax_cpu(logits, labels.data, nullptr, threads);
    }
    return nb::make_tuple(labels.array, nb::none());
  }
  auto confidence = new_array<float>({rows, columns});
  {
    const nb::gil_scoped_release release;
    upsample_argmax_cpu(logits, labels.data, confidence.data, threads);
  }
  return nb::make_tuple(labels.array, confidence.array);
}

/// The logits (C, h, w) and the size to upsample them to, which is checked before outputs are allocated.
QuarterLogits checked_logits(const AnyArray& logits, std::int64_t height, std::int64_t width, int threads) {
  QuarterLogits quarter;
  quarter.values = checked_data<float>(logits, "logits", {kAnySize, kAnySize, kAnySize});
  quarter.classes = static_cast<std::int64_t>(logits.shape(0));
  quarter.rows = static_cast<std::int64_t>(logits.shape(1));
  quarter.columns = static_cast<std::int64_t>(logits.shape(2));
  quarter.height = height;
  quarter.width = width;
  if (threads < 0) throw std::invalid_argument("threads must be 0 (all) or more");
  if (height < 0 || width < 0 || height > kUpsampling * quarter.rows || width > kUpsampling * quarter.columns) {
    throw std::invalid_argument("height and width must be 0 to 4 times those of the logits");
  }
  return quarter;
}

nb::tuple upsample_argmax(const AnyArray& logits, std::int64_t height, std::int64_t width, bool confidence,
                          int threads) {
  const QuarterLogits quarter = checked_logits(logits, height, width, threads);
  return quarter.classes <= kMaxByteClasses ? label<std::uint8_t>(quarter, confidence, threads)
                                            : label<std::uint16_t>(quarter, confidence, threads);
}

auto upsample_softmax(const AnyArray& logits, std::int64_t height, std::int64_t width, int threads) {
  const QuarterLogits quarter = checked_logits(logits, height, width, threads);
  auto probabilities = new_array<float>(
      {static_cast<std::size_t>(quarter.classes), static_cast<std::size_t>(height), static_cast<std::size_t>(width)});
  {
    const nb::gil_scoped_release release;
    upsample_softmax_cpu(quarter, probabilities.data, threads);
  }
  return probabilities.array;
}

}  // namespace

void bind_argmax(nb::module_& module) {
  module.def("upsample_argmax", &upsample_argmax, nb::arg("logits"), nb::arg("height"), nb::arg("width"),
             nb::arg("confidence"), nb::arg("threads"),
             "Upsamples float32 logits (C, h, w) by 4 and takes the argmax: (labels (height, width) uint8, or uint16\n"
             "for more than 255 classes; confidence (height, width) float32 or None). ValueError for wrong sizes.");
  module.def("upsample_softmax", &upsample_softmax, nb::arg("logits"), nb::arg("height"), nb::arg("width"),
             nb::arg("threads"),
             "Upsamples float32 logits (C, h, w) by 4 and takes the softmax over the classes: (C, height, width)\n"
             "float32. ValueError for wrong sizes.");
}

}  // namespace rtgs2::bindings
