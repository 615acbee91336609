#include "scene_files/compressed_ply.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include "parallel/parallel_for.h"
#include "ply/read_rows.h"
#include "ply/stored_values.h"

namespace rtgs2::scene_files {
namespace {

constexpr std::int64_t kBlock = 1024;     // Gaussians whose bytes and values stay in the second cache
constexpr std::int64_t kShare = 1 << 15;  // that a thread takes on at a time
constexpr auto kOfColour = static_cast<float>(1.0 / 0.28209479177387814);  // one by the constant basis function
constexpr float kRoot = 0.70710678118654752F;     // no component of a quaternion but the largest exceeds it
constexpr std::size_t kColours = 12;              // column of the limits
constexpr std::array<int, 3> kShifts{21, 11, 0};  // of the three fields of positions and scales
constexpr std::array<int, 3> kBits{11, 10, 11};

/// The fraction, 0 to 1, that a bit field of a word stands for.
inline float unit(std::uint32_t word, int shift, int bits) {
  const std::uint32_t most = (1U << bits) - 1;
  // Through a signed number: that conversion is one instruction everywhere.
  const auto field = static_cast<std::int32_t>((word >> shift) & most);
  return static_cast<float>(field) * (1.0F / static_cast<float>(most));
}

/// What goes linearly from the least to the greatest value of a chunk.
struct Between {
  float low, span;
  float operator()(float fraction) const { return fraction * span + low; }
};

template <bool kSwapped>
std::uint32_t load(const std::byte* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof word);
  return kSwapped ? __builtin_bswap32(word) : word;
}

/// Writes the quaternion at `q` from its three smaller components and which one is left out.
inline void write_rotation(std::uint32_t word, float* q) {
  const float a = (2.0F * unit(word, 20, 10) - 1.0F) * kRoot;
  const float b = (2.0F * unit(word, 10, 10) - 1.0F) * kRoot;
  const float c = (2.0F * unit(word, 0, 10) - 1.0F) * kRoot;
  const std::uint32_t largest = word >> 30U;
  q[largest == 0 ? 1 : 0] = a;
  q[largest <= 1 ? 2 : 1] = b;
  q[largest <= 2 ? 3 : 2] = c;
  q[largest] = std::sqrt(std::max(0.0F, 1.0F - (a * a + b * b + c * c)));
}

struct ChunkLimits {
  std::array<Between, 3> position, scale, colour;
};

ChunkLimits chunk_limits(const Limits& limits, std::int64_t chunk) {
  const float* values = limits.values + chunk * limits.columns;
  const auto three = [&](std::size_t column) {
    std::array<Between, 3> result;
    for (std::size_t i = 0; i < 3; ++i) {
      const float low = values[column + i];
      result[i] = {low, values[column + 3 + i] - low};
    }
    return result;
  };
  const bool with_colours = limits.columns > static_cast<std::int64_t>(kColours);
  constexpr Between kPlain{0.0F, 1.0F};
  return {three(0), three(6), with_colours ? three(kColours) : std::array{kPlain, kPlain, kPlain}};
}

/// Decodes `rows` Gaussians of one chunk to those of `to` from `first` on.
template <bool kSwapped>
void decode_chunk(const std::byte* bytes, const RowPlaces& places, const ChunkLimits& limits, const Gaussians& to,
                  std::int64_t first, std::int64_t rows) {
  float* means = to.means + 3 * first;
  float* scales = to.scales + 3 * first;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::byte* row = bytes + i * places.row_bytes;
    const std::uint32_t position = load<kSwapped>(row + places.offsets[0]);
    const std::uint32_t scale = load<kSwapped>(row + places.offsets[2]);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      means[3 * i + static_cast<std::int64_t>(axis)] =
          limits.position[axis](unit(position, kShifts[axis], kBits[axis]));
      scales[3 * i + static_cast<std::int64_t>(axis)] = limits.scale[axis](unit(scale, kShifts[axis], kBits[axis]));
    }
    write_rotation(load<kSwapped>(row + places.offsets[1]), to.rotations + 4 * (first + i));
    const std::uint32_t colour = load<kSwapped>(row + places.offsets[3]);
    float* sh = to.sh + (first + i) * to.sh_width;
    sh[0] = (limits.colour[0](unit(colour, 24, 8)) - 0.5F) * kOfColour;
    sh[1] = (limits.colour[1](unit(colour, 16, 8)) - 0.5F) * kOfColour;
    sh[2] = (limits.colour[2](unit(colour, 8, 8)) - 0.5F) * kOfColour;
    to.opacities[first + i] = unit(colour, 0, 8);
  }
  // NaN must stay: a clamp would hide that the limits are none.
  for (std::int64_t i = 0; i < 3 * rows; ++i) {
    const float exponential = ply::scale_of_logarithm(scales[i]);
    scales[i] = std::isnan(scales[i]) ? scales[i] : exponential;
  }
}

