// PlayCanvas compressed PLY: four packed words a Gaussian, quantised between the limits of chunks of 256, and a byte a
// higher coefficient of the spherical harmonics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "scene_files/gaussian_checks.h"

namespace rtgs2::scene_files {

inline constexpr std::int64_t kChunk = 256;     // Gaussians that share their limits
inline constexpr float kHarmonicsRange = 4.0F;  // coefficients lie between -4 and 4

/// Where in a file the rows of an element are, and where in a row what is wanted of it.
struct RowPlaces {
  std::int64_t start;      ///< byte of the file
  std::int64_t row_bytes;  ///< of a row
  std::vector<std::int64_t> offsets;
};

/// The least and the greatest value of what is quantised, a row of `columns` floats a chunk: position x y z least,
/// greatest, then log scales and, with 18 columns in place of 12, colours likewise.
struct Limits {
  const float* values;
  std::int64_t chunks;
  std::int64_t columns;
};

/// Decodes Gaussians straight from an open file, and checks them (GaussianChecks).
class CompressedPlyDecoder {
 public:
  /// `vertices` has the offsets of packed_position, packed_rotation, packed_scale and packed_color; `harmonics`, if
  /// any, those of the bytes in the order of the result: coefficient by coefficient, red, green and blue of each.
  ///
  /// Throws std::invalid_argument where these do not fit each other or the arrays.
  CompressedPlyDecoder(const RowPlaces& vertices, std::optional<RowPlaces> harmonics, bool big_endian,
                       const Limits& limits, const Gaussians& gaussians);

  /// Decodes `count` Gaussians from `first` on by at most `threads` threads; false if the file ends early.
  ///
  /// Throws std::system_error if the file cannot be read, std::out_of_range for Gaussians outside the arrays.
  bool read(int file, std::int64_t first, std::int64_t count, int threads);

  const GaussianChecks& checks() const { return checks_; }

 private:
  void decode_vertices(const std::byte* bytes, std::int64_t first, std::int64_t rows) const;
  void decode_harmonics(const std::byte* bytes, std::int64_t first, std::int64_t rows) const;

  RowPlaces vertices_;
  std::optional<RowPlaces> harmonics_;
  bool swapped_;
  Limits limits_;
  Gaussians gaussians_;
  GaussianChecks checks_;
  std::array<float, 256> coefficients_;  // what a byte stands for
};

}  // namespace rtgs2::scene_files
