// A C-contiguous int32 array that owns its memory and can hand it on without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace rtgs2 {

struct Int32Array {
  std::vector<std::int64_t> shape;
  std::unique_ptr<std::int32_t[]> values;

  Int32Array() = default;
  /// Memory for `dimensions`, not yet written: the large arrays are filled once, by all threads.
  explicit Int32Array(std::vector<std::int64_t> dimensions)
      : shape(std::move(dimensions)), values(new std::int32_t[static_cast<std::size_t>(size())]) {}

  std::int64_t size() const {
    std::int64_t product = 1;
    for (const std::int64_t side : shape) product *= side;
    return product;
  }
  std::int32_t* begin() { return values.get(); }
  std::int32_t* end() { return values.get() + size(); }
  std::int32_t& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  std::int32_t operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
};

}  // namespace rtgs2
