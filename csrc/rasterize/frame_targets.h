// Where a frame's pixels go in device memory.
#pragma once

#include <cstdint>

#include "splatting/host_device.h"

namespace rtgs2::rasterize {

/// (C, H, W); (H, W, C); (H, W, C rounded up to a multiple of 8), the last ones zero.
enum class ImageLayout { kPlanar, kChannelsLast, kChannelsLast8 };
enum class ImageType { kFloat, kHalf };

/// Images in device memory; what is null is not computed. As RenderTargets, but that colour and features may be
/// channels-last and half precision; alpha and depth are float.
struct FrameTargets {
  void* rgb = nullptr;
  void* features = nullptr;
  float* alpha = nullptr;
  float* depth = nullptr;
  ImageLayout layout = ImageLayout::kPlanar;
  ImageType type = ImageType::kFloat;
};

/// Channels that an image of `channels` channels has in memory.
RTGS2_HOST_DEVICE inline std::int64_t stored_channels(ImageLayout layout, std::int64_t channels) {
  return layout == ImageLayout::kChannelsLast8 ? (channels + 7) / 8 * 8 : channels;
}

/// Position of a value in an image of `channels` channels and `pixels` pixels.
RTGS2_HOST_DEVICE inline std::int64_t image_position(ImageLayout layout, std::int64_t pixel, std::int64_t channel,
                                                     std::int64_t pixels, std::int64_t channels) {
  return layout == ImageLayout::kPlanar ? channel * pixels + pixel
                                        : pixel * stored_channels(layout, channels) + channel;
}

}  // namespace rtgs2::rasterize
