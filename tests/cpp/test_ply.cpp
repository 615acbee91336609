#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "ply/decoder.h"
#include "ply/read_rows.h"
#include "temporary_file.h"

namespace {

using rtgs2::ply::Array;
using rtgs2::ply::ArrayFaults;
using rtgs2::ply::Column;
using rtgs2::ply::Decoder;
using rtgs2::ply::Fault;
using rtgs2::ply::Layout;
using rtgs2::ply::Meaning;
using rtgs2::ply::Type;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The bytes of `value` at the end of `bytes`, in either order.
template <typename T>
void append(std::vector<std::byte>& bytes, T value, bool big_endian) {
  std::array<std::byte, sizeof(T)> stored;
  std::memcpy(stored.data(), &value, sizeof(T));
  if (big_endian != (std::endian::native == std::endian::big)) std::reverse(stored.begin(), stored.end());
  bytes.insert(bytes.end(), stored.begin(), stored.end());
}

/// What the decoder made of rows: the arrays, which own their values, and their faults.
struct Decoded {
  std::vector<std::vector<float>> values;
  std::vector<ArrayFaults> faults;
  std::vector<std::uint8_t> unusable;
};

struct Wanted {
  Meaning meaning;
  std::vector<Column> columns;
};

std::vector<Array> arrays_for(const std::vector<Wanted>& wanted, std::int64_t count, Decoded& decoded) {
  std::vector<Array> arrays;
  decoded.values.resize(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    decoded.values[i].assign(static_cast<std::size_t>(count) * wanted[i].columns.size(), -7.0F);
    arrays.push_back({decoded.values[i].data(), wanted[i].meaning, wanted[i].columns});
  }
  return arrays;
}

/// Decodes all rows `step` at a time, the last ones first.
Decoded decode(const std::vector<std::byte>& bytes, const Layout& layout, const std::vector<Wanted>& wanted,
               std::int64_t step) {
  Decoded decoded;
  const auto count = static_cast<std::int64_t>(bytes.size()) / layout.row_bytes;
  Decoder decoder(layout, count, arrays_for(wanted, count, decoded));
  for (std::int64_t first = (count - 1) / step * step; first >= 0; first -= step) {
    decoder.decode(bytes.data() + first * layout.row_bytes, first, std::min(step, count - first));
  }
  decoded.faults = decoder.faults();
  decoded.unusable = decoder.unusable();
  return decoded;
}

struct Read {
  Decoded decoded;
  bool complete;
};

Read read(int file, std::int64_t start, std::int64_t count, const Layout& layout, const std::vector<Wanted>& wanted,
          int threads) {
  Read read;
  Decoder decoder(layout, count, arrays_for(wanted, count, read.decoded));
  read.complete = rtgs2::ply::read_rows(file, start, decoder, 0, count, threads);
  read.decoded.faults = decoder.faults();
  read.decoded.unusable = decoder.unusable();
  return read;
}

bool same(const Fault& a, const Fault& b) { return a.count == b.count && a.first == b.first; }

bool same(const Decoded& a, const Decoded& b) {
  if (a.unusable != b.unusable || a.values.size() != b.values.size()) return false;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (!inputs::same_bits(a.values[i], b.values[i]) || !same(a.faults[i].zero, b.faults[i].zero)) return false;
    for (std::size_t c = 0; c < a.faults[i].not_finite.size(); ++c) {
      if (!same(a.faults[i].not_finite[c], b.faults[i].not_finite[c])) return false;
    }
  }
  return true;
}

/// A row as 3DGS writes it, x y z, opacity, three scales, a quaternion, and a byte that puts all others off alignment.
constexpr Layout kGaussianLayout{1 + 11 * 4, false};

