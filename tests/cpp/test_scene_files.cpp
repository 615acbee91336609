#include <unistd.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "scene_files/compressed_ply.h"
#include "scene_files/gaussian_checks.h"
#include "scene_files/packed_values.h"
#include "temporary_file.h"

namespace {

using rtgs2::scene_files::Check;
using rtgs2::scene_files::CompressedPlyDecoder;
using rtgs2::scene_files::GaussianChecks;
using rtgs2::scene_files::Gaussians;
using rtgs2::scene_files::Limits;
using rtgs2::scene_files::RowPlaces;

/// Gaussians that own their values.
struct Owned {
  Owned(std::int64_t gaussians, std::int64_t width) : count(gaussians), sh_width(width) {
    const auto number = static_cast<std::size_t>(count);
    means.assign(3 * number, -7.0F);
    scales.assign(3 * number, 1.0F);
    rotations.assign(4 * number, 0.5F);
    opacities.assign(number, 1.0F);
    sh.assign(static_cast<std::size_t>(sh_width) * number, 0.0F);
  }
  Gaussians view() {
    return {count, means.data(), scales.data(), rotations.data(), opacities.data(), sh.data(), sh_width};
  }
  bool same_bits(const Owned& other) const {
    return inputs::same_bits(means, other.means) && inputs::same_bits(scales, other.scales) &&
           inputs::same_bits(rotations, other.rotations) && inputs::same_bits(opacities, other.opacities) &&
           inputs::same_bits(sh, other.sh);
  }

  std::int64_t count, sh_width;
  std::vector<float> means, scales, rotations, opacities, sh;
};

constexpr std::int64_t kVertexBytes = 17;  // a byte that puts all words off alignment
constexpr std::int64_t kStart = 10;

/// Random bytes for `count` Gaussians with three coefficients, and where they lie in a file.
struct Sample {
  explicit Sample(std::int64_t number, std::uint32_t seed, std::size_t hostile_odds) : count(number) {
    inputs::Random random(seed);
    bytes.resize(static_cast<std::size_t>(count * (kVertexBytes + 9)));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
    limits.resize(static_cast<std::size_t>((count + 255) / 256) * 18);
    for (float& limit : limits) {
      limit = random.uniform(-5.0F, 5.0F);
      if (hostile_odds > 0) limit = random.hostile(limit, hostile_odds);
    }
  }
  RowPlaces vertices() const { return {kStart, kVertexBytes, {1, 5, 9, 13}}; }
  RowPlaces harmonics() const { return {kStart + count * kVertexBytes, 9, {0, 3, 6, 1, 4, 7, 2, 5, 8}}; }
  Limits chunk_limits() const { return {limits.data(), static_cast<std::int64_t>(limits.size()) / 18, 18}; }
  CompressedPlyDecoder decoder(Owned& to) const { return {vertices(), harmonics(), false, chunk_limits(), to.view()}; }

