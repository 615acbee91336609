// Half precision on the host: rounding to nearest, ties to even.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace on_host {

inline float round_to_half(float value) {
  if (!std::isfinite(value) || value == 0.0F) return value;
  int exponent = 0;
  std::frexp(value, &exponent);  // value = m 2^exponent, m in [0.5, 1)
  const float step = std::ldexp(1.0F, std::max(exponent - 11, -24));
  const float rounded = std::nearbyint(value / step) * step;
  return std::fabs(rounded) > 65504.0F ? std::copysign(std::numeric_limits<float>::infinity(), value) : rounded;
}

inline std::uint16_t half_bits(float value) {
  const float rounded = round_to_half(value);
  const auto sign = static_cast<std::uint16_t>(std::signbit(rounded) ? 0x8000 : 0);
  const float size = std::fabs(rounded);
  if (std::isnan(size)) return 0x7E00;
  if (std::isinf(size)) return sign | 0x7C00;
  if (size < 0x1p-14F) return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(size * 0x1p24F));
  int exponent = 0;
  const float mantissa = std::frexp(size, &exponent);
  return static_cast<std::uint16_t>(sign | ((exponent + 14) << 10) | (static_cast<int>(mantissa * 2048.0F) - 1024));
}

inline float half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                             : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  if (exponent == 31) {
    size = mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -size : size;
}

}  // namespace on_host
