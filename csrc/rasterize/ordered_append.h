// Appending to one list from many blocks, in the blocks' order, in one pass: each block publishes how many values it
// adds, and sums what the blocks before it published (decoupled look-back, Merrill and Garland 2016).
#pragma once

#include <cstdint>

#include "splatting/host_device.h"

namespace rtgs2::rasterize {

/// What a block has published: nothing yet, its own count, or the count of all blocks up to and with it. State and
/// count share a word, so that they are written and read at once. 0 is "nothing yet".
struct AppendWord {
  enum State : std::uint32_t { kNothing, kOwn, kUpTo };

  std::uint64_t bits;

  RTGS2_HOST_DEVICE static inline AppendWord make(State state, std::uint64_t count) {
    return {(static_cast<std::uint64_t>(state) << 62U) | count};
  }
  RTGS2_HOST_DEVICE inline State state() const { return static_cast<State>(bits >> 62U); }
  RTGS2_HOST_DEVICE inline std::uint64_t count() const { return bits & ((std::uint64_t{1} << 62U) - 1); }
};

/// How much of a value's list there is room for: values [0, kept) of [0, needed).
RTGS2_HOST_DEVICE inline std::uint32_t kept_count(std::uint64_t needed, std::uint32_t capacity) {
  return needed < capacity ? static_cast<std::uint32_t>(needed) : capacity;
}

}  // namespace rtgs2::rasterize
