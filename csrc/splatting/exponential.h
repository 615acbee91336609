// exp for the falloff of a Gaussian.
#pragma once

#include <math.h>

#if !defined(__CUDA_ARCH__)
#include <bit>
#endif

#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

/// exp(x) for x <= 0, within 2 units in the last place; 0 below -87 (there exp(x) < 1.7e-38); NaN gives NaN.
///
/// On the GPU the hardware's 2^x of x / ln 2: two instructions, within 1e-6 of the value down to x = -8 (alpha ends at
/// exp(-5.6)), 0 below -87.4. On the host not the C library's: this one gives the same bits with every library, and
/// compilers turn loops over it into SIMD. exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2.
template <typename Real>
RTGS2_HOST_DEVICE inline Real exp_nonpositive(Real x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x * 1.44269504F));
  return result;
#else
  using Bits = typename RealTraits<Real>::Bits;
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits: no float-to-int cast for NaN to break.
  constexpr float kRounder = 12582912.0F;
  const Real shifted = x * 1.44269504F + kRounder;
  const Real n = shifted - kRounder;
  const Real r = (x - n * 0.693359375F) - n * -2.12194440e-4F;  // ln 2 in two parts
  // Taylor's series of degree 7: its first missing term is under 6e-9.
  Real e = broadcast<Real>(1.0F / 5040.0F);
  e = e * r + 1.0F / 720.0F;
  e = e * r + 1.0F / 120.0F;
  e = e * r + 1.0F / 24.0F;
  e = e * r + 1.0F / 6.0F;
  e = e * r + 0.5F;
  e = e * r + 1.0F;
  e = e * r + 1.0F;
  const Bits exponent = std::bit_cast<Bits>(shifted) << 23U;
  return x < broadcast<Real>(-87.0F) ? broadcast<Real>(0.0F) : std::bit_cast<Real>(std::bit_cast<Bits>(e) + exponent);
#endif
}

}  // namespace rtgs2::splatting
