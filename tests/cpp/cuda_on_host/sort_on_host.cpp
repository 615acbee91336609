// In place of csrc/rasterize/sort_cuda.cu: what the GPU's radix sort gives.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "rasterize/frame_cuda.h"

namespace rtgs2::rasterize {

std::size_t sort_scratch_bytes(const FrameCapacities& capacities) {
  return std::size_t{std::max(capacities.visible, capacities.pairs)} / 16 + 1;
}

int sort(std::uint32_t* const (&keys)[2], std::uint32_t* const (&values)[2], std::uint32_t capacity, int bits,
         void* scratch, std::size_t scratch_bytes, cudaStream_t stream) {
  const std::uint32_t *from = keys[0], *from_values = values[0];
  std::uint32_t *to = keys[1], *to_values = values[1];
  on_host::run_or_record(stream, [=] {
    std::memset(scratch, 0x5A, scratch_bytes);  // all of it is the sort's
    const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
    std::vector<std::uint32_t> order(capacity);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return (from[a] & mask) < (from[b] & mask); });
    for (std::uint32_t i = 0; i < capacity; ++i) {
      to[i] = from[order[i]];
      to_values[i] = from_values[order[i]];
    }
  });
  return 1;
}

}  // namespace rtgs2::rasterize
