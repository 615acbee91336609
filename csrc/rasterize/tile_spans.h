// Which tiles of its square a Gaussian really reaches: where the ellipse alpha = 1/255 meets them.
#pragma once

#include <cmath>
#include <cstdint>

#include "rasterize/kernels.h"
#include "splatting/tiles.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// Calls `function(row, left, right)` for every row of tiles in `tiles` where pixels of the columns [left, right) may
/// be reached. Never leaves out a tile where a pixel is: the ellipse is a little generous, and NaN reaches everything.
///
/// With U = [[a, b], [0, c]], v = c dy and k = b / c the ellipse is (a dx + k v)^2 + v^2 <= r^2. Over the tile row's
/// range of v its right end, x = cx + (k v + sqrt(r^2 - v^2)) / a, is largest at v = k r / sqrt(1 + k^2) or at the
/// nearest v of the range, and its left end alike at the negative.
template <typename Function>
void for_each_tile_span(const Ellipse& ellipse, const SmallTileRectangle& tiles, const Function& function) {
  using splatting::clamp;
  if (tiles.right - tiles.left == 1 && tiles.bottom - tiles.top == 1) {
    function(int{tiles.top}, int{tiles.left}, int{tiles.right});
    return;
  }
  constexpr float kSize = splatting::kTileSize;
  constexpr float kLastPixel = kSize - 1.0F;
  // Limited before the cast, which then rounds down.
  const auto tile_of = [](float pixel, float low, float high) {
    return static_cast<int>(clamp(pixel * (1.0F / kSize), low, high));
  };
  const float left = tiles.left, top = tiles.top, right = tiles.right, bottom = tiles.bottom;

  const float x = ellipse.centre.x, y = ellipse.centre.y;
  const auto [a, b, c] = ellipse.whitening;
  const float inverse_a = 1.0F / a, inverse_c = 1.0F / c;
  const float squared_r = ellipse.squared_reach;
  const float r = std::sqrt(squared_r);
  const float k = b * inverse_c;
  const float extreme = r * (k / std::sqrt(1.0F + k * k));
  const float height = r * inverse_c;
  // For rounding, pixels.
  const float slack_x = 0.02F + 1e-5F * (std::fabs(x) + kSize * right + (std::fabs(k) + 1.0F) * r * inverse_a);
  const float slack_y = 0.02F + 1e-5F * (std::fabs(y) + kSize * bottom + height);
  if (!splatting::is_finite(slack_x + slack_y + extreme)) {
    for (int row = tiles.top; row < tiles.bottom; ++row) function(row, int{tiles.left}, int{tiles.right});
    return;
  }

  const int end = tile_of(y + height + slack_y + kSize, top, bottom);
  for (int row = tile_of(y - height - slack_y, top, bottom); row < end; ++row) {
    const float first_pixel = static_cast<float>(row) * kSize;
    const float low = clamp(c * (y - first_pixel - kLastPixel - slack_y), -r, r);
    const float high = clamp(c * (y - first_pixel + slack_y), -r, r);
    const float v_right = clamp(extreme, low, high), v_left = clamp(-extreme, low, high);
    const auto width_at = [&](float v) { return std::sqrt(splatting::maximum(squared_r - v * v, 0.0F)); };
    const float x_right = x + (k * v_right + width_at(v_right)) * inverse_a + slack_x;
    const float x_left = x + (k * v_left - width_at(v_left)) * inverse_a - slack_x;
    const int first = tile_of(x_left, left, right), last = tile_of(x_right + kSize, left, right);
    if (first < last) function(row, first, last);
  }
}

}  // namespace rtgs2::rasterize