std::vector<Wanted> gaussian_columns() {
  const auto floats = [](std::int64_t first, int columns) {
    std::vector<Column> all;
    for (int i = 0; i < columns; ++i) all.push_back({1 + 4 * (first + i), Type::kFloat32});
    return all;
  };
  return {{Meaning::kNumber, floats(0, 3)},
          {Meaning::kLogit, floats(3, 1)},
          {Meaning::kLogarithm, floats(4, 3)},
          {Meaning::kQuaternion, floats(7, 4)}};
}

std::vector<std::byte> gaussian_rows(std::uint32_t seed, int count, std::size_t hostile_odds) {
  inputs::Random random(seed);
  std::vector<std::byte> bytes;
  for (int i = 0; i < count; ++i) {
    bytes.push_back(std::byte{0xff});
    for (int k = 0; k < 11; ++k) {
      const float value = random.uniform(-6.0F, 3.0F);
      append(bytes, hostile_odds > 0 ? random.hostile(value, hostile_odds) : value, false);
    }
  }
  return bytes;
}

template <typename T>
void check_type(Type type, const std::vector<T>& values) {
  CHECK_EQUAL(rtgs2::ply::size_of(type), static_cast<std::int64_t>(sizeof(T)));
  for (const bool big_endian : {false, true}) {
    std::vector<std::byte> bytes;
    for (const T value : values) {
      append(bytes, std::uint8_t{0xab}, big_endian);
      append(bytes, value, big_endian);
    }
    const Layout layout{1 + static_cast<std::int64_t>(sizeof(T)), big_endian};
    const Decoded decoded = decode(bytes, layout, {{Meaning::kNumber, {{1, type}}}}, 2);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK_EQUAL(decoded.values[0][i], static_cast<float>(values[i]));
    CHECK(decoded.unusable.empty());
  }
}

template <typename T>
std::vector<T> whole_numbers() {
  return {std::numeric_limits<T>::min(), 0, 1, 100, std::numeric_limits<T>::max()};
}

TEST(ply_numbers_of_every_type_and_byte_order) {
  check_type(Type::kInt8, whole_numbers<std::int8_t>());
  check_type(Type::kUint8, whole_numbers<std::uint8_t>());
  check_type(Type::kInt16, whole_numbers<std::int16_t>());
  check_type(Type::kUint16, whole_numbers<std::uint16_t>());
  check_type(Type::kInt32, whole_numbers<std::int32_t>());
  check_type(Type::kUint32, whole_numbers<std::uint32_t>());
  check_type(Type::kInt64, whole_numbers<std::int64_t>());
  check_type(Type::kUint64, whole_numbers<std::uint64_t>());
  check_type<float>(Type::kFloat32, {-1.5F, 0.0F, 1e-40F, 3.4e38F});
  check_type<double>(Type::kFloat64, {-1.5, 0.1, 1e-320, 3.4e38});
}

TEST(ply_numbers_mean_what_3dgs_stores) {
  const std::vector<std::byte> bytes = gaussian_rows(31, 700, 0);
  const Decoded decoded = decode(bytes, kGaussianLayout, gaussian_columns(), 64);
  CHECK(decoded.unusable.empty());
  const auto near = [](float found, double expected) { return std::abs(found - expected) <= 1.2e-7 * expected; };
  for (std::size_t i = 0; i < 700; ++i) {
    std::array<float, 11> row;
    std::memcpy(row.data(), bytes.data() + i * 45 + 1, sizeof row);
    CHECK(std::memcmp(row.data(), decoded.values[0].data() + 3 * i, 3 * sizeof(float)) == 0);
    CHECK(near(decoded.values[1][i], 1 / (1 + std::exp(-double{row[3]}))));
    double norm = 0;
    for (std::size_t k = 0; k < 4; ++k) norm += double{row[7 + k]} * row[7 + k];
    for (std::size_t k = 0; k < 3; ++k) CHECK(near(decoded.values[2][3 * i + k], std::exp(double{row[4 + k]})));
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(std::abs(decoded.values[3][4 * i + k] - row[7 + k] / std::sqrt(norm)) < 1e-7);
    }
  }
}

