// The plain blend: a thread a pixel, a batch of Gaussians at a time in shared memory. The reference of blend_mma(), and
// what draws features that are float32 or not finite.
#include <cuda_fp16.h>

#include <cstdint>

#include "cuda/launch.cuh"
#include "rasterize/blend_cuda.h"
#include "rasterize/blend_weights.h"
#include "rasterize/subtiles.h"
#include "rasterize/write_image.cuh"

namespace rtgs2::rasterize {
namespace {

constexpr int kBatch = 32;

__device__ float to_float(float value) { return value; }
__device__ float to_float(__half value) { return __half2float(value); }

template <int kTiles, typename Value>
__global__ void __launch_bounds__(kBlendBlock) blend_plain_kernel(const BlendArguments arguments) {
  constexpr int kChannels = kTiles * kChannelTile;
  __shared__ Ellipse ellipses[kBatch];
  __shared__ float4 base[kBatch];
  __shared__ std::uint32_t indices[kBatch];
  __shared__ Value features[kBatch][kChannels > 0 ? kChannels : 1];

  const FrameView& view = *arguments.view;
  const int tile = static_cast<int>(arguments.tile_order[blockIdx.x]);
  const PairRange range = arguments.ranges[tile];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const Subtile subtile = subtile_of(tile, view.columns, thread / 32);
  const int x = subtile.left + lane % kSubtileWidth, y = subtile.top + lane / kSubtileWidth;
  const bool inside = x < view.camera.width && y < view.camera.height;

  PixelTransmittance pixel{inside ? 1.0F : -1.0F};
  float4 sums{0.0F, 0.0F, 0.0F, 0.0F};
  float feature_sums[kChannels > 0 ? kChannels : 1] = {};
  for (std::uint32_t first = range.begin; first < range.end; first += kBatch) {
    // Also keeps the batch before until all have used it.
    if (__syncthreads_or(pixel.alive()) == 0) break;
    const int size = static_cast<int>(min(range.end - first, static_cast<std::uint32_t>(kBatch)));
    if (thread < size) {
      const std::uint32_t member = arguments.members[first + thread];
      ellipses[thread] = arguments.ellipses[member];
      base[thread] = reinterpret_cast<const float4*>(arguments.base)[member];
      indices[thread] = arguments.indices[member];
    }
    __syncthreads();
    if constexpr (kChannels > 0) {
      for (int i = thread; i < size * kChannels; i += kBlendBlock) {
        const std::int64_t row = indices[i / kChannels];
        features[i / kChannels][i % kChannels] =
            static_cast<const Value*>(arguments.features)[row * kChannels + i % kChannels];
      }
      __syncthreads();
    }
    for (int i = 0; i < size && pixel.alive(); ++i) {
      const float weight = next_weight(counted_alpha(ellipses[i], static_cast<float>(x), static_cast<float>(y)), pixel);
      if (weight == 0.0F) continue;
      sums.x += weight * base[i].x;
      sums.y += weight * base[i].y;
      sums.z += weight * base[i].z;
      sums.w += weight * base[i].w;
      if constexpr (kChannels > 0) {
#pragma unroll
        for (int c = 0; c < kChannels; ++c) feature_sums[c] += weight * to_float(features[i][c]);
      }
    }
  }
  if (!inside) return;
  const std::int64_t pixels = std::int64_t{view.camera.width} * view.camera.height;
  const std::int64_t position = std::int64_t{y} * view.camera.width + x;
  const FrameTargets& targets = arguments.targets;
  write_base(targets, view.background, position, pixels, sums, pixel.remaining());
  if constexpr (kChannels > 0) {
    if (targets.features == nullptr) return;
    const std::int64_t stored = stored_channels(targets.layout, arguments.channels);
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      if (c < stored) {
        write_value(targets.features, targets.type,
                    image_position(targets.layout, position, c, pixels, arguments.channels),
                    c < arguments.channels ? feature_sums[c] : 0.0F);
      }
    }
  }
}

template <typename Value>
void launch(const BlendArguments& arguments, std::uint32_t tiles, cudaStream_t stream) {
  const auto kernel = [&] {
    switch (feature_tiles(arguments.channels)) {
      case 0:
        return blend_plain_kernel<0, float>;
      case 1:
        return blend_plain_kernel<1, Value>;
      case 2:
        return blend_plain_kernel<2, Value>;
      case 4:
        return blend_plain_kernel<4, Value>;
      default:
        return blend_plain_kernel<8, Value>;
    }
  }();
  cuda::launch("blending", kernel, tiles, kBlendBlock, stream, arguments);
}

}  // namespace

void blend_plain(const BlendArguments& arguments, FeatureStorage storage, std::uint32_t tiles, cudaStream_t stream) {
  if (storage == FeatureStorage::kHalf) {
    launch<__half>(arguments, tiles, stream);
  } else {
    launch<float>(arguments, tiles, stream);
  }
}

}  // namespace rtgs2::rasterize
