// The device memory of a frame: how much, and where what lies. All of it is taken before the first frame, so that a
// frame allocates nothing and never asks the host; if it turns out too small the frame is drawn again with more.
//
// Sorting moves the most bytes. One sort of P pairs by tile and depth at once would be 43 bits of key: six passes that
// read and write 12 bytes, 144 P. Instead the V visible Gaussians are sorted by depth (four passes of 8 bytes, 64 V),
// then pairs are written from near to far and sorted stably by tile alone (two passes of 8 bytes for up to 65535 tiles,
// 40 P with the writing). A room of 1 million Gaussians at 640 x 480 has V = 0.3 and P = 2 million: 100 MB, not 290.
// Both sorts have 32-bit keys and values, though 16 bits would do for most images: one sort to compile, and any image.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "rasterize/ellipse.h"
#include "rasterize/ordered_append.h"
#include "rasterize/rasterize.h"
#include "rasterize/tile_lists.h"

namespace rtgs2::rasterize {

/// Values that one block appends to a list, one a thread.
inline constexpr std::uint32_t kAppendBlock = 256;

/// Most Gaussians of a scene on the GPU.
inline constexpr std::int64_t kMaxDeviceGaussians = std::int64_t{1} << 30;

struct FrameCapacities {
  std::uint32_t visible;  // Gaussians
  std::uint32_t pairs;    // of a visible Gaussian and a tile that it reaches

