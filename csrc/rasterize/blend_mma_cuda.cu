// Blending on tensor cores: a block a tile, a warp 8 x 4 of its pixels.
//
// A block copies batches of its tile's Gaussians to shared memory while it works on the batch before. Each warp picks
// those that reach its pixels, 16 at a time. Four lanes share a pixel and compute four weights each, so that every
// Gaussian is read once for four pixels, and the transmittance passes through them in two exchanges (blend_weights.h).
// The weights then lie in the registers just as the tensor core takes its first factor; the second, the features, comes
// from shared memory. So 32 channels cost 8 instructions for 32 pixels and 16 Gaussians, where the weights cost some
// 300 and a thread a pixel would need 512 multiplications a warp.
//
// Colour and depth stay out of the product: half weights would cost them two digits, and four sums a lane are cheap.
#include <cstdint>

#include "cuda/launch.cuh"
#include "cuda/tensor_core.cuh"
#include "rasterize/blend_cuda.h"
#include "rasterize/blend_weights.h"
#include "rasterize/ellipse_reach.h"
#include "rasterize/subtiles.h"
#include "rasterize/write_image.cuh"

namespace rtgs2::rasterize {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFF;
constexpr int kRows = kSubtileHeight;  // pixels of a lane

/// A batch of Gaussians in shared memory, for rows of `kTiles` tiles of channels.
template <int kTiles>
struct Batch {
  /// Few enough that registers, not shared memory, limit the blocks on a multiprocessor; with more a batch would often
  /// end long after the tile is full.
  static constexpr int kSize = kTiles <= 4 ? 128 : 64;
  /// Of 16 bytes. An odd number: then eight rows of one tile of channels lie in different banks.
  static constexpr int kRowPieces = kTiles | 1;

  Ellipse ellipses[kSize];
  float4 base[kSize];
  uint4 features[kSize][kRowPieces];
};

/// Copies the batches of one tile, two threads (or four) a Gaussian. Its list, its place among the scene's Gaussians
/// and its values each depend on the one before: they are asked for one batch apart, so that none is waited for.
template <int kTiles>
class Stager {
 public:
  __device__ Stager(const BlendArguments& arguments, const PairRange& range)
      : arguments_(arguments), next_(range.begin + threadIdx.x / kThreads), end_(range.end) {
    read_member();
    read_index();
    read_member();
  }

  /// Starts the copy of the next batch.
  __device__ void start(Batch<kTiles>& batch) {
    if (index_known_) {
      const int slot = static_cast<int>(threadIdx.x) / kThreads, part = static_cast<int>(threadIdx.x) % kThreads;
      const auto* ellipse = reinterpret_cast<const uint4*>(arguments_.ellipses + placed_member_);
      const auto* row = static_cast<const uint4*>(arguments_.features) + std::int64_t{index_} * kTiles;
#pragma unroll
      for (int piece = 0; piece < kPieces; ++piece) {
        if (piece % kThreads != part) continue;
        if (piece < 2) {
          cuda::start_copy(reinterpret_cast<uint4*>(batch.ellipses + slot) + piece, ellipse + piece);
        } else if (piece == 2) {
          cuda::start_copy(batch.base + slot, reinterpret_cast<const float4*>(arguments_.base) + placed_member_);
        } else {
          cuda::start_copy(batch.features[slot] + (piece - 3), row + (piece - 3));
        }
      }
    }
    read_index();
    read_member();
  }

 private:
  static constexpr int kThreads = kBlendBlock / Batch<kTiles>::kSize;
  static constexpr int kPieces = 3 + kTiles;  // of 16 bytes

  __device__ void read_member() {
    member_known_ = next_ < end_;
    if (member_known_) member_ = arguments_.members[next_];
    next_ += Batch<kTiles>::kSize;
  }
  __device__ void read_index() {
    index_known_ = member_known_;
    placed_member_ = member_;
    if (kTiles > 0 && index_known_) index_ = arguments_.indices[placed_member_];
  }

