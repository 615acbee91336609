// How the eight warps of a block share a tile: each has 8 x 4 pixels, and each lane four of them, below one another.
#pragma once

#include "splatting/host_device.h"
#include "splatting/tiles.h"

namespace rtgs2::rasterize {

inline constexpr int kSubtileWidth = 8, kSubtileHeight = 4;
inline constexpr int kSubtilesAcross = splatting::kTileSize / kSubtileWidth;
inline constexpr int kSubtiles = kSubtilesAcross * (splatting::kTileSize / kSubtileHeight);
inline constexpr int kBlendBlock = 32 * kSubtiles;

struct Subtile {
  int left, top;  // pixels
};

RTGS2_HOST_DEVICE inline Subtile subtile_of(int tile, int columns, int warp) {
  return {tile % columns * splatting::kTileSize + warp % kSubtilesAcross * kSubtileWidth,
          tile / columns * splatting::kTileSize + warp / kSubtilesAcross * kSubtileHeight};
}

// The tensor core's product (mma.m16n8k16) takes 16 pixels x 16 Gaussians times 16 Gaussians x 8 channels. Of the first
// factor, lane 4 g + q holds the pixels g and g + 8 and the Gaussians in the slots 2 q, 2 q + 1, 2 q + 8 and 2 q + 9.
// The order of the slots is free as long as both factors agree: lane q's slots take the Gaussians 4 q to 4 q + 3, so
// that each lane weighs four neighbours.

/// Which of 16 Gaussians stands in a slot of the tensor core's product.
RTGS2_HOST_DEVICE inline constexpr int gaussian_in_slot(int slot) { return slot % 8 / 2 * 4 + slot / 8 * 2 + slot % 2; }

/// Row of the sub-tile of a pixel of product `half` (0: the two upper rows), in the first or second eight of its 16.
RTGS2_HOST_DEVICE inline constexpr int row_of_product(int half, int second) { return 2 * half + second; }

}  // namespace rtgs2::rasterize
