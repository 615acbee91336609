// Where a block's values go in a list that many blocks append to in order. See rasterize/ordered_append.h.
#pragma once

#include <cstdint>

#include "rasterize/frame_buffers.h"
#include "rasterize/ordered_append.h"

namespace rtgs2::cuda {

/// A block's place among those that append, by when it began: all blocks before it run already, so that waiting for
/// them ends. Called by all threads.
__device__ inline std::uint32_t take_place(std::uint32_t* begun) {
  __shared__ std::uint32_t place;
  if (threadIdx.x == 0) place = atomicAdd(begun, 1U);
  __syncthreads();
  return place;
}

/// Sum of `count` over the threads before this one, and over the whole block of kAppendBlock threads.
struct BlockSum {
  std::uint32_t before, all;
};
__device__ inline BlockSum sum_over_block(std::uint32_t count) {
  constexpr int kWarps = rasterize::kAppendBlock / 32;
  __shared__ std::uint32_t of_warps[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  std::uint32_t up_to = count;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const std::uint32_t other = __shfl_up_sync(0xFFFFFFFF, up_to, distance);
    if (lane >= distance) up_to += other;
  }
  if (lane == 31) of_warps[warp] = up_to;
  __syncthreads();
  BlockSum sum{up_to - count, 0};
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp) sum.before += of_warps[w];
    sum.all += of_warps[w];
  }
  return sum;
}

__device__ inline void publish(rasterize::AppendWord* word, rasterize::AppendWord value) {
  *static_cast<volatile std::uint64_t*>(&word->bits) = value.bits;
}
__device__ inline rasterize::AppendWord read_published(const rasterize::AppendWord* word) {
  return {*static_cast<const volatile std::uint64_t*>(&word->bits)};
}

/// How many values the blocks before this one append, of which `count` is its own. `words` holds a word a block, all
/// zero before the first. Called by all threads, returns the same to all.
__device__ inline std::uint64_t append(rasterize::AppendWord* words, std::uint32_t place, std::uint32_t count) {
  using rasterize::AppendWord;
  __shared__ std::uint64_t before;
  if (threadIdx.x < 32) {
    const int lane = static_cast<int>(threadIdx.x);
    if (lane == 0 && place > 0) publish(words + place, AppendWord::make(AppendWord::kOwn, count));
    std::uint64_t sum = 0;
    // 32 blocks at a time, the nearest by lane 0, until one knows all before it.
    for (std::int64_t nearest = std::int64_t{place} - 1; nearest >= 0; nearest -= 32) {
      AppendWord word = AppendWord::make(AppendWord::kUpTo, 0);  // of nothing, before the first block
      if (nearest >= lane) {
        word = read_published(words + (nearest - lane));
        while (word.state() == AppendWord::kNothing) {
          __nanosleep(40);
          word = read_published(words + (nearest - lane));
        }
      }
      __syncwarp();
      const unsigned known = __ballot_sync(0xFFFFFFFF, word.state() == AppendWord::kUpTo);
      const int last = known != 0 ? __ffs(static_cast<int>(known)) - 1 : 31;
      std::uint64_t part = lane <= last ? word.count() : 0;
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) part += __shfl_xor_sync(0xFFFFFFFF, part, distance);
      sum += part;
      if (known != 0) break;
    }
    if (lane == 0) {
      publish(words + place, AppendWord::make(AppendWord::kUpTo, sum + count));
      before = sum;
    }
  }
  __syncthreads();
  return before;
}

}  // namespace rtgs2::cuda
