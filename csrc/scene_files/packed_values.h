// Values that formats of scenes pack into a few bytes, a row of bytes a Gaussian.
#pragma once

#include <array>
#include <cstdint>

namespace rtgs2::scene_files {

/// Writes tables[channel][byte] for the first `channels` bytes of every row of `row_bytes`; rows of `out` are
/// `out_stride` apart. `tables` has 256 values a channel.
void look_up(const std::uint8_t* bytes, std::int64_t rows, std::int64_t row_bytes, std::int64_t channels,
             const float* tables, float* out, std::int64_t out_stride);

/// SPZ: three signed whole numbers of 24 bits, little-endian, times `factors`; `out` is (rows, 3).
void unpack_positions(const std::uint8_t* bytes, std::int64_t rows, const std::array<float, 3>& factors, float* out);

/// SPZ from version 3 on: a little-endian word, of which the two highest bits say which of x, y, z and w is the largest
/// and left out, and ten bits each, the sign above nine of size, the others in order. `out` is (rows, 4), wxyz, turned
/// by half a turn about x from the file's axes to PLY's.
void unpack_rotations(const std::uint8_t* bytes, std::int64_t rows, float* out);

}  // namespace rtgs2::scene_files
