// How much of a pixel a Gaussian covers, and when a pixel is full.
#pragma once

#include <math.h>

#include "splatting/exponential.h"
#include "splatting/host_device.h"
#include "splatting/projection.h"
#include "splatting/vector.h"

namespace rtgs2::splatting {

inline constexpr float kMostAlpha = 0.99F;
/// Less alpha than this is not drawn.
inline constexpr float kLeastAlpha = 1.0F / 255.0F;
/// A pixel ends before the Gaussian that would take its transmittance below this.
inline constexpr float kLeastTransmittance = 1e-4F;

/// Alpha of a Gaussian for the squared, whitened distance `q` = |U d|^2 from its centre. It counts if
/// `alpha >= kLeastAlpha`, which is false for NaN.
template <typename Real>
RTGS2_HOST_DEVICE inline Real splat_alpha(float opacity, Real q) {
  return minimum(broadcast<Real>(kMostAlpha), opacity * exp_nonpositive(-0.5F * q));
}

/// Squared distance from which on a Gaussian certainly counts nowhere; a little generous, so that leaving out what lies
/// beyond changes no pixel whatever the rounding. For opacity >= kLeastAlpha.
RTGS2_HOST_DEVICE inline float squared_reach(float opacity) { return 2.0F * logf(opacity / kLeastAlpha) + 0.01F; }

/// The squared distance |U d|^2 of a pixel at `dx`, `dy` from the centre.
template <typename Real>
RTGS2_HOST_DEVICE inline Real squared_distance(const Whitening& whitening, Real dx, Real dy) {
  const Real u = whitening.xx * dx + whitening.xy * dy;
  const Real v = whitening.yy * dy;
  return u * u + v * v;
}

}  // namespace rtgs2::splatting
