// How features lie in device memory: rows of 8, 16, 32 or 64 channels, the last ones zero.
#pragma once

#include <cstdint>

namespace rtgs2::rasterize {

enum class FeatureStorage { kHalf, kFloat };

/// Channels that are worked on together: the width of a tensor core's tile.
inline constexpr int kChannelTile = 8;

inline constexpr std::int64_t kMaxDeviceChannels = 64;

/// Tiles of channels in a row: 0, 1, 2, 4 or 8. Few sizes, since kernels are compiled for each.
inline constexpr int feature_tiles(std::int64_t channels) {
  int tiles = channels == 0 ? 0 : 1;
  while (tiles * kChannelTile < channels) tiles *= 2;
  return tiles;
}

}  // namespace rtgs2::rasterize
