// Which tiles of its square a Gaussian really reaches: where the ellipse alpha = 1/255 meets them.
#pragma once

#include "rasterize/ellipse.h"
#include "rasterize/ellipse_reach.h"
#include "splatting/host_device.h"
#include "splatting/tiles.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// Tile columns [left, right) of one row of tiles.
struct TileColumns {
  int left, right;
};

/// The tiles of a Gaussian, row by row. Never leaves out a tile where a pixel is reached: the ellipse is a little
/// generous, and NaN reaches everything.
class TileSpans {
 public:
  RTGS2_HOST_DEVICE inline TileSpans(const Ellipse& ellipse, const SmallTileRectangle& tiles)
      : tiles_(tiles), top_(tiles.top), bottom_(tiles.bottom) {
    whole_ = tiles.right - tiles.left == 1 && tiles.bottom - tiles.top == 1;
    if (whole_) return;
    reach_ = reach_of(ellipse, kSize * static_cast<float>(tiles.right), kSize * static_cast<float>(tiles.bottom));
    whole_ = reach_.everywhere;
    if (whole_) return;
    const float first = tiles.top, end = tiles.bottom;
    top_ = tile_of(reach_.y - reach_.height - reach_.slack_y, first, end);
    bottom_ = tile_of(reach_.y + reach_.height + reach_.slack_y + kSize, first, end);
  }

  /// Rows of tiles [top, bottom); what lies outside is not reached.
  RTGS2_HOST_DEVICE inline int top() const { return top_; }
  RTGS2_HOST_DEVICE inline int bottom() const { return bottom_; }

  /// Columns of a row of [top, bottom); possibly none (left >= right).
  RTGS2_HOST_DEVICE inline TileColumns columns(int row) const {
    if (whole_) return {tiles_.left, tiles_.right};
    const float first_pixel = static_cast<float>(row) * kSize;
    const PixelRange pixels = columns_reached(reach_, first_pixel, first_pixel + (kSize - 1.0F));
    const float left = tiles_.left, right = tiles_.right;
    return {tile_of(pixels.left, left, right), tile_of(pixels.right + kSize, left, right)};
  }

 private:
  static constexpr float kSize = splatting::kTileSize;

  /// Limited before the cast, which then rounds down.
  RTGS2_HOST_DEVICE static inline int tile_of(float pixel, float low, float high) {
    return static_cast<int>(splatting::clamp(pixel * (1.0F / kSize), low, high));
  }

  SmallTileRectangle tiles_;
  EllipseReach reach_{};
  bool whole_;  // the whole rectangle
  int top_, bottom_;
};

/// Calls `function(row, left, right)` for every row of tiles in `tiles` where pixels of the columns [left, right) may
/// be reached.
template <typename Function>
void for_each_tile_span(const Ellipse& ellipse, const SmallTileRectangle& tiles, const Function& function) {
  const TileSpans spans(ellipse, tiles);
  for (int row = spans.top(); row < spans.bottom(); ++row) {
    const TileColumns columns = spans.columns(row);
    if (columns.left < columns.right) function(row, columns.left, columns.right);
  }
}

}  // namespace rtgs2::rasterize
