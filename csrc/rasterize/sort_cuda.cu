// Sorting, by the library that comes with CUDA (CUB, Apache-2.0 and BSD). One kind of keys and values for both sorts of
// a frame, since compiling it takes longer than all the rest.
#include <cstddef>
#include <cstdint>
#include <cub/device/device_radix_sort.cuh>

#include "cuda/error.h"
#include "rasterize/frame_cuda.h"

namespace rtgs2::rasterize {

std::size_t sort_scratch_bytes(const FrameCapacities& capacities) {
  std::size_t most = 0;
  for (const std::uint32_t capacity : {capacities.visible, capacities.pairs}) {
    cub::DoubleBuffer<std::uint32_t> keys(nullptr, nullptr), values(nullptr, nullptr);
    std::size_t bytes = 0;
    cuda::check(cub::DeviceRadixSort::SortPairs(nullptr, bytes, keys, values, static_cast<int>(capacity), 0, 32),
                "measuring a sort");
    most = bytes > most ? bytes : most;
  }
  return most;
}

int sort(std::uint32_t* const (&keys)[2], std::uint32_t* const (&values)[2], std::uint32_t capacity, int bits,
         void* scratch, std::size_t scratch_bytes, cudaStream_t stream) {
  cub::DoubleBuffer<std::uint32_t> key_buffers(keys[0], keys[1]), value_buffers(values[0], values[1]);
  cuda::check(cub::DeviceRadixSort::SortPairs(scratch, scratch_bytes, key_buffers, value_buffers,
                                              static_cast<int>(capacity), 0, bits, stream),
              "sorting");
  return key_buffers.selector;
}

}  // namespace rtgs2::rasterize
