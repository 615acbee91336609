// Draws Gaussians: colour, features, alpha and depth of one view, in one pass.
#pragma once

#include <cstdint>

#include "splatting/camera.h"
#include "splatting/vector.h"

namespace rtgs2 {

/// Widest and highest image.
inline constexpr int kMaxImageSide = 16384;

/// Most pairs of a Gaussian and a tile that it touches. A list of them takes 4 GiB; the rows of tiles that it is made
/// from take up to 24 GiB more, if every Gaussian meets one tile a row.
inline constexpr std::int64_t kMaxTilePairs = std::int64_t{1} << 30;

/// Gaussians as arrays that the caller keeps; all row-major without gaps. Any value is allowed: a Gaussian whose
/// shape is not finite is not drawn; colours and features that are not finite show in the pixels that they reach.
struct GaussianArrays {
  std::int64_t count = 0;
  const float* means = nullptr;      // (count, 3), world
  const float* scales = nullptr;     // (count, 3), linear standard deviations, world units
  const float* rotations = nullptr;  // (count, 4) quaternions w, x, y, z
  const float* opacities = nullptr;  // (count), 0 to 1
  const float* sh = nullptr;         // (count, sh_count, 3), the constant coefficient first
  int sh_count = 1;                  // 1, 4, 9 or 16
  const float* features = nullptr;   // (count, feature_channels)
  std::int64_t feature_channels = 0;
};

/// Where the view goes; what is null is not computed. w is a Gaussian's alpha times the transmittance before it.
struct RenderTargets {
  float* rgb = nullptr;       // (3, height, width): sum of w colour, plus the remaining transmittance times background
  float* features = nullptr;  // (feature_channels, height, width): sum of w features
  float* alpha = nullptr;     // (height, width): sum of w
  float* depth = nullptr;     // (height, width): sum of w z, not divided by alpha
};

/// How long each stage took, seconds.
struct RasterizeSeconds {
  double project = 0, sort = 0, bin = 0, blend = 0;
};

/// Draws on the CPU with `threads` threads (0 = all) and current_instruction_set(); the bits of the result depend on
/// neither. Memory for the work is kept for the next call: about 76 bytes a Gaussian, 4 for each tile it touches
/// and 12 to 24 for each row of tiles (a list that grows by doubling).
///
/// Throws std::invalid_argument for sizes out of range and std::length_error if the Gaussians' squares of tiles cover
/// more than kMaxTilePairs tiles, counted once each.
RasterizeSeconds rasterize_cpu(const GaussianArrays& gaussians, const splatting::Camera& camera,
                               splatting::Vector3 background, const RenderTargets& targets, int threads);

}  // namespace rtgs2
