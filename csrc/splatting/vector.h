// The few vectors and matrices of splatting, and scalar helpers that behave alike on CPU and GPU.
#pragma once

#include <float.h>
#include <math.h>

#include "splatting/host_device.h"

namespace rtgs2::splatting {

struct Vector2 {
  float x, y;
};

struct Vector3 {
  float x, y, z;
};

struct Quaternion {
  float w, x, y, z;
};

/// Three rows.
struct Matrix3 {
  Vector3 x, y, z;
};

RTGS2_HOST_DEVICE inline Vector3 operator+(Vector3 a, Vector3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
RTGS2_HOST_DEVICE inline Vector3 operator-(Vector3 a, Vector3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
RTGS2_HOST_DEVICE inline Vector3 operator*(float s, Vector3 v) { return {s * v.x, s * v.y, s * v.z}; }

RTGS2_HOST_DEVICE inline float dot(Vector3 a, Vector3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

RTGS2_HOST_DEVICE inline Vector3 cross(Vector3 a, Vector3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

RTGS2_HOST_DEVICE inline Vector3 operator*(const Matrix3& m, Vector3 v) {
  return {dot(m.x, v), dot(m.y, v), dot(m.z, v)};
}

/// Row vector times matrix.
RTGS2_HOST_DEVICE inline Vector3 operator*(Vector3 v, const Matrix3& m) { return v.x * m.x + v.y * m.y + v.z * m.z; }

// The library's min and max treat NaN in ways that cost instructions; these are one each, and give b where either is
// NaN.
RTGS2_HOST_DEVICE inline float minimum(float a, float b) { return a < b ? a : b; }
RTGS2_HOST_DEVICE inline float maximum(float a, float b) { return a > b ? a : b; }

/// `value` limited to [low, high]; NaN gives low.
RTGS2_HOST_DEVICE inline float clamp(float value, float low, float high) { return minimum(maximum(value, low), high); }

/// False for NaN and the infinities.
RTGS2_HOST_DEVICE inline bool is_finite(float value) { return fabsf(value) <= FLT_MAX; }

}  // namespace rtgs2::splatting