void check_places(const RowPlaces& places, std::size_t wanted, std::int64_t bytes) {
  if (places.start < 0 || places.row_bytes < 1 || places.offsets.size() != wanted) {
    throw std::invalid_argument("not the places of what a compressed PLY holds");
  }
  for (const std::int64_t offset : places.offsets) {
    if (offset < 0 || offset > places.row_bytes - bytes) throw std::invalid_argument("a column lies outside the row");
  }
}

}  // namespace

CompressedPlyDecoder::CompressedPlyDecoder(const RowPlaces& vertices, std::optional<RowPlaces> harmonics,
                                           bool big_endian, const Limits& limits, const Gaussians& gaussians)
    : vertices_(vertices),
      harmonics_(std::move(harmonics)),
      swapped_(big_endian != (std::endian::native == std::endian::big)),
      limits_(limits),
      gaussians_(gaussians),
      checks_(gaussians) {
  check_places(vertices_, 4, sizeof(std::uint32_t));
  if (harmonics_) check_places(*harmonics_, static_cast<std::size_t>(gaussians.sh_width - 3), 1);
  if (!harmonics_ && gaussians.sh_width != 3) throw std::invalid_argument("coefficients that the file does not have");
  if (limits.columns != 12 && limits.columns != 18) throw std::invalid_argument("limits have 12 or 18 columns");
  if (limits.chunks != (gaussians.count + kChunk - 1) / kChunk) throw std::invalid_argument("not limits of all chunks");
  for (std::size_t i = 0; i < coefficients_.size(); ++i) {
    // The ends are exact, all others the middle of their interval.
    coefficients_[i] = (static_cast<float>(i) - 127.5F) * (2.0F * kHarmonicsRange / 256.0F);
  }
  coefficients_.front() = -kHarmonicsRange;
  coefficients_.back() = kHarmonicsRange;
}

bool CompressedPlyDecoder::read(int file, std::int64_t first, std::int64_t count, int threads) {
  if (first < 0 || count < 0 || count > gaussians_.count - first) {
    throw std::out_of_range("Gaussians outside the arrays");
  }
  std::atomic<bool> complete{true};
  parallel_for(count, kShare, threads, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row_bytes = std::max(vertices_.row_bytes, harmonics_ ? harmonics_->row_bytes : 0);
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(kBlock * row_bytes));
    const auto read_block = [&](const RowPlaces& places, std::int64_t row, std::int64_t rows) {
      return ply::read_fully(file, places.start + row * places.row_bytes, buffer.get(), rows * places.row_bytes);
    };
    for (std::int64_t row = first + begin; row < first + end && complete; row += kBlock) {
      const std::int64_t rows = std::min(kBlock, first + end - row);
      if (!read_block(vertices_, row, rows)) {
        complete = false;
        return;
      }
      decode_vertices(buffer.get(), row, rows);
      if (harmonics_) {
        if (!read_block(*harmonics_, row, rows)) {
          complete = false;
          return;
        }
        decode_harmonics(buffer.get(), row, rows);
      }
      checks_.check(row, rows);
    }
  });
  return complete;
}

void CompressedPlyDecoder::decode_vertices(const std::byte* bytes, std::int64_t first, std::int64_t rows) const {
  for (std::int64_t row = first; row < first + rows;) {
    const std::int64_t chunk = row / kChunk;
    const std::int64_t part = std::min((chunk + 1) * kChunk, first + rows) - row;
    const auto& decode = swapped_ ? decode_chunk<true> : decode_chunk<false>;
    decode(bytes + (row - first) * vertices_.row_bytes, vertices_, chunk_limits(limits_, chunk), gaussians_, row, part);
    row += part;
  }
}

void CompressedPlyDecoder::decode_harmonics(const std::byte* bytes, std::int64_t first, std::int64_t rows) const {
  const std::vector<std::int64_t>& offsets = harmonics_->offsets;
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::byte* row = bytes + i * harmonics_->row_bytes;
    float* sh = gaussians_.sh + (first + i) * gaussians_.sh_width + 3;
    for (std::size_t k = 0; k < offsets.size(); ++k) {
      sh[k] = coefficients_[std::to_integer<std::size_t>(row[offsets[k]])];
    }
  }
}

}  // namespace rtgs2::scene_files
