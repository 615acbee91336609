// Blending on the GPU: a block a tile. Two kernels give the same picture up to rounding.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "rasterize/ellipse.h"
#include "rasterize/feature_storage.h"
#include "rasterize/frame_targets.h"
#include "rasterize/frame_view.h"
#include "rasterize/tile_lists.h"

namespace rtgs2::rasterize {

/// Everything in device memory.
struct BlendArguments {
  const FrameView* view;
  const std::uint32_t* tile_order;  // (tiles)
  const PairRange* ranges;          // (tiles), of `members`
  const std::uint32_t* members;     // visible Gaussians, tile by tile, from near to far
  const Ellipse* ellipses;          // of visible Gaussians; so the next two
  const float* base;                // (visible, kBaseChannels)
  const std::uint32_t* indices;     // of the scene's Gaussians
  const void* features;             // (Gaussians, feature_tiles * kChannelTile)
  std::int64_t channels;            // of features, without padding
  FrameTargets targets;
};

/// The readable one, a thread a pixel: sums are float32 and exact whatever the features hold.
void blend_plain(const BlendArguments& arguments, FeatureStorage storage, std::uint32_t tiles, cudaStream_t stream);

/// Weights first, then weights x features on tensor cores: weights and features are half, sums float32; colour, alpha
/// and depth are float32 throughout. For half storage and features that are all finite.
void blend_mma(const BlendArguments& arguments, std::uint32_t tiles, cudaStream_t stream);

}  // namespace rtgs2::rasterize