  const BlendArguments& arguments_;
  std::uint32_t next_, end_;
  std::uint32_t member_ = 0, placed_member_ = 0, index_ = 0;
  bool member_known_ = false, index_known_ = false;
};

/// What a lane knows of its four pixels: column lane / 4 of the sub-tile, a pixel a row.
template <int kTiles>
struct LaneSums {
  PixelTransmittance pixels[kRows];
  float base[kRows][kBaseChannels];  // over this lane's Gaussians only
  float features[kRows / 2][kTiles > 0 ? kTiles : 1][4];
};

/// Picks the Gaussians of a batch that reach the warp's pixels into `picked`, and fills up to whole groups of 16 with
/// Gaussian 0. Returns how many reach.
template <int kTiles>
__device__ int pick(const Batch<kTiles>& batch, int size, const FrameView& view, const Subtile& subtile, int lane,
                    std::uint8_t* picked) {
  const auto width = static_cast<float>(view.camera.width), height = static_cast<float>(view.camera.height);
  const auto left = static_cast<float>(subtile.left), top = static_cast<float>(subtile.top);
  int count = 0;
  for (int first = 0; first < size; first += 32) {
    const int i = first + lane;
    const bool reaches = i < size && reaches_box(reach_of(batch.ellipses[i], width, height), left, top,
                                                 left + (kSubtileWidth - 1), top + (kSubtileHeight - 1));
    const unsigned all = __ballot_sync(kAllLanes, reaches);
    if (reaches) picked[count + __popc(all & ((1U << lane) - 1U))] = static_cast<std::uint8_t>(i);
    count += __popc(all);
  }
  if (lane < kGaussiansAtOnce && count + lane < Batch<kTiles>::kSize) picked[count + lane] = 0;
  __syncwarp();
  return count;
}

/// Blends 16 picked Gaussians, of which the first `count` are meant.
template <int kTiles>
__device__ void blend_16(const Batch<kTiles>& batch, const std::uint8_t* picked, int count, int lane, float x, float y,
                         LaneSums<kTiles>& sums) {
  const int quarter = lane % kLanesOfPixel;
  const std::uint32_t mine = reinterpret_cast<const std::uint32_t*>(picked)[quarter];
  const auto slot_of = [mine](int j) { return (mine >> (8 * j)) & 0xFFU; };

  float weights[kRows][kLaneGaussians];  // alphas first
#pragma unroll
  for (int j = 0; j < kLaneGaussians; ++j) {
    const Ellipse& ellipse = batch.ellipses[slot_of(j)];
    const bool meant = kLaneGaussians * quarter + j < count;
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      const float alpha = counted_alpha(ellipse, x, y + static_cast<float>(row));
      weights[row][j] = meant ? alpha : 0.0F;
    }
  }

#pragma unroll
  for (int row = 0; row < kRows; ++row) {
    PixelTransmittance& pixel = sums.pixels[row];
    LaneProducts products(transmitted(weights[row]));
    products.exchange(quarter, 1, __shfl_xor_sync(kAllLanes, products.all, 1));
    products.exchange(quarter, 2, __shfl_xor_sync(kAllLanes, products.all, 2));
    float after = pixel.times(products.all);
    const float left = weigh(pixel.value * products.before, weights[row]);
    const bool ended = ends(pixel, after);
    // Rare: once a pixel.
    if (__any_sync(kAllLanes, ended)) {
      float end = left_at_end(pixel, left);
      end = fminf(end, __shfl_xor_sync(kAllLanes, end, 1));
      end = fminf(end, __shfl_xor_sync(kAllLanes, end, 2));
      if (ended) after = -end;
    }
    pixel.value = after;
  }

#pragma unroll
  for (int j = 0; j < kLaneGaussians; ++j) {
    const float4 base = batch.base[slot_of(j)];
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      const float weight = weights[row][j];
      if (weight > 0.0F) {  // what is not drawn adds nothing, even where the colour is not finite
        sums.base[row][0] += weight * base.x;
        sums.base[row][1] += weight * base.y;
        sums.base[row][2] += weight * base.z;
        sums.base[row][3] += weight * base.w;
      }
    }
  }

  if constexpr (kTiles > 0) {
    std::uint32_t a[kRows / 2][4];
#pragma unroll
    for (int half = 0; half < kRows / 2; ++half) {
      const auto& upper = weights[row_of_product(half, 0)];
      const auto& lower = weights[row_of_product(half, 1)];
      a[half][0] = cuda::pack_halves(upper[0], upper[1]);
      a[half][1] = cuda::pack_halves(lower[0], lower[1]);
      a[half][2] = cuda::pack_halves(upper[2], upper[3]);
      a[half][3] = cuda::pack_halves(lower[2], lower[3]);
    }
    // Lanes 0 to 15 name the rows of the 16 slots for one tile of channels, lanes 16 to 31 for the next one.
    const uint4* row = batch.features[picked[gaussian_in_slot(lane % 16)]];
    if constexpr (kTiles == 1) {
      std::uint32_t b[2];
      cuda::load_transposed(b, row);
#pragma unroll
      for (int half = 0; half < kRows / 2; ++half) cuda::multiply_add(sums.features[half][0], a[half], b[0], b[1]);
    } else {
#pragma unroll
      for (int tile = 0; tile < kTiles; tile += 2) {
        std::uint32_t b[4];
        cuda::load_transposed(b, row + tile + lane / 16);
#pragma unroll
        for (int half = 0; half < kRows / 2; ++half) {
          cuda::multiply_add(sums.features[half][tile], a[half], b[0], b[1]);
          cuda::multiply_add(sums.features[half][tile + 1], a[half], b[2], b[3]);
        }
      }
    }
  }
}