  bool operator==(const FrameCapacities&) const = default;
};

/// The most that any frame needed since it was last set to zero. If `visible` did not fit, `pairs` counts only the
/// Gaussians that did.
struct FrameNeeds {
  std::uint64_t visible, pairs;
};

/// What the kernels of a frame count in; zero before each.
struct FrameControl {
  std::uint64_t visible, pairs;               // needed
  std::uint32_t visible_blocks, pair_blocks;  // that have begun to append
};

inline FrameCapacities first_capacities(std::int64_t gaussians) {
  const auto count = static_cast<std::uint32_t>(gaussians);
  const std::uint32_t visible = std::min(count, std::max<std::uint32_t>(count / 2, 65536));
  return {std::max<std::uint32_t>(visible, 1), std::max<std::uint32_t>(65536, 4 * std::min(visible, 1U << 26U))};
}

/// Capacities for a frame that can never grow, as in a TensorRT engine: room for all Gaussians, and of pairs for the
/// most of 2^20, 4 a Gaussian and 1024 a tile, at most kMaxTilePairs: the larger the image, the more tiles a Gaussian
/// reaches. More Gaussians never give less.
inline FrameCapacities fixed_capacities(std::int64_t gaussians, std::int64_t tiles) {
  constexpr std::int64_t kLeastPairs = std::int64_t{1} << 20, kPairsOfGaussian = 4, kPairsOfTile = 1024;
  const std::int64_t pairs = std::max({kLeastPairs, kPairsOfGaussian * gaussians, kPairsOfTile * tiles});
  return {static_cast<std::uint32_t>(std::max<std::int64_t>(gaussians, 1)),
          static_cast<std::uint32_t>(std::min(pairs, kMaxTilePairs))};
}

inline bool fits(const FrameNeeds& needs, const FrameCapacities& capacities) {
  return needs.visible <= capacities.visible && needs.pairs <= capacities.pairs;
}

/// Capacities for what `needs` says, with a quarter to spare; twice at most if both were too small. Throws
/// std::length_error if there would be more pairs than kMaxTilePairs.
inline FrameCapacities grown(const FrameCapacities& capacities, const FrameNeeds& needs, std::int64_t gaussians) {
  if (needs.pairs > static_cast<std::uint64_t>(kMaxTilePairs)) {
    throw std::length_error(std::to_string(needs.visible) + " visible Gaussians touch " + std::to_string(needs.pairs) +
                            " tiles, counted once each, and at most " + std::to_string(kMaxTilePairs) +
                            " can be listed: check that the scales are linear (not logarithms) and in the unit of the "
                            "means, or draw a smaller image");
  }
  const auto with_spare = [](std::uint64_t needed, std::uint64_t most) {
    return static_cast<std::uint32_t>(std::min(needed + needed / 4, most));
  };
  FrameCapacities result = capacities;
  if (needs.visible > capacities.visible) {
    result.visible = with_spare(needs.visible, static_cast<std::uint64_t>(gaussians));
  }
  if (needs.pairs > capacities.pairs) {
    result.pairs = with_spare(needs.pairs, static_cast<std::uint64_t>(kMaxTilePairs));
  }
  return result;
}

/// Capacities for what `needs` says where there is more than twice that: sorting and binning run over the capacity.
inline FrameCapacities tightened(const FrameCapacities& capacities, const FrameNeeds& needs) {
  constexpr std::uint32_t kLeast = 65536;
  const auto tighter = [](std::uint32_t capacity, std::uint64_t needed) {
    const std::uint64_t enough = std::max<std::uint64_t>(needed + needed / 4, kLeast);
    return enough < capacity / 2 ? static_cast<std::uint32_t>(enough) : capacity;
  };
  return {tighter(capacities.visible, needs.visible), tighter(capacities.pairs, needs.pairs)};
}

/// Byte offsets in one allocation, each a multiple of kBufferAlignment.
struct FrameLayout {
  // Set to zero before each frame, in one go.
  std::size_t control, visible_words, pair_words, ranges;
  std::size_t zeroed_end;
  // Set to padding keys before each frame.
  std::size_t depth_keys, tile_keys;
  std::size_t padded_end;
  // Written before they are read. The "other" arrays are what the sorts write in turn with the first ones.
  std::size_t other_depth_keys, other_tile_keys, members, other_members, pair_members, other_pair_members;
  std::size_t ellipses, base, indices, rectangles, tile_order, sort_scratch;
  std::size_t size;
};

inline constexpr std::size_t kBufferAlignment = 256;

inline FrameLayout lay_out_frame(const FrameCapacities& capacities, std::int64_t gaussians, std::uint32_t tiles,
                                 std::size_t sort_scratch_bytes) {
  std::size_t end = 0;
  const auto take = [&end](std::size_t count, std::size_t each) {
    const std::size_t begin = end;
    end += (count * each + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    return begin;
  };
  const auto blocks = [](std::size_t count) { return (count + kAppendBlock - 1) / kAppendBlock; };
  const std::size_t visible = capacities.visible, pairs = capacities.pairs;
  FrameLayout layout{};
  layout.control = take(1, sizeof(FrameControl));
  layout.visible_words = take(blocks(static_cast<std::size_t>(gaussians)), sizeof(AppendWord));
  layout.pair_words = take(blocks(visible), sizeof(AppendWord));
  layout.ranges = take(tiles, sizeof(PairRange));
  layout.zeroed_end = end;
  layout.depth_keys = take(visible, sizeof(std::uint32_t));
  layout.tile_keys = take(pairs, sizeof(std::uint32_t));
  layout.padded_end = end;
  layout.other_depth_keys = take(visible, sizeof(std::uint32_t));
  layout.other_tile_keys = take(pairs, sizeof(std::uint32_t));
  layout.members = take(visible, sizeof(std::uint32_t));
  layout.other_members = take(visible, sizeof(std::uint32_t));
  layout.pair_members = take(pairs, sizeof(std::uint32_t));
  layout.other_pair_members = take(pairs, sizeof(std::uint32_t));
  layout.ellipses = take(visible, sizeof(Ellipse));
  layout.base = take(visible, kBaseChannels * sizeof(float));
  layout.indices = take(visible, sizeof(std::uint32_t));
  layout.rectangles = take(visible, sizeof(SmallTileRectangle));
  layout.tile_order = take(tiles, sizeof(std::uint32_t));
  layout.sort_scratch = take(sort_scratch_bytes, 1);
  layout.size = end;
  return layout;
}

}  // namespace rtgs2::rasterize
