// The kernel that lifts pixels to Gaussians. A part of kernels_in_lanes.h, whose blending it shares.
//
// Weights are found with a pixel a lane, values are summed with a channel a lane. Blocks of every instruction set cover
// a tile's pixels in one sequence (strips of four columns, row by row), so each sum has one order for all of them.
#pragma once

namespace rtgs2::rasterize {
namespace {

/// Vectors of channels whose sums are held in registers at a time.
constexpr int kLiftGroup = 4;

constexpr std::int64_t lift_vectors(std::int64_t channels) { return (channels + 1 + kLanes - 1) / kLanes; }

std::size_t lift_scratch_bytes(std::int64_t channels) {
  return sizeof(Block) * kBlocks + sizeof(Float) * kBatch +
         sizeof(float) * static_cast<std::size_t>(lift_stride(channels)) * kTileSize * kTileSize;
}

/// Copies a tile's values to `rows` (pixels in the order of blocks and lanes, lift_stride), a 1 behind the channels.
/// What lies outside the image stays 0.
void stage_pixels(const View& view, const PixelValues& pixels, int left, int top, std::int64_t stride, float* rows) {
  __builtin_memset(rows, 0, sizeof(float) * static_cast<std::size_t>(stride) * kTileSize * kTileSize);
  const std::int64_t width = view.camera.width, height = view.camera.height;
  const int columns = static_cast<int>(width - left < kTileSize ? width - left : kTileSize);
  const int lines = static_cast<int>(height - top < kTileSize ? height - top : kTileSize);
  for (int y = 0; y < lines; ++y) {
    for (int x = 0; x < columns; ++x) {
      float* row =
          rows + (x / kBlockColumns * (kBlockColumns * kTileSize) + kBlockColumns * y + x % kBlockColumns) * stride;
      const float* value = pixels.values + (top + y) * width + left + x;
      for (std::int64_t c = 0; c < pixels.channels; ++c) row[c] = value[c * width * height];
      row[pixels.channels] = 1.0F;
    }
  }
}

/// Adds weight x values of the pixels `drawn` (bits) of a block to `Vectors` vectors of a Gaussian's sums, in order.
template <int Vectors>
[[gnu::always_inline]] inline void add_pixels(const float* weights, std::uint32_t drawn, const float* pixels,
                                              std::int64_t stride, float* sums) {
  Float totals[Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) totals[v] = simd::load(sums + v * kLanes);
  for (; drawn != 0; drawn &= drawn - 1) {
    const int lane = __builtin_ctz(drawn);
    const float* values = pixels + lane * stride;
    const float weight = weights[lane];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) totals[v] += weight * simd::load(values + v * kLanes);
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) simd::store(sums + v * kLanes, totals[v]);
}

std::int64_t lift_tile(const View& view, const VisibleArrays& visible, int column, int row,
                       const std::uint32_t* members, std::int64_t count, const PixelValues& values, float* sums,
                       std::byte* scratch) {
  const std::int64_t stride = lift_stride(values.channels), vectors = lift_vectors(values.channels);
  auto* weights = reinterpret_cast<Float*>(scratch);
  auto* blocks = reinterpret_cast<Block*>(weights + kBatch);
  auto* pixels = reinterpret_cast<float*>(blocks + kBlocks);
  const int left = column * kTileSize, top = row * kTileSize;
  std::uint64_t alive_blocks = begin_blocks(view.camera, left, top, blocks);
  if (count > 0) stage_pixels(view, values, left, top, stride, pixels);

  Ellipse ellipses[kBatch];
  std::uint8_t slots[kBatch];
  std::uint64_t entries[kTileSize * kBlocksAcross];  // by block's bit: the Gaussians of the batch that may touch it
  std::int64_t first = 0;
  for (; first < count && alive_blocks != 0; first += kBatch) {
    const int size = static_cast<int>(count - first < kBatch ? count - first : kBatch);
    float* batch = sums + first * stride;
    __builtin_memset(batch, 0, sizeof(float) * static_cast<std::size_t>(stride) * static_cast<std::size_t>(size));
    for (std::uint64_t rest = alive_blocks; rest != 0; rest &= rest - 1) entries[__builtin_ctzll(rest)] = 0;
    for (int i = 0; i < size; ++i) {
      const std::uint32_t member = members[first + i];
      if (first + i + kBatch < count) __builtin_prefetch(visible.ellipses + members[first + i + kBatch]);
      ellipses[i] = visible.ellipses[member];
      std::uint64_t touched =
          touched_blocks(ellipses[i], static_cast<float>(left), static_cast<float>(top)) & alive_blocks;
      for (; touched != 0; touched &= touched - 1) entries[__builtin_ctzll(touched)] |= std::uint64_t{1} << i;
    }
    for (std::uint64_t rest = alive_blocks; rest != 0; rest &= rest - 1) {
      const int bit = __builtin_ctzll(rest);
      if (entries[bit] == 0) continue;
      const int b = bit / kBlockRows;
      const Float x = lane_remainders(kBlockColumns) + static_cast<float>(left + bit / kTileSize * kBlockColumns);
      const Float y = lane_quotients(kBlockColumns) + static_cast<float>(top + bit % kTileSize);
      const int found = blend_weights(ellipses, entries[bit], x, y, blocks[b], weights, slots);
      for (int i = 0; i < found; ++i) {
        const std::uint32_t drawn = simd::bits(simd::less(Float{}, weights[i]));
        float lanes[kLanes];
        simd::store(lanes, weights[i]);
        const float* block_pixels = pixels + b * kLanes * stride;
        float* target = batch + slots[i] * stride;
        std::int64_t v = 0;
        for (; v + kLiftGroup <= vectors; v += kLiftGroup) {
          add_pixels<kLiftGroup>(lanes, drawn, block_pixels + v * kLanes, stride, target + v * kLanes);
        }
        for (; v < vectors; ++v) add_pixels<1>(lanes, drawn, block_pixels + v * kLanes, stride, target + v * kLanes);
      }
      if (simd::bits(blocks[b].alive) == 0) alive_blocks &= ~(std::uint64_t{1} << bit);
    }
  }
  return first < count ? first : count;
}

}  // namespace
}  // namespace rtgs2::rasterize
