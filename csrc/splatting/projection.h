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
template <typename Real>
struct BasicWhitening {
  Real xx, xy, yy;
};

/// A Gaussian on the screen.
template <typename Real>
struct BasicSplat {
  BasicVector2<Real> centre;  // pixel index coordinates
  Real radius;                // pixels, a whole number, possibly huge
  Real depth;                 // view z
  BasicWhitening<Real> whitening;
};

using Whitening = BasicWhitening<float>;
using Splat = BasicSplat<float>;

/// Radius of the square of pixels that a covariance's Gaussian may touch.
template <typename Real>
RTGS2_HOST_DEVICE inline Real splat_radius(const ScreenCovariance<Real>& covariance) {
  const Real half_trace = 0.5F * (covariance.xx + covariance.yy);
  const Real half_difference = 0.5F * (covariance.xx - covariance.yy);
  // = half_trace^2 - determinant, without its cancellation.
  const Real discriminant = half_difference * half_difference + covariance.xy * covariance.xy;
  const Real longer_variance = half_trace + square_root(maximum(discriminant, broadcast<Real>(kLeastDiscriminant)));
  return RealTraits<Real>::round_up(kRadiusDeviations * square_root(longer_variance));
}

template <typename Real>
RTGS2_HOST_DEVICE inline BasicWhitening<Real> whitening_of(const ScreenCovariance<Real>& covariance) {
  const Real deviation_y = square_root(covariance.yy);
  const Real area = square_root(covariance.determinant);
  return {deviation_y / area, -covariance.xy / (deviation_y * area), 1.0F / deviation_y};
}

/// Projects a Gaussian whose mean lies `offset` (world axes) from the camera. Returns false if it is nearer than the
/// near plane, or if its numbers are beyond float32 (NaN, infinite, a zero quaternion): then it is not drawn.
template <typename Real>
RTGS2_HOST_DEVICE inline auto project_gaussian(const Camera& camera, const BasicVector3<Real>& offset,
                                               const BasicVector3<Real>& scales, const BasicQuaternion<Real>& rotation,
                                               BasicSplat<Real>& splat) {
  const BasicVector3<Real> view = camera.rotation * offset;
  const BasicVector2<Real> centre = project_point(camera, view);
  const ScreenCovariance<Real> covariance = screen_covariance(camera, view, scales, rotation);
  splat = {centre, splat_radius(covariance), view.z, whitening_of(covariance)};
  return (view.z > broadcast<Real>(kNearPlane)) & is_finite(view.z) & is_finite(centre.x) & is_finite(centre.y) &
         (covariance.determinant > broadcast<Real>(0.0F)) & is_finite(covariance.determinant);
}

}  // namespace rtgs2::splatting
