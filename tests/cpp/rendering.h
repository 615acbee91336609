// Images that own their memory, drawn by the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
