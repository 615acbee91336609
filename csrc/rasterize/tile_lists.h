// Lists of the Gaussians of each tile, made by sorting pairs (tile, Gaussian) that were written from near to far.
#pragma once

#include <cstdint>

#include "splatting/host_device.h"

namespace rtgs2::rasterize {

/// Sorts behind every depth and every tile, whatever number of low bits is compared: pads what is not used.
inline constexpr std::uint32_t kPaddingKey = 0xFFFFFFFF;

/// Bits that tell `tiles` tiles and the padding apart.
inline constexpr int tile_key_bits(std::uint32_t tiles) {
  int bits = 0;
  while ((std::uint64_t{1} << bits) <= tiles) ++bits;
  return bits;
}

/// A tile's pairs [begin, end) of the sorted ones.
struct PairRange {
  std::uint32_t begin, end;
};

/// Writes into `ranges`, all zero before, what the sorted pair `p` of `count` says: whether its tile begins or ends
/// with it.
RTGS2_HOST_DEVICE inline void write_borders(const std::uint32_t* tiles, std::uint32_t count, std::uint32_t p,
                                            PairRange* ranges) {
  const std::uint32_t tile = tiles[p];
  if (p == 0 || tiles[p - 1] != tile) ranges[tile].begin = p;
  if (p + 1 == count || tiles[p + 1] != tile) ranges[tile].end = p + 1;
}

/// Tiles are blended in the order of their class, so that no long one starts when the others are done.
inline constexpr int kLengthClasses = 33;

/// 0 for the longest lists, kLengthClasses - 1 for empty ones; lengths within a factor of two are alike.
RTGS2_HOST_DEVICE inline int length_class(const PairRange& range) {
  int bits = 0;
  for (std::uint32_t length = range.end - range.begin; length != 0; length >>= 1U) ++bits;
  return kLengthClasses - 1 - bits;
}

}  // namespace rtgs2::rasterize
