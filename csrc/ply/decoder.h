// Rows of a binary PLY element, as they lie in the file, become float32 arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

namespace rtgs2::ply {

/// How a number is stored.
enum class Type : std::uint8_t { kInt8, kUint8, kInt16, kUint16, kInt32, kUint32, kInt64, kUint64, kFloat32, kFloat64 };

/// Bytes that a number takes.
std::int64_t size_of(Type type);

/// What the numbers of an array mean, and so what becomes of them.
enum class Meaning : std::uint8_t {
  kNumber,      ///< themselves
  kLogarithm,   ///< exp() of them, clipped to kLogarithmRange before
  kLogit,       ///< the sigmoid of them, clipped to kLogitRange before: infinite ones are valid
  kQuaternion,  ///< divided by their norm unless that is 1 up to kUnitTolerance: what was normalised stays bit for bit
};

/// exp() of what is outside is zero, subnormal or infinite in float32.
inline constexpr double kLogarithmRange[2] = {-87.0, 88.0};
/// The sigmoid of what is outside is 0 or 1 in float32.
inline constexpr double kLogitRange[2] = {-104.0, 104.0};
inline constexpr double kUnitTolerance = 1e-6;

struct Column {
  std::int64_t offset;  ///< bytes from the start of a row
  Type type;
};

/// A (rows, columns) array in C order. Numbers are rounded to float32 before anything else, those beyond its range to
/// infinity.
struct Array {
  float* values;
  Meaning meaning;
  std::vector<Column> columns;
};

/// The layout of a row in the file.
struct Layout {
  std::int64_t row_bytes;
  bool big_endian;
};

/// Rows that have some fault.
struct Fault {
  std::int64_t count = 0;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();  ///< the lowest index, if there are any
};

struct ArrayFaults {
  std::vector<Fault> not_finite;  ///< by column; infinite logits are none
  Fault zero;                     ///< quaternions of norm 0
};

/// Decodes blocks of rows into arrays and remembers which rows cannot be used.
class Decoder {
 public:
  /// `count` is the number of rows of every array.
  ///
  /// Throws std::invalid_argument for a column outside the row, a quaternion that has not four columns, or more bytes
  /// than 64 bits count.
  Decoder(const Layout& layout, std::int64_t count, std::vector<Array> arrays);

  /// Decodes `rows` rows that start at `bytes` and are rows `first`, `first` + 1 ... of the arrays. Threads may decode
  /// different rows at the same time.
  ///
  /// Throws std::out_of_range for rows outside the arrays.
  void decode(const std::byte* bytes, std::int64_t first, std::int64_t rows);

  const Layout& layout() const { return layout_; }
  std::int64_t count() const { return count_; }

  /// The faults of what has been decoded, an entry an array; the same in whatever order it was.
  const std::vector<ArrayFaults>& faults() const { return faults_; }

  /// Whether each row (1) has a fault; empty if none has.
  const std::vector<std::uint8_t>& unusable() const { return unusable_; }

 private:
  using Gather = std::uint32_t (*)(const std::byte*, std::int64_t, std::int64_t, float*, std::int64_t);

  void decode_block(const std::byte* bytes, std::int64_t first, std::int64_t rows);
  template <typename IsFaulty>
  void record(Fault& fault, std::int64_t first, std::int64_t rows, const IsFaulty& is_faulty);

  Layout layout_;
  std::int64_t count_;
  std::vector<Array> arrays_;
  std::vector<std::vector<Gather>> gathers_;  // by array and column
  std::vector<ArrayFaults> faults_;
  std::vector<std::uint8_t> unusable_;
  std::mutex mutex_;  // of the two above
};

}  // namespace rtgs2::ply
