// Lifts a view's pixels to the Gaussians that they show: the transpose of drawing features.
#pragma once

#include <cstdint>

#include "rasterize/rasterize.h"
#include "splatting/camera.h"

namespace rtgs2 {

/// Most values of a pixel.
inline constexpr std::int64_t kMaxLiftedChannels = 65535;

/// Values of a view's pixels, (channels, height, width) row-major without gaps, of the camera's size.
struct PixelValues {
  const float* values = nullptr;
  std::int64_t channels = 0;
};

/// Where the sums go, each added to what is there. w is the weight with which rasterize_cpu() blends a Gaussian into a
/// pixel: its alpha times the transmittance before it.
struct LiftTargets {
  float* sums = nullptr;     // (count, channels): sum over the pixels of w value
  float* weights = nullptr;  // (count): sum over the pixels of w
};

/// Adds every pixel's values to the Gaussians that are seen in it, by the weights of the same Gaussians, camera and
/// cut-offs as in rasterize_cpu(). Spherical harmonics and features are not read. The bits of the result depend neither
/// on `threads` (0 = all) nor on current_instruction_set(): a Gaussian's pixels are summed in a fixed order within a
/// tile, and its tiles in theirs. A value that is not finite reaches the Gaussians seen in its pixel and no others.
///
/// Takes, besides what rasterize_cpu() does, 4 bytes for each value of each Gaussian in some tiles at a time: up to
/// 64 MiB, or the longest single list.
///
/// Throws what rasterize_cpu() throws, and std::invalid_argument for a number of channels out of range; then nothing
/// was added.
void lift_cpu(const GaussianArrays& gaussians, const splatting::Camera& camera, const PixelValues& pixels,
              const LiftTargets& targets, int threads);

}  // namespace rtgs2