  std::int64_t count;
  std::vector<std::byte> bytes;
  std::vector<float> limits;
};

TEST(compressed_ply_words_mean_what_playcanvas_packs) {
  // Red is at its least, green at its greatest, blue at 0.2; opacity 51 / 255; x, y and z at 0, 1 and 0.
  const std::array<std::uint32_t, 4> words{1023U << 11U, 2U << 30U | 1023U << 20U, 2047U << 21U,
                                           255U << 16U | 51U << 8U | 51U};
  std::vector<std::byte> bytes(16 + 9);
  std::memcpy(bytes.data(), words.data(), 16);
  bytes[16] = std::byte{255};
  bytes[17] = std::byte{128};
  const TemporaryFile file(bytes, kStart);
  const std::vector<float> limits{-1, -2, -3, 4, 5, 6, -6, -5, -4, -1, -1, -1, 0, 0, 0, 1, 1, 1};
  Owned found(1, 12);
  CompressedPlyDecoder decoder({kStart, 16, {0, 4, 8, 12}}, RowPlaces{kStart + 16, 9, {0, 1, 2, 3, 4, 5, 6, 7, 8}},
                               false, {limits.data(), 1, 18}, found.view());
  CHECK(decoder.read(file.descriptor(), 0, 1, 1));
  CHECK(decoder.checks().unusable().empty());
  CHECK(inputs::same_bits(found.means, {-1.0F, 5.0F, -3.0F}));
  const auto near = [](float a, double b) { return std::abs(a - b) < 1e-6; };
  CHECK(near(found.opacities[0], 0.2));
  CHECK(near(found.scales[0], std::exp(-1.0)) && near(found.scales[1], std::exp(-5.0)) &&
        near(found.scales[2], std::exp(-4.0)));
  // The first of the three others is at its greatest, the other two at their least: their squares make 1.5, so that
  // nothing is left for the largest, and the four are normalised.
  CHECK(near(found.rotations[0], std::sqrt(1 / 3.0)) && near(found.rotations[1], -std::sqrt(1 / 3.0)) &&
        near(found.rotations[2], 0) && near(found.rotations[3], -std::sqrt(1 / 3.0)));
  CHECK(near(found.sh[0], -0.5 / 0.28209479177387814) && near(found.sh[1], 0.5 / 0.28209479177387814) &&
        near(found.sh[2], -0.3 / 0.28209479177387814));
  CHECK_EQUAL(found.sh[3], 4.0F);
  CHECK_EQUAL(found.sh[4], 0.5F / 32);
  CHECK_EQUAL(found.sh[11], -4.0F);
}

TEST(compressed_ply_is_the_same_for_every_number_of_threads_and_in_parts) {
  const std::int64_t count = 100'001;  // several shares, the last chunk short
  const Sample sample(count, 51, 300);
  const TemporaryFile file(sample.bytes, kStart);
  Owned expected(count, 12);
  CompressedPlyDecoder whole = sample.decoder(expected);
  CHECK(whole.read(file.descriptor(), 0, count, 1));
  CHECK(!whole.checks().unusable().empty());
  for (const int threads : {2, 7}) {
    Owned found(count, 12);
    CompressedPlyDecoder decoder = sample.decoder(found);
    const std::int64_t middle = 33'333;
    CHECK(decoder.read(file.descriptor(), middle, count - middle, threads));
    CHECK(decoder.read(file.descriptor(), 0, middle, threads));
    CHECK(found.same_bits(expected));
    CHECK(decoder.checks().unusable() == whole.checks().unusable());
  }
}

TEST(compressed_ply_survives_hostile_limits) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Sample sample(700, 60 + seed, 3);
    const TemporaryFile file(sample.bytes, kStart);
    Owned found(700, 12);
    CompressedPlyDecoder decoder = sample.decoder(found);
    CHECK(decoder.read(file.descriptor(), 0, 700, 2));
    const std::vector<std::uint8_t>& unusable = decoder.checks().unusable();
    for (std::size_t i = 0; i < 700; ++i) {
      if (!unusable.empty() && unusable[i] != 0) continue;
      for (std::size_t k = 0; k < 3; ++k) CHECK(std::isfinite(found.means[3 * i + k]));
      for (std::size_t k = 0; k < 3; ++k) CHECK(found.scales[3 * i + k] > 0 && std::isfinite(found.scales[3 * i + k]));
      double norm = 0;
      for (std::size_t k = 0; k < 4; ++k) norm += double{found.rotations[4 * i + k]} * found.rotations[4 * i + k];
      CHECK(std::abs(norm - 1) < 1e-5);
    }
  }
}

TEST(compressed_ply_that_ends_early_is_told) {
  const Sample sample(3000, 52, 0);
  const TemporaryFile file(sample.bytes, kStart);
  Owned found(3000, 12);
  CompressedPlyDecoder decoder = sample.decoder(found);
  CHECK(decoder.read(file.descriptor(), 0, 3000, 2));
  CHECK(::ftruncate(file.descriptor(), kStart + 3000 * (kVertexBytes + 9) - 1) == 0);
  CHECK(!decoder.read(file.descriptor(), 0, 3000, 2));
  CHECK(::ftruncate(file.descriptor(), kStart + 100) == 0);
  CHECK(!decoder.read(file.descriptor(), 0, 3000, 1));
  CHECK_THROWS(decoder.read(-1, 0, 10, 1), std::system_error, "");
  CHECK_THROWS(decoder.read(file.descriptor(), 1, 3000, 1), std::out_of_range, "outside the arrays");
  CHECK_THROWS(decoder.read(file.descriptor(), -1, 3, 1), std::out_of_range, "outside the arrays");
}