TEST(ply_faults_are_counted_by_column_and_row) {
  std::vector<std::byte> bytes = gaussian_rows(32, 50, 0);
  const auto put = [&](std::size_t row, std::size_t number, float value) {
    std::memcpy(bytes.data() + row * 45 + 1 + 4 * number, &value, sizeof value);
  };
  put(7, 1, kNan);
  put(3, 1, -kInfinity);
  put(9, 3, kInfinity);  // a valid logit: opacity 1
  put(11, 3, kNan);
  put(13, 6, kInfinity);
  for (std::size_t k = 7; k < 11; ++k) put(49, k, 0.0F);
  for (const std::int64_t step : {1, 8, 50}) {
    const Decoded decoded = decode(bytes, kGaussianLayout, gaussian_columns(), step);
    const std::vector<ArrayFaults>& faults = decoded.faults;
    CHECK(same(faults[0].not_finite[0], {}));
    CHECK(same(faults[0].not_finite[1], {2, 3}));
    CHECK(same(faults[1].not_finite[0], {1, 11}));
    CHECK(same(faults[2].not_finite[2], {1, 13}));
    CHECK(same(faults[3].zero, {1, 49}));
    CHECK_EQUAL(decoded.values[1][9], 1.0F);
    for (std::size_t i = 0; i < 50; ++i) {
      const bool expected = i == 3 || i == 7 || i == 11 || i == 13 || i == 49;
      CHECK_EQUAL(decoded.unusable[i] != 0, expected);
    }
  }
}

TEST(ply_rows_of_a_file_are_the_same_for_every_number_of_threads) {
  // More than a thread's share of 4 MiB, so that there is work for several.
  const int count = 500'000;
  const std::vector<std::byte> bytes = gaussian_rows(33, count, 4000);
  const TemporaryFile file(bytes, 300);
  const Decoded expected = decode(bytes, kGaussianLayout, gaussian_columns(), count);
  CHECK(!expected.unusable.empty());
  for (const int threads : {1, 2, 7}) {
    const Read all = read(file.descriptor(), 300, count, kGaussianLayout, gaussian_columns(), threads);
    CHECK(all.complete);
    CHECK(same(all.decoded, expected));
  }
  std::array<bool, 3> equal{};
  inputs::at_once(3, [&](int i) {
    const Read all = read(file.descriptor(), 300, count, kGaussianLayout, gaussian_columns(), 2);
    equal[static_cast<std::size_t>(i)] = same(all.decoded, expected);
  });
  CHECK(equal[0] && equal[1] && equal[2]);
}

TEST(ply_file_that_ends_early_is_told) {
  const std::vector<std::byte> bytes = gaussian_rows(34, 1000, 0);
  const TemporaryFile file(bytes, 10);
  for (const int threads : {1, 3}) {
    CHECK(read(file.descriptor(), 10, 1000, kGaussianLayout, gaussian_columns(), threads).complete);
    CHECK(!read(file.descriptor(), 11, 1000, kGaussianLayout, gaussian_columns(), threads).complete);
    CHECK(!read(file.descriptor(), 10, 1001, kGaussianLayout, gaussian_columns(), threads).complete);
    CHECK(!read(file.descriptor(), 1 << 30, 1, kGaussianLayout, gaussian_columns(), threads).complete);
    CHECK(read(file.descriptor(), 1 << 30, 0, kGaussianLayout, gaussian_columns(), threads).complete);
  }
  CHECK(::ftruncate(file.descriptor(), 10 + 45 * 500) == 0);  // shortened while it is open
  CHECK(!read(file.descriptor(), 10, 1000, kGaussianLayout, gaussian_columns(), 2).complete);
  CHECK_THROWS(read(-1, 0, 10, kGaussianLayout, gaussian_columns(), 1), std::system_error, "");
}

