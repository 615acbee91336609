// What blending reads of a visible Gaussian, on the CPU and on the GPU.
#pragma once

#include <cstdint>

#include "splatting/projection.h"
#include "splatting/tiles.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// Channels in front of the features: red, green, blue, depth.
inline constexpr int kBaseChannels = 4;

/// What blending reads of a visible Gaussian for every tile; half a cache line.
struct alignas(16) Ellipse {
  splatting::Vector2 centre;  // pixel index coordinates
  splatting::Whitening whitening;
  float opacity;
  float squared_reach;
  float depth;  // view z
};

/// Tiles of a visible Gaussian; the largest image has 1024 a side.
using SmallTileRectangle = splatting::BasicTileRectangle<std::uint16_t>;

}  // namespace rtgs2::rasterize