TEST(compressed_ply_refuses_impossible_places) {
  const Sample sample(300, 53, 0);
  Owned found(300, 12);
  const auto make = [&](const RowPlaces& vertices, const std::optional<RowPlaces>& harmonics, const Limits& limits) {
    CompressedPlyDecoder(vertices, harmonics, false, limits, found.view());
  };
  const Limits limits = sample.chunk_limits();
  CHECK_THROWS(make({0, 17, {1, 5, 9}}, sample.harmonics(), limits), std::invalid_argument, "not the places");
  CHECK_THROWS(make({-1, 17, {1, 5, 9, 13}}, sample.harmonics(), limits), std::invalid_argument, "not the places");
  CHECK_THROWS(make({0, 17, {1, 5, 9, 14}}, sample.harmonics(), limits), std::invalid_argument, "outside the row");
  CHECK_THROWS(make({0, 17, {1, 5, 9, -1}}, sample.harmonics(), limits), std::invalid_argument, "outside the row");
  CHECK_THROWS(make(sample.vertices(), RowPlaces{0, 9, {9, 0, 0, 0, 0, 0, 0, 0, 0}}, limits), std::invalid_argument,
               "outside the row");
  CHECK_THROWS(make(sample.vertices(), std::nullopt, limits), std::invalid_argument, "does not have");
  CHECK_THROWS(make(sample.vertices(), sample.harmonics(), {limits.values, 1, 18}), std::invalid_argument,
               "all chunks");
  CHECK_THROWS(make(sample.vertices(), sample.harmonics(), {limits.values, 2, 15}), std::invalid_argument, "columns");
}

TEST(gaussian_checks_find_what_cannot_be_used) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::int64_t count = 70'000;
  Owned gaussians(count, 6);
  gaussians.means[3 * 5 + 1] = kNan;
  gaussians.scales[3 * 7] = -1;
  gaussians.scales[3 * 8] = 0;
  gaussians.scales[3 * 69'999 + 2] = kInfinity;
  gaussians.opacities[9] = -kInfinity;
  gaussians.sh[6 * 60'000 + 5] = kNan;
  for (std::size_t k = 0; k < 4; ++k) gaussians.rotations[4 * 11 + k] = 0;
  gaussians.rotations[4 * 12] = kNan;
  gaussians.rotations[4 * 13] = 3.5F;
  GaussianChecks checks(gaussians.view());
  check_all(checks, 3);
  const std::array<std::int64_t, rtgs2::scene_files::kChecks> first{5, 69'999, 9, 60'000, 12, 7, 11};
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK_EQUAL(checks.faults()[i].count, std::int64_t{1});
    CHECK_EQUAL(checks.faults()[i].first, first[i]);
  }
  std::int64_t unusable = 0;
  for (const std::uint8_t row : checks.unusable()) unusable += row;
  CHECK_EQUAL(unusable, std::int64_t{7});
  CHECK_EQUAL(gaussians.scales[3 * 8], std::numeric_limits<float>::min());
  CHECK_EQUAL(gaussians.rotations[4 * 14], 0.5F);
  CHECK(std::abs(gaussians.rotations[4 * 13] - 3.5F / std::sqrt(13.0F)) < 1e-6F);
  CHECK_THROWS(checks.check(-1, 1), std::out_of_range, "outside the arrays");
  CHECK_THROWS(checks.check(0, count + 1), std::out_of_range, "outside the arrays");
}

TEST(packed_values_of_any_bytes_stay_within_their_rows) {
  inputs::Random random(54);
  const std::size_t rows = 333;
  std::vector<std::uint8_t> bytes(9 * rows);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
  std::vector<float> positions(3 * rows), rotations(4 * rows), looked_up(5 * rows, -7.0F), tables(3 * 256);
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = static_cast<float>(i);
  const auto count = static_cast<std::int64_t>(rows);
  rtgs2::scene_files::unpack_positions(bytes.data(), count, {0.5F, -0.5F, 1.0F}, positions.data());
  rtgs2::scene_files::unpack_rotations(bytes.data(), count, rotations.data());
  rtgs2::scene_files::look_up(bytes.data(), count, 9, 3, tables.data(), looked_up.data(), 5);
  for (std::size_t i = 0; i < rows; ++i) {
    const int low = bytes[9 * i] | bytes[9 * i + 1] << 8 | bytes[9 * i + 2] << 16;
    CHECK_EQUAL(positions[3 * i], 0.5F * static_cast<float>(low < 1 << 23 ? low : low - (1 << 24)));
    double norm = 0;
    for (std::size_t k = 0; k < 4; ++k) norm += double{rotations[4 * i + k]} * rotations[4 * i + k];
    CHECK(norm > 0.99 && norm < 1.51);  // three components at their greatest leave nothing for the largest
    for (std::size_t c = 0; c < 3; ++c)
      CHECK_EQUAL(looked_up[5 * i + c], static_cast<float>(256 * c + bytes[9 * i + c]));
    CHECK_EQUAL(looked_up[5 * i + 3], -7.0F);
  }
}

}  // namespace