TEST(ply_survives_hostile_values) {
  // One value in three is NaN, infinite, huge, subnormal or any bits; blocks of any size.
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::byte> bytes = gaussian_rows(100 + seed, 997, 3);
    const Decoded decoded = decode(bytes, kGaussianLayout, gaussian_columns(), 1 + 131 * seed);
    CHECK(same(decoded, decode(bytes, kGaussianLayout, gaussian_columns(), 997)));
    for (std::size_t i = 0; i < 997; ++i) {
      if (decoded.unusable[i] != 0) continue;
      CHECK(decoded.values[1][i] >= 0 && decoded.values[1][i] <= 1);
      for (std::size_t k = 0; k < 3; ++k) CHECK(std::isfinite(decoded.values[0][3 * i + k]));
      for (std::size_t k = 0; k < 3; ++k) CHECK(std::isfinite(decoded.values[2][3 * i + k]));
      double norm = 0;
      for (std::size_t k = 0; k < 4; ++k) norm += double{decoded.values[3][4 * i + k]} * decoded.values[3][4 * i + k];
      CHECK(std::abs(norm - 1) < 1e-5);
    }
  }
}

TEST(ply_survives_any_bytes_as_any_type) {
  inputs::Random random(35);
  std::vector<std::byte> bytes(24 * 300);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits());
  for (const Type type : {Type::kInt8, Type::kUint8, Type::kInt16, Type::kUint16, Type::kInt32, Type::kUint32,
                          Type::kInt64, Type::kUint64, Type::kFloat32, Type::kFloat64}) {
    for (const Meaning meaning : {Meaning::kNumber, Meaning::kLogarithm, Meaning::kLogit, Meaning::kQuaternion}) {
      const std::int64_t last = 24 - rtgs2::ply::size_of(type);
      const std::vector<Wanted> wanted{{meaning, {{0, type}, {3, type}, {7, type}, {last, type}}}};
      for (const bool big_endian : {false, true}) {
        const Layout layout{24, big_endian};
        CHECK(same(decode(bytes, layout, wanted, 300), decode(bytes, layout, wanted, 7)));
      }
    }
  }
}

TEST(ply_refuses_impossible_layouts) {
  std::vector<float> values(40);
  const auto make = [&](const Layout& layout, std::int64_t count, Meaning meaning, const std::vector<Column>& columns) {
    return std::make_unique<Decoder>(layout, count, std::vector<Array>{{values.data(), meaning, columns}});
  };
  const Layout layout{10, false};
  const Column good{6, Type::kFloat32};
  CHECK_THROWS(make({0, false}, 1, Meaning::kNumber, {}), std::invalid_argument, "at least one byte");
  CHECK_THROWS(make(layout, -1, Meaning::kNumber, {good}), std::invalid_argument, "at least one byte");
  CHECK_THROWS(make(layout, std::numeric_limits<std::int64_t>::max() / 9, Meaning::kNumber, {good}),
               std::invalid_argument, "more rows than any file holds");
  CHECK_THROWS(make(layout, 1, Meaning::kNumber, {{7, Type::kFloat32}}), std::invalid_argument, "outside the row");
  CHECK_THROWS(make(layout, 1, Meaning::kNumber, {{-1, Type::kUint8}}), std::invalid_argument, "outside the row");
  CHECK_THROWS(make(layout, 1, Meaning::kNumber, {{0, static_cast<Type>(99)}}), std::invalid_argument, "no such PLY");
  CHECK_THROWS(make(layout, 1, Meaning::kQuaternion, {good, good, good}), std::invalid_argument, "four columns");
  const auto decoder = make(layout, 10, Meaning::kNumber, {good});
  const std::vector<std::byte> bytes(100);
  CHECK_THROWS(decoder->decode(bytes.data(), -1, 1), std::out_of_range, "outside the arrays");
  CHECK_THROWS(decoder->decode(bytes.data(), 3, 8), std::out_of_range, "outside the arrays");
  CHECK_THROWS(decoder->decode(bytes.data(), 3, -1), std::out_of_range, "outside the arrays");
  decoder->decode(bytes.data(), 10, 0);
}

}  // namespace
