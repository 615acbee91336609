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
  // First tile whose last pixel is not before `pixel`; tile after the last whose first pixel is not beyond it.
  const auto first_tile = [](float pixel, float low, float high) {
    return static_cast<int>(clamp(std::ceil((pixel - kLastPixel) / kSize), low, high));
  };
  const auto end_tile = [](float pixel, float low, float high) {
    return static_cast<int>(-clamp(-std::floor(pixel / kSize) - 1.0F, -high, -low));
  };
  const float left = tiles.left, top = tiles.top, right = tiles.right, bottom = tiles.bottom;

  const auto [a, b, c] = ellipse.whitening;
  const float r = std::sqrt(ellipse.squared_reach);
  const float k = b / c;
  const float extreme = r * (k / std::sqrt(1.0F + k * k));
  // For rounding, pixels.
  const float x = ellipse.centre.x, y = ellipse.centre.y;
  const float slack_x = 0.02F + 1e-5F * (std::fabs(x) + kSize * right + std::fabs(k) * r / a);
  const float slack_y = 0.02F + 1e-5F * (std::fabs(y) + kSize * bottom);

  const int end = end_tile(y + r / c + slack_y, top, bottom);
  for (int row = first_tile(y - r / c - slack_y, top, bottom); row < end; ++row) {
    const float first_pixel = static_cast<float>(row) * kSize;
    const float low = clamp(c * (y - first_pixel - kLastPixel - slack_y), -r, r);
    const float high = clamp(c * (y - first_pixel + slack_y), -r, r);
    const float v_right = clamp(extreme, low, high), v_left = clamp(-extreme, low, high);
    const float x_right = x + (k * v_right + std::sqrt(r * r - v_right * v_right)) / a + slack_x;
    const float x_left = x + (k * v_left - std::sqrt(r * r - v_left * v_left)) / a - slack_x;
    const int first = first_tile(x_left, left, right), last = end_tile(x_right, left, right);
    if (first < last) function(row, first, last);
  }
}

}  // namespace rtgs2::rasterize
