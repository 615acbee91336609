#include "ply/decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "ply/stored_values.h"

namespace rtgs2::ply {
namespace {

// Rows and what they become stay in the first cache while column after column is taken from them.
constexpr std::int64_t kBlockBytes = 16 << 10;

constexpr std::uint32_t kMagnitude = 0x7fffffffU;
constexpr std::uint32_t kInfinity = 0x7f800000U;

std::uint32_t magnitude(float value) { return std::bit_cast<std::uint32_t>(value) & kMagnitude; }

template <typename T, bool kSwapped>
float load(const std::byte* bytes) {
  using Bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                  std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  Bits bits;
  std::memcpy(&bits, bytes, sizeof(T));
  if constexpr (kSwapped) {
    if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
    if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
    if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
  }
  return static_cast<float>(std::bit_cast<T>(bits));
}

/// Takes one column out of `rows` rows; returns the greatest magnitude bits of it, by which what is not finite shows.
template <typename T, bool kSwapped>
std::uint32_t gather(const std::byte* source, std::int64_t row_bytes, std::int64_t rows, float* values,
                     std::int64_t width) {
  std::uint32_t greatest = 0;
  for (std::int64_t i = 0; i < rows; ++i, source += row_bytes, values += width) {
    const float value = load<T, kSwapped>(source);
    *values = value;
    greatest = std::max(greatest, magnitude(value));
  }
  return greatest;
}

/// Calls `function` with a value of the C++ type that `type` stands for.
template <typename Function>
auto with_type(Type type, const Function& function) {
  switch (type) {
    case Type::kInt8:
      return function(std::int8_t{});
    case Type::kUint8:
      return function(std::uint8_t{});
    case Type::kInt16:
      return function(std::int16_t{});
    case Type::kUint16:
      return function(std::uint16_t{});
    case Type::kInt32:
      return function(std::int32_t{});
    case Type::kUint32:
      return function(std::uint32_t{});
    case Type::kInt64:
      return function(std::int64_t{});
    case Type::kUint64:
      return function(std::uint64_t{});
    case Type::kFloat32:
      return function(float{});
    case Type::kFloat64:
      return function(double{});
  }
  throw std::invalid_argument("no such PLY type");
}

}  // namespace

std::int64_t size_of(Type type) {
  return with_type(type, [](auto value) { return static_cast<std::int64_t>(sizeof(value)); });
}

Decoder::Decoder(const Layout& layout, std::int64_t count, std::vector<Array> arrays)
    : layout_(layout), count_(count), arrays_(std::move(arrays)) {
  if (layout.row_bytes < 1 || count < 0) throw std::invalid_argument("rows must have at least one byte");
  if (count > std::numeric_limits<std::int64_t>::max() / layout.row_bytes) {
    throw std::invalid_argument("more rows than any file holds");
  }
  const bool swapped = layout.big_endian != (std::endian::native == std::endian::big);
  for (const Array& array : arrays_) {
    if (array.meaning == Meaning::kQuaternion && array.columns.size() != 4) {
      throw std::invalid_argument("a quaternion has four columns");
    }
    std::vector<Gather>& gathers = gathers_.emplace_back();
    for (const Column& column : array.columns) {
      if (column.offset < 0 || column.offset > layout.row_bytes - size_of(column.type)) {
        throw std::invalid_argument("a column lies outside the row");
      }
      gathers.push_back(with_type(column.type, [&](auto value) -> Gather {
        using T = decltype(value);
        return swapped ? &gather<T, true> : &gather<T, false>;
      }));
    }
    faults_.push_back({std::vector<Fault>(array.columns.size()), {}});
  }
}

void Decoder::decode(const std::byte* bytes, std::int64_t first, std::int64_t rows) {
  if (first < 0 || rows < 0 || rows > count_ - first) throw std::out_of_range("rows outside the arrays");
  const std::int64_t step = std::max<std::int64_t>(1, kBlockBytes / layout_.row_bytes);
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    decode_block(bytes + begin * layout_.row_bytes, first + begin, std::min(step, rows - begin));
  }
}

void Decoder::decode_block(const std::byte* bytes, std::int64_t first, std::int64_t rows) {
  for (std::size_t a = 0; a < arrays_.size(); ++a) {
    const Array& array = arrays_[a];
    const auto width = static_cast<std::int64_t>(array.columns.size());
    float* values = array.values + first * width;
    const std::uint32_t greatest_valid = array.meaning == Meaning::kLogit ? kInfinity : kInfinity - 1;
    for (std::size_t c = 0; c < array.columns.size(); ++c) {
      float* column = values + c;
      if (gathers_[a][c](bytes + array.columns[c].offset, layout_.row_bytes, rows, column, width) > greatest_valid) {
        record(faults_[a].not_finite[c], first, rows,
               [&](std::int64_t i) { return magnitude(column[i * width]) > greatest_valid; });
      }
    }
    switch (array.meaning) {
      case Meaning::kNumber:
        break;
      case Meaning::kLogarithm:
        for (std::int64_t i = 0; i < rows * width; ++i) values[i] = scale_of_logarithm(values[i]);
        break;
      case Meaning::kLogit:
        for (std::int64_t i = 0; i < rows * width; ++i) values[i] = opacity_of_logit(values[i]);
        break;
      case Meaning::kQuaternion: {
        bool any_zero = false;
        for (std::int64_t i = 0; i < rows; ++i) any_zero |= normalise_quaternion(values + 4 * i);
        if (any_zero) {
          record(faults_[a].zero, first, rows, [&](std::int64_t i) {
            const float* q = values + 4 * i;
            return q[0] == 0 && q[1] == 0 && q[2] == 0 && q[3] == 0;
          });
        }
        break;
      }
    }
  }
}

template <typename IsFaulty>
void Decoder::record(Fault& fault, std::int64_t first, std::int64_t rows, const IsFaulty& is_faulty) {
  const std::lock_guard lock(mutex_);
  if (unusable_.empty()) unusable_.resize(static_cast<std::size_t>(count_));
  for (std::int64_t i = 0; i < rows; ++i) {
    if (!is_faulty(i)) continue;
    ++fault.count;
    fault.first = std::min(fault.first, first + i);
    unusable_[static_cast<std::size_t>(first + i)] = 1;
  }
}

}  // namespace rtgs2::ply
