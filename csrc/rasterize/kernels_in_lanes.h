// The rasteriser's kernels over vectors of RTGS2_LANES floats. Included by one file for each instruction set.
//
// Only plain data and functions that are always inlined come from other headers; all else is local to the file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rasterize/kernels.h"
#include "simd/lanes.h"
#include "splatting/blending.h"
#include "splatting/projection.h"
#include "splatting/spherical_harmonics.h"
#include "splatting/tiles.h"

namespace rtgs2::rasterize {
namespace {

using simd::Float;
using simd::Int;
using simd::kLanes;
using simd::Mask;
using splatting::kTileSize;

// ---------------------------------------------------------------------------------------------------------------------
// Projection: a Gaussian a lane.

/// Gaussians that are gathered before vectors are made of them.
constexpr int kGroup = 256;

struct alignas(64) Column {
  float values[kGroup];

  Float at(int i) const { return simd::load(values + i); }
};

/// Offsets of [begin, end) from the camera, and which of them may be visible: `candidates` takes their number within
/// the group. Returns how many.
int find_candidates(const GaussianArrays& gaussians, const splatting::Camera& camera, std::int64_t begin, int count,
                    Column (&offset)[3], std::uint16_t* candidates) {
  const float* means = gaussians.means + 3 * begin;
  const float* opacities = gaussians.opacities + begin;
  for (int i = 0; i < count; ++i) {
    offset[0].values[i] = means[3 * i] - camera.position.x;
    offset[1].values[i] = means[3 * i + 1] - camera.position.y;
    offset[2].values[i] = means[3 * i + 2] - camera.position.z;
  }
  const splatting::Vector3 axis = camera.rotation.z;
  int found = 0;
  for (int i = 0; i < count; ++i) {
    const float z = axis.x * offset[0].values[i] + axis.y * offset[1].values[i] + axis.z * offset[2].values[i];
    candidates[found] = static_cast<std::uint16_t>(i);
    found += static_cast<int>(z > splatting::kNearPlane) & static_cast<int>(opacities[i] >= splatting::kLeastAlpha);
  }
  return found;
}

/// Red, green, blue and something else.
using Channels = float __attribute__((vector_size(16)));

/// Colour of Gaussian `index`, seen along `offset`: splatting::sh_colour(), all channels at once.
[[gnu::always_inline]] inline Channels colour_of(const GaussianArrays& gaussians, std::int64_t index,
                                                 const splatting::Vector3& offset) {
  const splatting::Vector3 direction = (1.0F / sqrtf(dot(offset, offset))) * offset;
  const int count = gaussians.sh_count;
  const float* sh = gaussians.sh + 3 * count * index;
  const Channels sum = splatting::sh_sum(count, direction, [sh, count](int i) __attribute__((always_inline)) {
    Channels values{};
    // A whole vector reaches into the next coefficient, which the last one does not have.
    if (i + 1 < count) {
      __builtin_memcpy(&values, sh + 3 * i, sizeof(values));
    } else {
      __builtin_memcpy(&values, sh + 3 * i, 3 * sizeof(float));
    }
    return values;
  });
  const Channels colour = sum + 0.5F;
  return colour > 0.0F ? colour : Channels{};
}

std::int64_t project(const GaussianArrays& gaussians, const View& view, std::int64_t begin, std::int64_t end,
                     const VisibleArrays& visible) {
  Column offset[3], packed_offset[3], scales[3], rotations[4];
  Column centre_x, centre_y, depth, xx, xy, yy;
  alignas(64) std::int32_t left[kGroup], top[kGroup], right[kGroup], bottom[kGroup];
  alignas(64) std::int32_t drawn[kGroup];
  std::uint16_t candidates[kGroup + 1];

  std::int64_t total = 0;
  for (std::int64_t first = begin; first < end; first += kGroup) {
    const int size = static_cast<int>(end - first < kGroup ? end - first : kGroup);
    const int count = find_candidates(gaussians, view.camera, first, size, offset, candidates);
    if (count == 0) continue;
    const int padded = (count + kLanes - 1) / kLanes * kLanes;
    for (int i = count; i < padded; ++i) candidates[i] = candidates[count - 1];
    for (int i = 0; i < padded; ++i) {
      const int candidate = candidates[i];
      const float* s = gaussians.scales + 3 * (first + candidate);
      const float* q = gaussians.rotations + 4 * (first + candidate);
      for (int c = 0; c < 3; ++c) packed_offset[c].values[i] = offset[c].values[candidate];
      for (int c = 0; c < 3; ++c) scales[c].values[i] = s[c];
      for (int c = 0; c < 4; ++c) rotations[c].values[i] = q[c];
    }
    for (int i = 0; i < padded; i += kLanes) {
      splatting::BasicSplat<Float> splat;
      const Int shaped = splatting::project_gaussian<Float>(
          view.camera, {packed_offset[0].at(i), packed_offset[1].at(i), packed_offset[2].at(i)},
          {scales[0].at(i), scales[1].at(i), scales[2].at(i)},
          {rotations[0].at(i), rotations[1].at(i), rotations[2].at(i), rotations[3].at(i)}, splat);
      const auto tiles = splatting::tile_rectangle(splat, view.columns, view.rows);
      const Int shown = shaped & ~splatting::is_empty(tiles);
      simd::store(centre_x.values + i, splat.centre.x);
      simd::store(centre_y.values + i, splat.centre.y);
      simd::store(depth.values + i, splat.depth);
      simd::store(xx.values + i, splat.whitening.xx);
      simd::store(xy.values + i, splat.whitening.xy);
      simd::store(yy.values + i, splat.whitening.yy);
      __builtin_memcpy(left + i, &tiles.left, sizeof(Int));
      __builtin_memcpy(top + i, &tiles.top, sizeof(Int));
      __builtin_memcpy(right + i, &tiles.right, sizeof(Int));
      __builtin_memcpy(bottom + i, &tiles.bottom, sizeof(Int));
      __builtin_memcpy(drawn + i, &shown, sizeof(Int));
    }
    for (int i = 0; i < count; ++i) {
      if (drawn[i] == 0) continue;
      const std::int64_t index = first + candidates[i];
      const float opacity = gaussians.opacities[index];
      Channels base{};
      if (view.with_colour) {
        base = colour_of(gaussians, index,
                         {packed_offset[0].values[i], packed_offset[1].values[i], packed_offset[2].values[i]});
      }
      visible.ellipses[total] = {{centre_x.values[i], centre_y.values[i]},
                                 {xx.values[i], xy.values[i], yy.values[i]},
                                 opacity,
                                 splatting::squared_reach(opacity),
                                 depth.values[i]};
      base[3] = depth.values[i];
      __builtin_memcpy(visible.base + kBaseChannels * total, &base, sizeof(base));
      visible.indices[total] = static_cast<std::uint32_t>(index);
      visible.tiles[total] = {static_cast<std::uint16_t>(left[i]), static_cast<std::uint16_t>(top[i]),
                              static_cast<std::uint16_t>(right[i]), static_cast<std::uint16_t>(bottom[i])};
      ++total;
    }
  }
  return total;
}

// ---------------------------------------------------------------------------------------------------------------------
// Blending: a pixel a lane. A vector covers a block of 4 columns and kLanes / 4 rows: nearly square, since a block is
// worked on where a Gaussian reaches any of its pixels.

constexpr int kBlockColumns = 4;
constexpr int kBlockRows = kLanes / kBlockColumns;
constexpr int kBlocksAcross = kTileSize / kBlockColumns;
constexpr int kBlocksDown = kTileSize / kBlockRows;
constexpr int kBlocks = kBlocksAcross * kBlocksDown;

/// Gaussians that are blended at a time: a bit each.
constexpr int kBatch = 64;

/// Channels whose sums are held in registers at a time.
constexpr int kChannelGroup = 12;
constexpr int kSmallChannelGroup = 4;

struct Block {
  Float transmittance;
  Mask alive;  // pixels in the image that can still change
};

constexpr std::int64_t padded_channels(std::int64_t channels) {
  return (kBaseChannels + channels + kSmallChannelGroup - 1) / kSmallChannelGroup * kSmallChannelGroup;
}

/// A tile's memory, laid out in the scratch that the caller provides.
struct Tile {
  float* sums;          // (kBlocks, padded channels, kLanes)
  float* rows;          // (kBatch, padded channels): colours, depth and features of the batch
  Block* blocks;        // (kBlocks)
  Float* weights;       // (kBatch): of one block
  std::int64_t stride;  // padded channels
};

std::size_t scratch_bytes(std::int64_t channels) {
  const auto stride = static_cast<std::size_t>(padded_channels(channels));
  return sizeof(float) * stride * (kBlocks * kLanes + kBatch) + sizeof(Block) * kBlocks + sizeof(Float) * kBatch;
}

Tile lay_out(std::byte* scratch, std::int64_t channels) {
  Tile tile;
  tile.stride = padded_channels(channels);
  tile.weights = reinterpret_cast<Float*>(scratch);
  tile.blocks = reinterpret_cast<Block*>(tile.weights + kBatch);
  tile.sums = reinterpret_cast<float*>(tile.blocks + kBlocks);
  tile.rows = tile.sums + tile.stride * kBlocks * kLanes;
  return tile;
}

/// 0, 1, 2, ... divided by `divisor`, or what is left over.
[[gnu::always_inline]] inline Float lane_quotients(int divisor) {
  Float result;
  for (int i = 0; i < kLanes; ++i) result[i] = static_cast<float>(i / divisor);
  return result;
}
[[gnu::always_inline]] inline Float lane_remainders(int divisor) {
  Float result;
  for (int i = 0; i < kLanes; ++i) result[i] = static_cast<float>(i % divisor);
  return result;
}

/// Sets the blocks of the tile at pixel (left, top) to nothing drawn. Returns the bits, as of touched_blocks(), of
/// those that have pixels in the image.
[[gnu::always_inline]] inline std::uint64_t begin_blocks(const splatting::Camera& camera, int left, int top,
                                                         Block* blocks) {
  std::uint64_t alive_blocks = 0;
  for (int b = 0; b < kBlocks; ++b) {
    const int bit = b * kBlockRows;
    const Float x = lane_remainders(kBlockColumns) + static_cast<float>(left + bit / kTileSize * kBlockColumns);
    const Float y = lane_quotients(kBlockColumns) + static_cast<float>(top + bit % kTileSize);
    blocks[b].transmittance = simd::broadcast(1.0F);
    blocks[b].alive = simd::both(simd::less(x, simd::broadcast(static_cast<float>(camera.width))),
                                 simd::less(y, simd::broadcast(static_cast<float>(camera.height))));
    if (simd::bits(blocks[b].alive) != 0) alive_blocks |= std::uint64_t{1} << bit;
  }
  return alive_blocks;
}

/// Blocks whose pixels an ellipse may reach, by pixel row exactly and by column nearly so, never too few. Bit
/// `kTileSize * (block's column) + (its first pixel row)`.
[[gnu::always_inline]] inline std::uint64_t touched_blocks(const Ellipse& ellipse, float left, float top) {
  // On a row the ellipse reaches from middle - half to middle + half. The slack covers rounding.
  const float x = ellipse.centre.x - left, y = ellipse.centre.y - top;
  const float inverse = 1.0F / ellipse.whitening.xx;
  const float slope = ellipse.whitening.xy * inverse;
  const float slack = 0.02F + 1e-5F * (fabsf(x) + fabsf(slope) * (fabsf(y) + static_cast<float>(kTileSize)));
  std::uint64_t touched = 0;
  for (int first = 0; first < kTileSize; first += kLanes) {
    const Float dy = y - (lane_quotients(1) + static_cast<float>(first));
    const Float v = ellipse.whitening.yy * dy;
    const Float rest = ellipse.squared_reach - v * v;
    const Float half = simd::square_root(splatting::maximum(Float{}, rest)) * inverse + slack;
    const Float middle = x + slope * dy;
    const Float begin = middle - half, end = middle + half;
    // What is certainly outside, so that NaN stays inside.
    const Mask above_or_below = simd::less(rest, Float{});
    for (int column = 0; column < kBlocksAcross; ++column) {
      const auto first_pixel = static_cast<float>(kBlockColumns * column);
      const Mask beside = simd::either(simd::less(end, simd::broadcast(first_pixel)),
                                       simd::less(simd::broadcast(first_pixel + kBlockColumns - 1), begin));
      const std::uint64_t outside = simd::bits(simd::either(above_or_below, beside));
      touched |= (outside ^ ((std::uint64_t{1} << kLanes) - 1)) << (kTileSize * column + first);
    }
  }
  // A block is touched if any of its rows is.
  constexpr std::uint64_t kFirstRows =
      kBlockRows == 4 ? 0x1111111111111111U : (kBlockRows == 2 ? 0x5555555555555555U : ~std::uint64_t{0});
  if constexpr (kBlockRows >= 2) touched |= touched >> 1;
  if constexpr (kBlockRows >= 4) touched |= touched >> 2;
  return touched & kFirstRows;
}

/// Copies a Gaussian's channels to `row`; whether all are finite.
[[gnu::always_inline]] inline bool stage(const float* base, const float* features, std::int64_t channels, float* row) {
  std::int64_t c = 0;
  // x - x is 0 but for NaN and the infinities.
  float check = 0.0F;
  for (int i = 0; i < kBaseChannels; ++i) {
    row[i] = base[i];
    check += base[i] - base[i];
  }
  row += kBaseChannels;
  Float checks = Float{};
  for (; c + kLanes <= channels; c += kLanes) {
    const Float values = simd::load(features + c);
    simd::store(row + c, values);
    checks += values - values;
  }
  for (; c < channels; ++c) {
    row[c] = features[c];
    check += features[c] - features[c];
  }
  return check == 0.0F && simd::bits(simd::at_least(checks, Float{})) == (1U << kLanes) - 1;
}

/// Adds weight x value to `Channels` channels of a block, for `count` Gaussians in order. A weight of 0 stands for a
/// pixel that is not reached: it adds nothing to a finite value, and `Guarded` leaves it out for the others.
template <int Channels, bool Guarded>
[[gnu::always_inline]] inline void accumulate(const Float* weights, const std::uint8_t* slots, int count,
                                              const float* rows, std::int64_t stride, float* sums) {
  Float totals[Channels];
#pragma GCC unroll 16
  for (int c = 0; c < Channels; ++c) totals[c] = simd::load(sums + c * kLanes);
  for (int i = 0; i < count; ++i) {
    const float* values = rows + slots[i] * stride;
    const Float weight = weights[i];
#pragma GCC unroll 16
    for (int c = 0; c < Channels; ++c) {
      const Float product = weight * values[c];
      if constexpr (Guarded) {
        totals[c] = simd::select(simd::less(Float{}, weight), totals[c] + product, totals[c]);
      } else {
        totals[c] += product;
      }
    }
  }
#pragma GCC unroll 16
  for (int c = 0; c < Channels; ++c) simd::store(sums + c * kLanes, totals[c]);
}

template <bool Guarded>
void accumulate_all(const Float* weights, const std::uint8_t* slots, int count, const float* rows, std::int64_t stride,
                    float* sums) {
  std::int64_t c = 0;
  for (; c + kChannelGroup <= stride; c += kChannelGroup) {
    accumulate<kChannelGroup, Guarded>(weights, slots, count, rows + c, stride, sums + c * kLanes);
  }
  for (; c < stride; c += kSmallChannelGroup) {
    accumulate<kSmallChannelGroup, Guarded>(weights, slots, count, rows + c, stride, sums + c * kLanes);
  }
}

/// Weights of the Gaussians `entries` (bits) in one block; those that reach no pixel are left out. Returns their
/// number.
[[gnu::always_inline]] inline int blend_weights(const Ellipse* ellipses, std::uint64_t entries, Float x, Float y,
                                                Block& block, Float* weights, std::uint8_t* slots) {
  Float transmittance = block.transmittance;
  Mask alive = block.alive;
  int count = 0;
  for (; entries != 0; entries &= entries - 1) {
    const int slot = __builtin_ctzll(entries);
    const Ellipse& ellipse = ellipses[slot];
    const Float q = splatting::squared_distance<Float>(ellipse.whitening, ellipse.centre.x - x, ellipse.centre.y - y);
    const Float alpha = splatting::splat_alpha(ellipse.opacity, q);
    const Mask reached = simd::both(simd::at_least(alpha, simd::broadcast(splatting::kLeastAlpha)), alive);
    if (simd::bits(reached) == 0) continue;
    const Float after = transmittance * (1.0F - alpha);
    const Mask full = simd::less(after, simd::broadcast(splatting::kLeastTransmittance));
    const Mask drawn = simd::without(reached, full);
    weights[count] = simd::keep(drawn, alpha * transmittance);
    slots[count] = static_cast<std::uint8_t>(slot);
    ++count;
    transmittance = simd::select(drawn, after, transmittance);
    const Mask ended = simd::both(reached, full);
    if (simd::bits(ended) != 0) {
      alive = simd::without(alive, ended);
      if (simd::bits(alive) == 0) break;
    }
  }
  block.transmittance = transmittance;
  block.alive = alive;
  return count;
}

/// Writes a tile's pixels that lie in the image.
void write_tile(const Tile& tile, const View& view, int left, int top, const RenderTargets& targets) {
  const std::int64_t width = view.camera.width, height = view.camera.height;
  const int columns = static_cast<int>(width - left < kTileSize ? width - left : kTileSize);
  const int rows = static_cast<int>(height - top < kTileSize ? height - top : kTileSize);
  const std::int64_t plane = width * height;
  const auto write_plane = [&](float* image, auto values_of_block) {
    for (int block_column = 0; block_column * kBlockColumns < columns; ++block_column) {
      const int wide = columns - block_column * kBlockColumns;
      for (int block_row = 0; block_row < kBlocksDown; ++block_row) {
        const Float values = values_of_block(block_column * kBlocksDown + block_row);
        float lanes[kLanes];
        simd::store(lanes, values);
        for (int r = 0; r < kBlockRows && block_row * kBlockRows + r < rows; ++r) {
          float* pixels = image + (top + block_row * kBlockRows + r) * width + left + block_column * kBlockColumns;
          if (wide >= kBlockColumns) {
            __builtin_memcpy(pixels, lanes + r * kBlockColumns, kBlockColumns * sizeof(float));
          } else {
            for (int x = 0; x < wide; ++x) pixels[x] = lanes[r * kBlockColumns + x];
          }
        }
      }
    }
  };
  const auto sums = [&](int block, std::int64_t channel) {
    return simd::load(tile.sums + (block * tile.stride + channel) * kLanes);
  };
  if (targets.rgb != nullptr) {
    const float background[3] = {view.background.x, view.background.y, view.background.z};
    for (int c = 0; c < 3; ++c) {
      write_plane(targets.rgb + c * plane,
                  [&](int block) { return sums(block, c) + tile.blocks[block].transmittance * background[c]; });
    }
  }
  if (targets.depth != nullptr) {
    write_plane(targets.depth, [&](int block) { return sums(block, 3); });
  }
  if (targets.alpha != nullptr) {
    write_plane(targets.alpha, [&](int block) { return 1.0F - tile.blocks[block].transmittance; });
  }
  for (std::int64_t c = 0; c < view.channels; ++c) {
    write_plane(targets.features + c * plane, [&](int block) { return sums(block, kBaseChannels + c); });
  }
}

void blend_tile(const GaussianArrays& gaussians, const View& view, const VisibleArrays& visible, int column, int row,
                const std::uint32_t* members, std::int64_t count, const RenderTargets& targets, std::byte* scratch) {
  const Tile tile = lay_out(scratch, view.channels);
  const int left = column * kTileSize, top = row * kTileSize;
  const Float lane_x = lane_remainders(kBlockColumns), lane_y = lane_quotients(kBlockColumns);
  std::uint64_t alive_blocks = begin_blocks(view.camera, left, top, tile.blocks);
  __builtin_memset(tile.sums, 0, sizeof(float) * static_cast<std::size_t>(tile.stride) * kBlocks * kLanes);
  __builtin_memset(tile.rows, 0, sizeof(float) * static_cast<std::size_t>(tile.stride) * kBatch);

  Ellipse ellipses[kBatch];
  std::uint8_t slots[kBatch];
  std::uint64_t entries[kTileSize * kBlocksAcross];  // by block's bit: the Gaussians of the batch that may touch it
  for (std::int64_t first = 0; first < count && alive_blocks != 0; first += kBatch) {
    const int size = static_cast<int>(count - first < kBatch ? count - first : kBatch);
    std::uint64_t touched[kBatch];
    for (std::uint64_t blocks = alive_blocks; blocks != 0; blocks &= blocks - 1) entries[__builtin_ctzll(blocks)] = 0;
    for (int i = 0; i < size; ++i) {
      const std::uint32_t member = members[first + i];
      if (first + i + kBatch < count) __builtin_prefetch(visible.ellipses + members[first + i + kBatch]);
      ellipses[i] = visible.ellipses[member];
      touched[i] = touched_blocks(ellipses[i], static_cast<float>(left), static_cast<float>(top)) & alive_blocks;
      if (touched[i] == 0) continue;
      __builtin_prefetch(visible.base + std::size_t{kBaseChannels} * member);
      const float* features = gaussians.features + visible.indices[member] * view.channels;
      for (std::int64_t c = 0; c < view.channels; c += 16) __builtin_prefetch(features + c);
    }
    bool finite = true;
    for (int i = 0; i < size; ++i) {
      if (touched[i] == 0) continue;
      const std::uint32_t member = members[first + i];
      finite &= stage(visible.base + std::size_t{kBaseChannels} * member,
                      gaussians.features + visible.indices[member] * view.channels, view.channels,
                      tile.rows + i * tile.stride);
      for (std::uint64_t blocks = touched[i]; blocks != 0; blocks &= blocks - 1) {
        entries[__builtin_ctzll(blocks)] |= std::uint64_t{1} << i;
      }
    }
    for (std::uint64_t blocks = alive_blocks; blocks != 0; blocks &= blocks - 1) {
      const int bit = __builtin_ctzll(blocks);
      if (entries[bit] == 0) continue;
      const int b = bit / kBlockRows;
      const Float x = lane_x + static_cast<float>(left + bit / kTileSize * kBlockColumns);
      const Float y = lane_y + static_cast<float>(top + bit % kTileSize);
      const int weights = blend_weights(ellipses, entries[bit], x, y, tile.blocks[b], tile.weights, slots);
      if (weights > 0) {
        const auto add = finite ? accumulate_all<false> : accumulate_all<true>;
        add(tile.weights, slots, weights, tile.rows, tile.stride, tile.sums + b * tile.stride * kLanes);
      }
      if (simd::bits(tile.blocks[b].alive) == 0) alive_blocks &= ~(std::uint64_t{1} << bit);
    }
  }
  write_tile(tile, view, left, top, targets);
}

}  // namespace
}  // namespace rtgs2::rasterize

#include "rasterize/lift_in_lanes.h"

namespace rtgs2::rasterize {
namespace {

constexpr Kernels kKernels{project, blend_tile, scratch_bytes, lift_tile, lift_scratch_bytes};

}  // namespace
}  // namespace rtgs2::rasterize
