#include "scene_files/packed_values.h"

#include <algorithm>
#include <cmath>

namespace rtgs2::scene_files {
namespace {

constexpr float kRoot = 0.70710678118654752F;  // no component of a quaternion but the largest exceeds it

/// A word's ten bits from `shift` on as a number, -1 to 1.
inline float signed_fraction(std::uint32_t word, int shift) {
  const std::uint32_t field = word >> shift;
  const auto size = static_cast<float>(static_cast<std::int32_t>(field & 511U)) * (1.0F / 511.0F);
  return (field & 512U) != 0 ? -size : size;
}

}  // namespace

void look_up(const std::uint8_t* bytes, std::int64_t rows, std::int64_t row_bytes, std::int64_t channels,
             const float* tables, float* out, std::int64_t out_stride) {
  for (std::int64_t i = 0; i < rows; ++i, bytes += row_bytes, out += out_stride) {
    for (std::int64_t c = 0; c < channels; ++c) out[c] = tables[256 * c + bytes[c]];
  }
}

void unpack_positions(const std::uint8_t* bytes, std::int64_t rows, const std::array<float, 3>& factors, float* out) {
  for (std::int64_t i = 0; i < rows; ++i, bytes += 9, out += 3) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::uint8_t* b = bytes + 3 * axis;
      // Shifted to the top, so that the sign is the word's, and back.
      const std::uint32_t top = std::uint32_t{b[0]} << 8U | std::uint32_t{b[1]} << 16U | std::uint32_t{b[2]} << 24U;
      out[axis] = static_cast<float>(static_cast<std::int32_t>(top) >> 8) * factors[axis];
    }
  }
}

void unpack_rotations(const std::uint8_t* bytes, std::int64_t rows, float* out) {
  for (std::int64_t i = 0; i < rows; ++i, bytes += 4, out += 4) {
    const std::uint32_t word = std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8U |
                               std::uint32_t{bytes[2]} << 16U | std::uint32_t{bytes[3]} << 24U;
    const float a = signed_fraction(word, 20) * kRoot;
    const float b = signed_fraction(word, 10) * kRoot;
    const float c = signed_fraction(word, 0) * kRoot;
    const std::uint32_t largest = word >> 30U;
    std::array<float, 4> xyzw;
    xyzw[largest == 0 ? 1 : 0] = a;
    xyzw[largest <= 1 ? 2 : 1] = b;
    xyzw[largest <= 2 ? 3 : 2] = c;
    xyzw[largest] = std::sqrt(std::max(0.0F, 1.0F - (a * a + b * b + c * c)));
    out[0] = xyzw[3];
    out[1] = xyzw[0];
    out[2] = -xyzw[1];
    out[3] = -xyzw[2];
  }
}

}  // namespace rtgs2::scene_files
