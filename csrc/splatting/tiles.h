// Which tiles of the image a Gaussian may touch. Part of the picture's definition, not only of its speed: a Gaussian is
// not drawn outside its tiles, even where its alpha would count.
#pragma once

#include "splatting/host_device.h"
#include "splatting/projection.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

inline constexpr int kTileSize = 16;

/// Tile columns [left, right) and rows [top, bottom).
struct TileRectangle {
  int left, top, right, bottom;
};

RTGS2_HOST_DEVICE inline int tile_count(int pixels) { return (pixels + kTileSize - 1) / kTileSize; }

RTGS2_HOST_DEVICE inline bool is_empty(const TileRectangle& r) { return r.left >= r.right || r.top >= r.bottom; }

/// Whole tiles in `pixels`, rounded towards zero and limited to [0, count]. Limited before the cast: a huge
/// radius does not fit an int.
RTGS2_HOST_DEVICE inline int tile_index(float pixels, int count) {
  return static_cast<int>(clamp(pixels / static_cast<float>(kTileSize), 0.0F, static_cast<float>(count)));
}

/// Tiles of a splat in a grid of `columns` by `rows` tiles; empty if it lies outside the image.
RTGS2_HOST_DEVICE inline TileRectangle tile_rectangle(const Splat& splat, int columns, int rows) {
  const float up = static_cast<float>(kTileSize - 1);
  return {tile_index(splat.centre.x - splat.radius, columns), tile_index(splat.centre.y - splat.radius, rows),
          tile_index(splat.centre.x + splat.radius + up, columns),
          tile_index(splat.centre.y + splat.radius + up, rows)};
}

}  // namespace rtgs2::splatting
