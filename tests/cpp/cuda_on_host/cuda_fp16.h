#pragma once

#include <cstdint>

#include "half.h"

struct __half {
  std::uint16_t bits;
};
inline __half __float2half_rn(float value) { return {on_host::half_bits(value)}; }
inline float __half2float(__half value) { return on_host::half_value(value.bits); }
