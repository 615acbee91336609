// The pinhole camera: world to view, view to pixels.
// Axes as in OpenCV (x right, y down, z forward). Pixel (0, 0) has its centre at image position (0.5, 0.5).
#pragma once

#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

/// Gaussians at or nearer than this view z are not drawn.
inline constexpr float kNearPlane = 0.2F;

/// How far outside the image, in parts of its size, the projection is still linearised where the Gaussian is.
inline constexpr float kFrustumMargin = 0.15F;

struct Camera {
  int width, height;  // pixels
  float fx, fy;       // pixels
  float cx, cy;       // image position of the optical axis, pixels; width / 2 is the middle
  Matrix3 rotation;   // world to view
  Vector3 position;   // of the camera, in the world
};

/// Camera from a row-major (4, 4) world_to_camera that multiplies column vectors, of which the last row is not read.
/// The position is solved in double: the kernels subtract it before they rotate, which keeps scenes far from the
/// world's origin exact in float32. A singular matrix gives a position that is not finite, which draws nothing.
RTGS2_HOST_DEVICE inline Camera make_camera(int width, int height, double fx, double fy, double cx, double cy,
                                            const double* world_to_camera) {
  const double* m = world_to_camera;
  // Cofactors of the rotation: inverse = transposed cofactors / determinant.
  const double c00 = m[5] * m[10] - m[6] * m[9], c01 = m[6] * m[8] - m[4] * m[10], c02 = m[4] * m[9] - m[5] * m[8];
  const double c10 = m[2] * m[9] - m[1] * m[10], c11 = m[0] * m[10] - m[2] * m[8], c12 = m[1] * m[8] - m[0] * m[9];
  const double c20 = m[1] * m[6] - m[2] * m[5], c21 = m[2] * m[4] - m[0] * m[6], c22 = m[0] * m[5] - m[1] * m[4];
  const double scale = -1.0 / (m[0] * c00 + m[1] * c01 + m[2] * c02);
  const auto f = [](double value) { return static_cast<float>(value); };
  return {width,
          height,
          f(fx),
          f(fy),
          f(cx),
          f(cy),
          {{f(m[0]), f(m[1]), f(m[2])}, {f(m[4]), f(m[5]), f(m[6])}, {f(m[8]), f(m[9]), f(m[10])}},
          {f(scale * (c00 * m[3] + c10 * m[7] + c20 * m[11])), f(scale * (c01 * m[3] + c11 * m[7] + c21 * m[11])),
           f(scale * (c02 * m[3] + c12 * m[7] + c22 * m[11]))}};
}

/// Pixel index coordinates (an integer is a pixel's centre) of a point in view space.
template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector2<Real> project_point(const Camera& camera, const BasicVector3<Real>& view) {
  return {camera.fx * (view.x / view.z) + camera.cx - 0.5F, camera.fy * (view.y / view.z) + camera.cy - 0.5F};
}

/// View direction (x / z, y / z) limited to the frustum and its margin, where the projection may be linearised.
template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector2<Real> clamp_to_frustum(const Camera& camera, const BasicVector3<Real>& view) {
  const float width = static_cast<float>(camera.width);
  const float height = static_cast<float>(camera.height);
  return {clamp(view.x / view.z, (-camera.cx - kFrustumMargin * width) / camera.fx,
                (width - camera.cx + kFrustumMargin * width) / camera.fx),
          clamp(view.y / view.z, (-camera.cy - kFrustumMargin * height) / camera.fy,
                (height - camera.cy + kFrustumMargin * height) / camera.fy)};
}

}  // namespace rtgs2::splatting
