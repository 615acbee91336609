// Writing pixels in the type and layout that a frame's target wants. One branch a value, the same for all threads.
#pragma once

#include <cuda_fp16.h>

#include <cstdint>

#include "rasterize/frame_targets.h"

namespace rtgs2::rasterize {

__device__ inline void write_value(void* image, ImageType type, std::int64_t position, float value) {
  if (type == ImageType::kHalf) {
    static_cast<__half*>(image)[position] = __float2half_rn(value);
  } else {
    static_cast<float*>(image)[position] = value;
  }
}

/// Colour, alpha and depth of a pixel, from the sums of weight x (red, green, blue, depth).
__device__ inline void write_base(const FrameTargets& targets, const splatting::Vector3& background, std::int64_t pixel,
                                  std::int64_t pixels, const float4& sums, float transmittance) {
  if (targets.rgb != nullptr) {
    const float colour[3] = {sums.x + transmittance * background.x, sums.y + transmittance * background.y,
                             sums.z + transmittance * background.z};
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      write_value(targets.rgb, targets.type, image_position(targets.layout, pixel, c, pixels, 3), colour[c]);
    }
    for (int c = 3; c < stored_channels(targets.layout, 3); ++c) {
      write_value(targets.rgb, targets.type, image_position(targets.layout, pixel, c, pixels, 3), 0.0F);
    }
  }
  if (targets.alpha != nullptr) targets.alpha[pixel] = 1.0F - transmittance;
  if (targets.depth != nullptr) targets.depth[pixel] = sums.w;
}

}  // namespace rtgs2::rasterize
