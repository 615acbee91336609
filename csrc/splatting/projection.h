// What blending needs to know of a Gaussian's shape: centre, radius, depth and the ellipse itself.
#pragma once

#include "splatting/camera.h"
#include "splatting/covariance.h"
#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

/// Standard deviations, along the longer axis, that a Gaussian's square of pixels reaches.
inline constexpr float kRadiusDeviations = 3.0F;

/// Least value under the root in the longer variance.
inline constexpr float kLeastDiscriminant = 0.1F;

/// Upper triangular factor U of the inverse covariance: for an offset d in pixels, d^T covariance^-1 d = |U d|^2.
/// Against the usual xx dx^2 + 2 xy dx dy + yy dy^2 it costs no more, can't turn negative, and does not cancel in
/// float32 far along a thin ellipse.
struct Whitening {
  float xx, xy, yy;
};

/// A Gaussian on the screen.
struct Splat {
  Vector2 centre;  // pixel index coordinates
  float radius;    // pixels, a whole number, possibly huge
  float depth;     // view z
  Whitening whitening;
};

/// Radius of the square of pixels that a covariance's Gaussian may touch.
RTGS2_HOST_DEVICE inline float splat_radius(const ScreenCovariance& covariance) {
  const float half_trace = 0.5F * (covariance.xx + covariance.yy);
  const float half_difference = 0.5F * (covariance.xx - covariance.yy);
  // = half_trace^2 - determinant, without its cancellation.
  const float discriminant = half_difference * half_difference + covariance.xy * covariance.xy;
  const float longer_variance = half_trace + sqrtf(maximum(discriminant, kLeastDiscriminant));
  return ceilf(kRadiusDeviations * sqrtf(longer_variance));
}

RTGS2_HOST_DEVICE inline Whitening whitening_of(const ScreenCovariance& covariance) {
  const float deviation_y = sqrtf(covariance.yy);
  const float area = sqrtf(covariance.determinant);
  return {deviation_y / area, -covariance.xy / (deviation_y * area), 1.0F / deviation_y};
}

/// Projects a Gaussian whose mean lies `offset` (world axes) from the camera. Returns false if it is nearer than the
/// near plane, or if its numbers are beyond float32 (NaN, infinite, a zero quaternion): then it is not drawn.
RTGS2_HOST_DEVICE inline bool project_gaussian(const Camera& camera, Vector3 offset, Vector3 scales,
                                               Quaternion rotation, Splat& splat) {
  const Vector3 view = camera.rotation * offset;
  if (!(view.z > kNearPlane) || !is_finite(view.z)) return false;
  const Vector2 centre = project_point(camera, view);
  if (!is_finite(centre.x) || !is_finite(centre.y)) return false;
  const ScreenCovariance covariance = screen_covariance(camera, view, scales, rotation);
  if (!(covariance.determinant > 0.0F) || !is_finite(covariance.determinant)) return false;
  splat = {centre, splat_radius(covariance), view.z, whitening_of(covariance)};
  return true;
}

}  // namespace rtgs2::splatting
