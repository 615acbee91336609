// Colour that depends on the direction of sight: real spherical harmonics up to degree 3 with the signs of 3D Gaussian
// Splatting (degree 1 is -y, +z, -x).
#pragma once

#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

/// Whether a Gaussian may have this many coefficients a channel: degree 0, 1, 2 or 3.
RTGS2_HOST_DEVICE inline constexpr bool is_sh_count(int count) {
  return count == 1 || count == 4 || count == 9 || count == 16;
}

/// The harmonics' sum for a Gaussian seen along the unit vector `d` from the camera. `coefficient(i)` gives those of
/// all channels, for i below `count` (1, 4, 9 or 16), as something that can be added and multiplied with a float.
template <typename Coefficient>
RTGS2_HOST_DEVICE inline auto sh_sum(int count, const Vector3& d, const Coefficient& coefficient) {
  auto sum = 0.28209479177387814F * coefficient(0);
  if (count > 1) {
    const float degree1 = 0.4886025119029199F;
    sum =
        sum + (-degree1 * d.y) * coefficient(1) + (degree1 * d.z) * coefficient(2) + (-degree1 * d.x) * coefficient(3);
  }
  const float xx = d.x * d.x, yy = d.y * d.y, zz = d.z * d.z;
  if (count > 4) {
    sum = sum + (1.0925484305920792F * d.x * d.y) * coefficient(4) +
          (-1.0925484305920792F * d.y * d.z) * coefficient(5) +
          (0.31539156525252005F * (2.0F * zz - xx - yy)) * coefficient(6) +
          (-1.0925484305920792F * d.x * d.z) * coefficient(7) + (0.5462742152960396F * (xx - yy)) * coefficient(8);
  }
  if (count > 9) {
    sum = sum + (-0.5900435899266435F * d.y * (3.0F * xx - yy)) * coefficient(9) +
          (2.890611442640554F * d.x * d.y * d.z) * coefficient(10) +
          (-0.4570457994644658F * d.y * (4.0F * zz - xx - yy)) * coefficient(11) +
          (0.3731763325901154F * d.z * (2.0F * zz - 3.0F * xx - 3.0F * yy)) * coefficient(12) +
          (-0.4570457994644658F * d.x * (4.0F * zz - xx - yy)) * coefficient(13) +
          (1.445305721320277F * d.z * (xx - yy)) * coefficient(14) +
          (-0.5900435899266435F * d.x * (xx - 3.0F * yy)) * coefficient(15);
  }
  return sum;
}

/// Colour (RGB, not below 0, without an upper limit) of a Gaussian seen along the unit vector `d` from the camera.
/// `sh` holds `count` (1, 4, 9 or 16) coefficients of three channels each, the constant one first.
RTGS2_HOST_DEVICE inline Vector3 sh_colour(const float* sh, int count, const Vector3& d) {
  const Vector3 sum = sh_sum(count, d, [sh](int i) { return Vector3{sh[3 * i], sh[3 * i + 1], sh[3 * i + 2]}; });
  return {maximum(sum.x + 0.5F, 0.0F), maximum(sum.y + 0.5F, 0.0F), maximum(sum.z + 0.5F, 0.0F)};
}

}  // namespace rtgs2::splatting
