// Which tiles of the image a Gaussian may touch. Part of the picture's definition, not only of its speed: a Gaussian is
// not drawn outside its tiles, even where its alpha would count.
#pragma once

#include "splatting/host_device.h"
#include "splatting/projection.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

inline constexpr int kTileSize = 16;

/// Tile columns [left, right) and rows [top, bottom).
template <typename Integer>
struct BasicTileRectangle {
  Integer left, top, right, bottom;
};

using TileRectangle = BasicTileRectangle<int>;

RTGS2_HOST_DEVICE inline int tile_count(int pixels) { return (pixels + kTileSize - 1) / kTileSize; }

template <typename Integer>
RTGS2_HOST_DEVICE inline auto is_empty(const BasicTileRectangle<Integer>& r) {
  return (r.left >= r.right) | (r.top >= r.bottom);
}

/// Whole tiles in `pixels`, rounded towards zero and limited to [0, count]. Limited before the cast: a huge
/// radius does not fit an int.
template <typename Real>
RTGS2_HOST_DEVICE inline auto tile_index(Real pixels, int count) {
  return RealTraits<Real>::truncate(clamp(pixels / static_cast<float>(kTileSize), 0.0F, static_cast<float>(count)));
}

/// Tiles of a splat in a grid of `columns` by `rows` tiles; empty if it lies outside the image.
template <typename Real>
RTGS2_HOST_DEVICE inline auto tile_rectangle(const BasicSplat<Real>& splat, int columns, int rows) {
  constexpr float kUp = static_cast<float>(kTileSize - 1);
  return BasicTileRectangle<typename RealTraits<Real>::Integer>{
      tile_index(splat.centre.x - splat.radius, columns), tile_index(splat.centre.y - splat.radius, rows),
      tile_index(splat.centre.x + splat.radius + kUp, columns), tile_index(splat.centre.y + splat.radius + kUp, rows)};
}

}  // namespace rtgs2::splatting
