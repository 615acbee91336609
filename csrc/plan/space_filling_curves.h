// Positions of grid cells on the z-order and Hilbert curves.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace rtgs2 {

/// Bits a side of the largest grid.
inline constexpr int kMaxDepth = 16;

/// x, y and z of a grid cell, each below 2^kMaxDepth.
using Cell = std::array<std::uint32_t, 3>;

/// The curves in the order in which the encoder's blocks take turns.
enum class Curve { kZ, kZTransposed, kHilbert, kHilbertTransposed };

struct NamedCurve {
  Curve curve;
  const char* name;
};

inline constexpr std::array<NamedCurve, 4> kCurves{{{Curve::kZ, "z"},
                                                    {Curve::kZTransposed, "z_transposed"},
                                                    {Curve::kHilbert, "hilbert"},
                                                    {Curve::kHilbertTransposed, "hilbert_transposed"}}};

/// Moves bit i of `value` to bit 3i.
inline std::uint64_t spread_bits(std::uint32_t value) {
  std::uint64_t bits = value;
  bits = (bits | bits << 16) & 0xFF00'00FF;
  bits = (bits | bits << 8) & 0x00F0'0F00'F00F;
  bits = (bits | bits << 4) & 0x0C30'C30C'30C3;
  bits = (bits | bits << 2) & 0x2492'4924'9249;
  return bits;
}

/// The inverse of `spread_bits`; bits between those that it writes are ignored.
inline std::uint32_t gather_bits(std::uint64_t bits) {
  bits &= 0x2492'4924'9249;
  bits = (bits | bits >> 2) & 0x0C30'C30C'30C3;
  bits = (bits | bits >> 4) & 0x00F0'0F00'F00F;
  bits = (bits | bits >> 8) & 0xFF00'00FF;
  bits = (bits | bits >> 16) & 0xFFFF;
  return static_cast<std::uint32_t>(bits);
}

/// Bit i of x, y, z goes to bit 3i + 2, 3i + 1, 3i.
inline std::uint64_t z_order_code(const Cell& cell) {
  return spread_bits(cell[0]) << 2 | spread_bits(cell[1]) << 1 | spread_bits(cell[2]);
}

inline Cell cell_of_z_order_code(std::uint64_t code) {
  return {gather_bits(code >> 2), gather_bits(code >> 1), gather_bits(code)};
}

/// Position on the Hilbert curve through a grid of 2^depth cells a side: J. Skilling, "Programming the
/// Hilbert curve" (2004), AxesToTranspose, with the transposed bits interleaved x first.
inline std::uint64_t hilbert_code(Cell cell, int depth) {
  auto& [x, y, z] = cell;
  // Undo, from the coarsest level down, how the curve is turned and mirrored inside each octant.
  for (int level = depth - 1; level > 0; --level) {
    const std::uint32_t bit = 1U << level;
    const std::uint32_t below = bit - 1;
    for (std::uint32_t& axis : cell) {
      if (axis & bit) {
        x ^= below;
      } else {
        const std::uint32_t difference = (x ^ axis) & below;
        x ^= difference;
        axis ^= difference;
      }
    }
  }
  // Gray code of the octants along the curve.
  y ^= x;
  z ^= y;
  std::uint32_t flip = 0;
  for (int level = depth - 1; level > 0; --level) {
    if (z >> level & 1U) flip ^= (1U << level) - 1;
  }
  for (std::uint32_t& axis : cell) axis ^= flip;
  return z_order_code(cell);
}

/// Position of `cell` on `curve` through a grid of 2^depth cells a side.
inline std::uint64_t curve_code(Curve curve, Cell cell, int depth) {
  if (curve == Curve::kZTransposed || curve == Curve::kHilbertTransposed) std::swap(cell[0], cell[1]);
  const bool hilbert = curve == Curve::kHilbert || curve == Curve::kHilbertTransposed;
  return hilbert ? hilbert_code(cell, depth) : z_order_code(cell);
}

}  // namespace rtgs2
