// Four neighbouring pixels of one row from logits at a quarter of the size: what a thread of the GPU works on.
#pragma once

#include <math.h>

#include <cstdint>

#include "splatting/exponential.h"
#include "splatting/host_device.h"

namespace rtgs2::argmax {

inline constexpr int kQuad = 4;  // pixels along one logit

/// The same order of operations as upsample_argmax_cpu(): down first, then across, so that equal logits stay equal and
/// labels are the same to the last bit (without fused multiply-add).
RTGS2_HOST_DEVICE inline float mix(float before, float after, float weight_after) {
  return (1.0F - weight_after) * before + weight_after * after;
}

/// Which logits a pixel lies between: `before` is the offset of the first from the pixel's own logit.
struct Phase {
  int before;
  float weight_after;
};

/// Of pixel `position` (0 to 3) along a logit, whose centre lies between the pixels 1 and 2.
RTGS2_HOST_DEVICE inline Phase phase_of(int position) {
  return {position < 2 ? -1 : 0, position == 0 ? 0.625F : (position == 1 ? 0.875F : (position == 2 ? 0.125F : 0.375F))};
}

/// The largest logit of four pixels, so far.
struct QuadMaximum {
  float largest[kQuad] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  std::int32_t label[kQuad] = {0, 0, 0, 0};

  RTGS2_HOST_DEVICE inline void take(std::int32_t candidate, const float (&values)[kQuad]) {
    for (int i = 0; i < kQuad; ++i) {
      if (values[i] > largest[i]) {
        largest[i] = values[i];
        label[i] = candidate;
      }
    }
  }
};

/// Where four pixels' logits lie in the plane of one class.
struct QuadPosition {
  std::int64_t row_before, row_after;  // of values, to the first of the row
  std::int64_t columns[3];             // left neighbour, own, right neighbour
  float weight_after;                  // of row_after

  /// Of the pixels 4 `column` to 4 `column` + 3 of row `y`; logits beyond the border repeat it.
  RTGS2_HOST_DEVICE static inline QuadPosition of(std::int64_t y, std::int64_t column, std::int64_t rows,
                                                  std::int64_t columns) {
    const Phase phase = phase_of(static_cast<int>(y % kQuad));
    const std::int64_t before = y / kQuad + phase.before, after = before + 1;
    return {(before > 0 ? before : 0) * columns,
            (after < rows ? after : rows - 1) * columns,
            {column > 0 ? column - 1 : 0, column, column + 1 < columns ? column + 1 : columns - 1},
            phase.weight_after};
  }
};

/// The four pixels' values of one class; `logit(i)` gives the value at position i of its plane.
template <typename Logit>
RTGS2_HOST_DEVICE inline void interpolate_quad(const QuadPosition& at, const Logit& logit, float (&values)[kQuad]) {
  float line[3];
  for (int i = 0; i < 3; ++i) {
    line[i] = mix(logit(at.row_before + at.columns[i]), logit(at.row_after + at.columns[i]), at.weight_after);
  }
  for (int i = 0; i < kQuad; ++i) {
    const Phase phase = phase_of(i);
    values[i] = mix(line[1 + phase.before], line[2 + phase.before], phase.weight_after);
  }
}

}  // namespace rtgs2::argmax
