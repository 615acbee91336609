// Weights of Gaussians at pixels: one after the other, and four at a time by four lanes of a warp.
#pragma once

#include "rasterize/ellipse.h"
#include "splatting/blending.h"
#include "splatting/host_device.h"

namespace rtgs2::rasterize {

/// Alpha of a Gaussian at a pixel; 0 where it does not count.
RTGS2_HOST_DEVICE inline float counted_alpha(const Ellipse& ellipse, float x, float y) {
  const float q = splatting::squared_distance<float>(ellipse.whitening, ellipse.centre.x - x, ellipse.centre.y - y);
  const float alpha = splatting::splat_alpha(ellipse.opacity, q);
  return alpha >= splatting::kLeastAlpha ? alpha : 0.0F;
}

/// The transmittance of a pixel that can still change; the negative of it once the pixel has ended (which no Gaussian
/// takes to kLeastTransmittance or more, so that nothing is drawn).
struct PixelTransmittance {
  float value;

  RTGS2_HOST_DEVICE inline bool alive() const { return value > 0.0F; }
  RTGS2_HOST_DEVICE inline float remaining() const { return value < 0.0F ? -value : value; }
  RTGS2_HOST_DEVICE inline void end() { value = -remaining(); }
  /// After Gaussians that let `factor` through; what has ended stays.
  RTGS2_HOST_DEVICE inline float times(float factor) const { return alive() ? value * factor : value; }
};

/// Weight of the next Gaussian at a living pixel, 0 if it is not drawn there; ends the pixel before the Gaussian that
/// would fill it.
RTGS2_HOST_DEVICE inline float next_weight(float alpha, PixelTransmittance& pixel) {
  if (alpha == 0.0F) return 0.0F;
  const float before = pixel.value, after = before * (1.0F - alpha);
  if (after < splatting::kLeastTransmittance) {
    pixel.end();
    return 0.0F;
  }
  pixel.value = after;
  return alpha * before;
}

// Four lanes share a pixel's next 16 Gaussians, four for each. That a pixel ends before the Gaussian that would fill it
// needs no order: the transmittance falls from Gaussian to Gaussian, so those are drawn after which enough is left.

/// Gaussians of a lane, and lanes.
inline constexpr int kLaneGaussians = 4;
inline constexpr int kLanesOfPixel = 4;
inline constexpr int kGaussiansAtOnce = kLaneGaussians * kLanesOfPixel;

/// What a lane's Gaussians leave of the light.
RTGS2_HOST_DEVICE inline float transmitted(const float (&alphas)[kLaneGaussians]) {
  return ((1.0F - alphas[0]) * (1.0F - alphas[1])) * ((1.0F - alphas[2]) * (1.0F - alphas[3]));
}

/// What is left before each lane's Gaussians and after all, from two exchanges with neighbours: first with lane ^ 1,
/// then with lane ^ 2.
struct LaneProducts {
  float before = 1.0F, all;

  RTGS2_HOST_DEVICE inline explicit LaneProducts(float own) : all(own) {}
  /// `distance` 1 or 2; `other` is `all` of lane ^ distance.
  RTGS2_HOST_DEVICE inline void exchange(int lane, int distance, float other) {
    if ((lane & distance) != 0) before *= other;
    all *= other;
  }
};

/// Turns a lane's alphas into weights, from the transmittance `before` them (negative for a pixel that has ended).
/// Returns what is left after the last one that is drawn.
RTGS2_HOST_DEVICE inline float weigh(float before, float (&alphas)[kLaneGaussians]) {
  float left = before;
  for (int j = 0; j < kLaneGaussians; ++j) {
    const float after = before * (1.0F - alphas[j]);
    const bool drawn = after >= splatting::kLeastTransmittance;
    alphas[j] = drawn ? alphas[j] * before : 0.0F;
    left = drawn ? after : left;
    before = after;
  }
  return left;
}

/// Whether a living pixel ended among these 16 Gaussians, of which all together leave `after`. A little early, so that
/// no lane, whose products round differently, finds that it ended where this does not.
RTGS2_HOST_DEVICE inline bool ends(const PixelTransmittance& pixel, float after) {
  return pixel.alive() && after < splatting::kLeastTransmittance * (1.0F + 2e-6F);
}

/// A lane's part of the transmittance that a pixel ended with, which is the least over its lanes; `left` is what
/// weigh() returned. A lane that begins behind the end knows nothing of it.
RTGS2_HOST_DEVICE inline float left_at_end(const PixelTransmittance& pixel, float left) {
  return left >= splatting::kLeastTransmittance ? left : pixel.value;
}

}  // namespace rtgs2::rasterize
