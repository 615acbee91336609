// The few vectors and matrices of splatting, and helpers that behave alike on CPU and GPU.
//
// `Real` is float, or a SIMD vector of floats that holds a Gaussian a lane (simd/lanes.h): the same source draws one
// Gaussian or several. Conditions are therefore values, combined with & and |, and never branch.
#pragma once

#include <float.h>
#include <math.h>

#include <cstdint>

#include "splatting/host_device.h"

namespace rtgs2::splatting {

/// What cannot be written alike for a float and for a vector of floats.
template <typename Real>
struct RealTraits;

template <>
struct RealTraits<float> {
  using Integer = int;
  using Bits = std::uint32_t;
  RTGS2_HOST_DEVICE static inline float broadcast(float value) { return value; }
  RTGS2_HOST_DEVICE static inline float square_root(float value) { return sqrtf(value); }
  RTGS2_HOST_DEVICE static inline float round_up(float value) { return ceilf(value); }
  /// Towards zero; for values that fit.
  RTGS2_HOST_DEVICE static inline int truncate(float value) { return static_cast<int>(value); }
};

template <typename Real>
struct BasicVector2 {
  Real x, y;
};

template <typename Real>
struct BasicVector3 {
  Real x, y, z;
};

template <typename Real>
struct BasicQuaternion {
  Real w, x, y, z;
};

/// Three rows.
template <typename Real>
struct BasicMatrix3 {
  BasicVector3<Real> x, y, z;
};

using Vector2 = BasicVector2<float>;
using Vector3 = BasicVector3<float>;
using Quaternion = BasicQuaternion<float>;
using Matrix3 = BasicMatrix3<float>;

template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector3<Real> operator+(const BasicVector3<Real>& a, const BasicVector3<Real>& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}

template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector3<Real> operator-(const BasicVector3<Real>& a, const BasicVector3<Real>& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}

template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector3<Real> operator*(Real s, const BasicVector3<Real>& v) {
  return {s * v.x, s * v.y, s * v.z};
}

template <typename A, typename B>
RTGS2_HOST_DEVICE inline auto dot(const BasicVector3<A>& a, const BasicVector3<B>& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

template <typename Real>
RTGS2_HOST_DEVICE inline BasicVector3<Real> cross(const BasicVector3<Real>& a, const BasicVector3<Real>& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

template <typename A, typename Real>
RTGS2_HOST_DEVICE inline BasicVector3<Real> operator*(const BasicMatrix3<A>& m, const BasicVector3<Real>& v) {
  return {dot(m.x, v), dot(m.y, v), dot(m.z, v)};
}

/// Row vector times matrix.
template <typename Real, typename B>
RTGS2_HOST_DEVICE inline BasicVector3<Real> operator*(const BasicVector3<Real>& v, const BasicMatrix3<B>& m) {
  return {v.x * m.x.x + v.y * m.y.x + v.z * m.z.x, v.x * m.x.y + v.y * m.y.y + v.z * m.z.y,
          v.x * m.x.z + v.y * m.y.z + v.z * m.z.z};
}

template <typename Real>
RTGS2_HOST_DEVICE inline Real broadcast(float value) {
  return RealTraits<Real>::broadcast(value);
}

template <typename Real>
RTGS2_HOST_DEVICE inline Real square_root(Real value) {
  return RealTraits<Real>::square_root(value);
}

// The library's min and max treat NaN in ways that cost instructions; these are one each, and give b where either is
// NaN.
template <typename Real>
RTGS2_HOST_DEVICE inline Real minimum(Real a, Real b) {
  return a < b ? a : b;
}

template <typename Real>
RTGS2_HOST_DEVICE inline Real maximum(Real a, Real b) {
  return a > b ? a : b;
}

/// `value` limited to [low, high]; NaN gives low.
template <typename Real>
RTGS2_HOST_DEVICE inline Real clamp(Real value, float low, float high) {
  return minimum(maximum(value, broadcast<Real>(low)), broadcast<Real>(high));
}

/// False for NaN and the infinities.
template <typename Real>
RTGS2_HOST_DEVICE inline auto is_finite(Real value) {
  return (value <= broadcast<Real>(FLT_MAX)) & (value >= broadcast<Real>(-FLT_MAX));
}

}  // namespace rtgs2::splatting
