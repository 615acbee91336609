// From what a 3DGS file stores (logarithms, logits, quaternions of any length) to what it means.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "ply/decoder.h"

namespace rtgs2::ply {

/// exp(x) for |x| <= 700, within 2 units in the last place of a double; NaN gives some number.
///
/// Not the C library's: this one gives the same bits with every library, and compilers turn loops over it into SIMD.
/// exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2.
inline double exponential(double x) {
  // Adding 1.5 * 2^52 rounds to a whole number and leaves it in the low bits: no float-to-int cast for NaN to break.
  constexpr double kRounder = 6755399441055744.0;
  const double shifted = x * 1.4426950408889634 + kRounder;
  const double n = shifted - kRounder;
  // ln 2 in two parts, the first with so few bits that its product with n is exact.
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  // Taylor's series of degree 13: its first missing term is under 5e-18.
  double e = 1.0 / 6227020800.0;
  e = e * r + 1.0 / 479001600.0;
  e = e * r + 1.0 / 39916800.0;
  e = e * r + 1.0 / 3628800.0;
  e = e * r + 1.0 / 362880.0;
  e = e * r + 1.0 / 40320.0;
  e = e * r + 1.0 / 5040.0;
  e = e * r + 1.0 / 720.0;
  e = e * r + 1.0 / 120.0;
  e = e * r + 1.0 / 24.0;
  e = e * r + 1.0 / 6.0;
  e = e * r + 0.5;
  e = e * r + 1.0;
  e = e * r + 1.0;
  const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) << 52U;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(e) + exponent);
}

inline float scale_of_logarithm(float stored) {
  return static_cast<float>(
      exponential(std::clamp(static_cast<double>(stored), kLogarithmRange[0], kLogarithmRange[1])));
}

inline float opacity_of_logit(float stored) {
  const double logit = std::clamp(static_cast<double>(stored), kLogitRange[0], kLogitRange[1]);
  return static_cast<float>(1.0 / (1.0 + exponential(-logit)));
}

/// Normalises the quaternion at `q` in place; says whether its norm is 0, and leaves it alone then.
inline bool normalise_quaternion(float* q) {
  const double w = q[0], x = q[1], y = q[2], z = q[3];
  const double norm = std::sqrt(w * w + x * x + y * y + z * z);
  if (norm == 0) return true;
  if (!(std::abs(norm - 1.0) < kUnitTolerance)) {
    q[0] = static_cast<float>(w / norm);
    q[1] = static_cast<float>(x / norm);
    q[2] = static_cast<float>(y / norm);
    q[3] = static_cast<float>(z / norm);
  }
  return false;
}

}  // namespace rtgs2::ply