/// Writes the pixels of a warp that lie in the image.
template <int kTiles>
__device__ void write(const BlendArguments& arguments, const FrameView& view, int lane, int x, int y,
                      LaneSums<kTiles>& sums) {
  const std::int64_t width = view.camera.width, height = view.camera.height, pixels = width * height;
  const int quarter = lane % kLanesOfPixel;
#pragma unroll
  for (int row = 0; row < kRows; ++row) {
#pragma unroll
    for (int c = 0; c < kBaseChannels; ++c) {
      float& sum = sums.base[row][c];
      sum += __shfl_xor_sync(kAllLanes, sum, 1);
      sum += __shfl_xor_sync(kAllLanes, sum, 2);
    }
  }
  if (x >= width) return;
#pragma unroll
  for (int row = 0; row < kRows; ++row) {
    if (y + row >= height) continue;
    const std::int64_t pixel = (y + row) * width + x;
    if (row == quarter) {  // one of the four lanes that now know them
      const auto& s = sums.base[row];
      write_base(arguments.targets, view.background, pixel, pixels, {s[0], s[1], s[2], s[3]},
                 sums.pixels[row].remaining());
    }
    if constexpr (kTiles > 0) {
      const FrameTargets& targets = arguments.targets;
      const std::int64_t stored = stored_channels(targets.layout, arguments.channels);
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const int channel = kChannelTile * tile + 2 * quarter + c;
          if (channel < stored) {
            write_value(targets.features, targets.type,
                        image_position(targets.layout, pixel, channel, pixels, arguments.channels),
                        channel < arguments.channels ? sums.features[row / 2][tile][2 * (row % 2) + c] : 0.0F);
          }
        }
      }
    }
  }
}

/// Blocks on a multiprocessor: as many as the registers allow without spilling.
constexpr int blocks_at_once(int tiles) { return tiles == 0 ? 3 : (tiles <= 4 ? 2 : 1); }

template <int kTiles>
__global__ void __launch_bounds__(kBlendBlock, blocks_at_once(kTiles))
    blend_mma_kernel(const BlendArguments arguments) {
  using TileBatch = Batch<kTiles>;
  __shared__ TileBatch batches[2];
  alignas(16) __shared__ std::uint8_t picked[kSubtiles][TileBatch::kSize];

  const FrameView& view = *arguments.view;
  const int tile = static_cast<int>(arguments.tile_order[blockIdx.x]);
  const PairRange range = arguments.ranges[tile];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const Subtile subtile = subtile_of(tile, view.columns, warp);
  const int x = subtile.left + lane / kLanesOfPixel, y = subtile.top;

  LaneSums<kTiles> sums{};
#pragma unroll
  for (int row = 0; row < kRows; ++row) {
    sums.pixels[row].value = x < view.camera.width && y + row < view.camera.height ? 1.0F : -1.0F;
  }
  const auto alive = [&sums] {
    bool any = false;
#pragma unroll
    for (int row = 0; row < kRows; ++row) any |= sums.pixels[row].alive();
    return any;
  };

  Stager<kTiles> stager(arguments, range);
  stager.start(batches[0]);
  int current = 0;
  for (std::uint32_t first = range.begin; first < range.end; first += TileBatch::kSize) {
    cuda::finish_copies();
    // The batch is complete, and no warp reads the one before any more.
    if (__syncthreads_or(alive()) == 0) break;
    stager.start(batches[current ^ 1]);
    if (__any_sync(kAllLanes, alive())) {
      const TileBatch& batch = batches[current];
      const int size = static_cast<int>(min(range.end - first, static_cast<std::uint32_t>(TileBatch::kSize)));
      const int count = pick(batch, size, view, subtile, lane, picked[warp]);
      for (int i = 0; i < count && __any_sync(kAllLanes, alive()); i += kGaussiansAtOnce) {
        blend_16(batch, picked[warp] + i, count - i, lane, static_cast<float>(x), static_cast<float>(y), sums);
      }
      __syncwarp();  // before the next pick writes where this one was read
    }
    current ^= 1;
  }
  cuda::finish_copies();
  write(arguments, view, lane, x, y, sums);
}

}  // namespace

void blend_mma(const BlendArguments& arguments, std::uint32_t tiles, cudaStream_t stream) {
  const auto kernel = [&] {
    switch (feature_tiles(arguments.channels)) {
      case 0:
        return blend_mma_kernel<0>;
      case 1:
        return blend_mma_kernel<1>;
      case 2:
        return blend_mma_kernel<2>;
      case 4:
        return blend_mma_kernel<4>;
      default:
        return blend_mma_kernel<8>;
    }
  }();
  cuda::launch("blending", kernel, tiles, kBlendBlock, stream, arguments);
}

}  // namespace rtgs2::rasterize
