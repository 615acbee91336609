// From a Gaussian's scales and rotation to its ellipse on the screen (EWA splatting, Zwicker et al. 2001).
#pragma once

#include "splatting/camera.h"
#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

/// Added to both variances on the screen, pixels^2: no Gaussian gets thinner than about a pixel.
inline constexpr float kScreenBlur = 0.3F;

/// Covariance on the screen [[xx, xy], [xy, yy]] in pixels^2, the blur included, and its determinant.
template <typename Real>
struct ScreenCovariance {
  Real xx, xy, yy;
  Real determinant;
};

/// Rotation matrix of a quaternion of any length but zero (zero gives values that are not finite).
template <typename Real>
RTGS2_HOST_DEVICE inline BasicMatrix3<Real> rotation_matrix(const BasicQuaternion<Real>& q) {
  const Real s = 2.0F / (q.w * q.w + q.x * q.x + q.y * q.y + q.z * q.z);
  return {{1.0F - s * (q.y * q.y + q.z * q.z), s * (q.x * q.y - q.w * q.z), s * (q.x * q.z + q.w * q.y)},
          {s * (q.x * q.y + q.w * q.z), 1.0F - s * (q.x * q.x + q.z * q.z), s * (q.y * q.z - q.w * q.x)},
          {s * (q.x * q.z - q.w * q.y), s * (q.y * q.z + q.w * q.x), 1.0F - s * (q.x * q.x + q.y * q.y)}};
}

/// Covariance on the screen of a Gaussian at `view` (view space).
///
/// With F = J W R S (2 x 3: projection's Jacobian, world-to-view, the Gaussian's rotation and scales) the covariance is
/// F F^T + blur I. Its determinant is |f_x cross f_y|^2 + blur (|f_x|^2 + |f_y|^2) + blur^2, a sum of positive terms:
/// xx yy - xy^2 would cancel in float32 for thin Gaussians and could even turn negative.
template <typename Real>
RTGS2_HOST_DEVICE inline ScreenCovariance<Real> screen_covariance(const Camera& camera, const BasicVector3<Real>& view,
                                                                  const BasicVector3<Real>& scales,
                                                                  const BasicQuaternion<Real>& rotation) {
  const BasicVector2<Real> direction = clamp_to_frustum(camera, view);
  const Real zero = broadcast<Real>(0.0F), one = broadcast<Real>(1.0F);
  const BasicVector3<Real> jacobian_x = (camera.fx / view.z) * BasicVector3<Real>{one, zero, -direction.x};
  const BasicVector3<Real> jacobian_y = (camera.fy / view.z) * BasicVector3<Real>{zero, one, -direction.y};
  const BasicMatrix3<Real> axes = rotation_matrix(rotation);
  BasicVector3<Real> fx = (jacobian_x * camera.rotation) * axes;
  BasicVector3<Real> fy = (jacobian_y * camera.rotation) * axes;
  fx = {fx.x * scales.x, fx.y * scales.y, fx.z * scales.z};
  fy = {fy.x * scales.x, fy.y * scales.y, fy.z * scales.z};

  const Real xx = dot(fx, fx);
  const Real yy = dot(fy, fy);
  const BasicVector3<Real> area = cross(fx, fy);
  return {xx + kScreenBlur, dot(fx, fy), yy + kScreenBlur,
          dot(area, area) + kScreenBlur * (xx + yy) + kScreenBlur * kScreenBlur};
}

}  // namespace rtgs2::splatting
