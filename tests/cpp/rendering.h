// Images that own their memory, drawn by the core, and their comparison.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "rasterize/rasterize.h"

struct Image {
  std::vector<float> rgb, features, alpha, depth;

  Image(int width, int height, std::int64_t feature_channels) {
    const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    rgb.resize(3 * pixels);
    features.resize(static_cast<std::size_t>(feature_channels) * pixels);
    alpha.resize(pixels);
    depth.resize(pixels);
  }
  rtgs2::RenderTargets targets() { return {rgb.data(), features.data(), alpha.data(), depth.data()}; }
  bool operator==(const Image& other) const {
    return inputs::same_bits(rgb, other.rgb) && inputs::same_bits(features, other.features) &&
           inputs::same_bits(alpha, other.alpha) && inputs::same_bits(depth, other.depth);
  }
};

inline Image draw(const inputs::Gaussians& gaussians, const rtgs2::splatting::Camera& camera, int threads) {
  Image image(camera.width, camera.height, gaussians.feature_channels);
  rtgs2::rasterize_cpu(gaussians.arrays(), camera, {0.1F, 0.2F, 0.3F}, image.targets(), threads);
  return image;
}

/// Values `bound` apart are rounding. Where alpha falls just under or over 1/255, or a pixel ends one Gaussian earlier,
/// they differ by up to `flip`, one in 500 at most.
inline void check_close(const std::vector<float>& found, const std::vector<float>& expected, float bound, float flip) {
  std::size_t flips = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const float difference = std::fabs(found[i] - expected[i]);
    CHECK(difference <= flip);
    if (difference > bound) ++flips;
  }
  CHECK(flips <= 1 + found.size() / 500);
}
