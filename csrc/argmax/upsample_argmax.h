// From class logits at a quarter of the image's size to a class a pixel, without logits of full size.
#pragma once

#include <cstdint>

namespace rtgs2 {

/// Pixels a side for one logit.
inline constexpr int kUpsampling = 4;

/// Most classes; with up to 255 labels are bytes, so that 255 stays free for "unknown".
inline constexpr std::int64_t kMaxClasses = 65535;
inline constexpr std::int64_t kMaxByteClasses = 255;

/// Logits (classes, rows, columns), float32, row-major without gaps, and the size of the label image:
/// 0 <= height <= 4 rows, 0 <= width <= 4 columns (what is over is cropped at the right and the bottom).
struct QuarterLogits {
  const float* values = nullptr;
  std::int64_t classes = 0, rows = 0, columns = 0;
  std::int64_t height = 0, width = 0;
};

/// Bilinear upsampling by 4 (pixel centres at +0.5, as PyTorch's align_corners=False) and the class of the largest
/// logit, ties to the lowest class. NaN never wins; where nothing is above minus infinity the class is 0.
///
/// `labels` is (height, width) of uint8_t (at most kMaxByteClasses classes) or uint16_t. `confidence`, (height, width)
/// or null, takes the softmax probability of that class (NaN where a logit is NaN or the largest is infinite).
/// `threads` 0 = all; the result does not depend on it. Throws std::invalid_argument for sizes out of range.
template <typename Label>
void upsample_argmax_cpu(const QuarterLogits& logits, Label* labels, float* confidence, int threads);

extern template void upsample_argmax_cpu(const QuarterLogits&, std::uint8_t*, float*, int);
extern template void upsample_argmax_cpu(const QuarterLogits&, std::uint16_t*, float*, int);

/// The same upsampling, then softmax over the classes: fills `probabilities` (classes, height, width). A pixel with a
/// logit that is NaN, or whose largest is infinite, is NaN in all classes. Throws like upsample_argmax_cpu().
void upsample_softmax_cpu(const QuarterLogits& logits, float* probabilities, int threads);

}  // namespace rtgs2
