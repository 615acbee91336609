// From visible Gaussians in order of depth to every tile's list. Compiled without fused multiply-add, as
// project_cuda.cu.
#include <cstdint>

#include "cuda/launch.cuh"
#include "cuda/ordered_append.cuh"
#include "rasterize/frame_cuda.h"
#include "rasterize/tile_spans.h"

namespace rtgs2::rasterize {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFF;

/// Tiles in its rectangle up to which one thread lists a Gaussian; larger ones are listed by a warp, a row a lane.
constexpr int kMostTilesOfThread = 64;

/// Where a row of tiles begins and ends among all tiles.
__device__ void write_row(const FrameBuffers& out, std::uint64_t next, std::uint32_t first_tile, int count,
                          std::uint32_t member) {
  for (int i = 0; i < count && next + i < out.capacities.pairs; ++i) {
    out.tile_keys[0][next + i] = first_tile + i;
    out.pair_members[0][next + i] = member;
  }
}

__device__ int count_row(const TileSpans& spans, int row, int& left) {
  if (row >= spans.bottom()) return 0;
  const TileColumns columns = spans.columns(row);
  left = columns.left;
  return max(columns.right - columns.left, 0);
}

/// Sum over the lanes up to and with this one.
__device__ std::uint32_t sum_up_to(std::uint32_t value, int lane) {
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const std::uint32_t other = __shfl_up_sync(kAllLanes, value, distance);
    if (lane >= distance) value += other;
  }
  return value;
}

__global__ void __launch_bounds__(kAppendBlock)
    list_pairs_kernel(const FrameView* view, const std::uint32_t* members, const FrameBuffers out) {
  const std::uint32_t count = kept_count(out.control->visible, out.capacities.visible);
  const std::uint32_t place = cuda::take_place(&out.control->pair_blocks);
  const std::uint64_t first = std::uint64_t{place} * kAppendBlock;
  if (first >= count) return;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const auto columns = static_cast<std::uint32_t>(view->columns);

  const bool mine = first + threadIdx.x < count;
  const std::uint32_t member = mine ? members[first + threadIdx.x] : 0;
  const SmallTileRectangle rectangle = out.rectangles[member];
  const int area = (rectangle.right - rectangle.left) * (rectangle.bottom - rectangle.top);
  const bool alone = mine && area <= kMostTilesOfThread;
  const unsigned shared = __ballot_sync(kAllLanes, mine && !alone);

  std::uint32_t pairs = 0;
  if (alone) {
    const TileSpans spans(out.ellipses[member], rectangle);
    for (int row = spans.top(), left = 0; row < spans.bottom(); ++row) pairs += count_row(spans, row, left);
  }
  for (unsigned rest = shared; rest != 0; rest &= rest - 1) {
    const int owner = __ffs(static_cast<int>(rest)) - 1;
    const std::uint32_t large = __shfl_sync(kAllLanes, member, owner);
    const TileSpans spans(out.ellipses[large], out.rectangles[large]);
    std::uint32_t sum = 0;
    for (int row = spans.top() + lane, left = 0; row < spans.bottom(); row += 32) sum += count_row(spans, row, left);
    sum = __reduce_add_sync(kAllLanes, sum);
    if (lane == owner) pairs = sum;
  }

  const cuda::BlockSum sum = cuda::sum_over_block(pairs);
  const std::uint64_t begin = cuda::append(out.pair_words, place, sum.all);
  if (first + kAppendBlock >= count && threadIdx.x == 0) out.control->pairs = begin + sum.all;

  std::uint64_t next = begin + sum.before;
  if (alone) {
    const TileSpans spans(out.ellipses[member], rectangle);
    for (int row = spans.top(), left = 0; row < spans.bottom(); ++row) {
      const int width = count_row(spans, row, left);
      write_row(out, next, static_cast<std::uint32_t>(row) * columns + left, width, member);
      next += width;
    }
  }
  for (unsigned rest = shared; rest != 0; rest &= rest - 1) {
    const int owner = __ffs(static_cast<int>(rest)) - 1;
    const std::uint32_t large = __shfl_sync(kAllLanes, member, owner);
    std::uint64_t row_begin = __shfl_sync(kAllLanes, next, owner);
    const TileSpans spans(out.ellipses[large], out.rectangles[large]);
    for (int top = spans.top(); top < spans.bottom(); top += 32) {
      int left = 0;
      const int width = count_row(spans, top + lane, left);
      const std::uint32_t up_to = sum_up_to(width, lane);
      write_row(out, row_begin + (up_to - width), static_cast<std::uint32_t>(top + lane) * columns + left, width,
                large);
      row_begin += __shfl_sync(kAllLanes, up_to, 31);
    }
  }
}

constexpr int kRangeBlock = 256;

__global__ void __launch_bounds__(kRangeBlock)
    find_ranges_kernel(const std::uint32_t* tile_keys, const FrameBuffers buffers) {
  const std::uint32_t count = kept_count(buffers.control->pairs, buffers.capacities.pairs);
  const std::uint32_t pair = blockIdx.x * kRangeBlock + threadIdx.x;
  if (pair < count) write_borders(tile_keys, count, pair, buffers.ranges);
}

constexpr int kOrderBlock = 1024;

/// One block: counts the tiles of each class of length, then gives each its place. Within a class any order will do.
__global__ void __launch_bounds__(kOrderBlock)
    order_tiles_kernel(std::uint32_t tiles, const FrameBuffers buffers, FrameNeeds* needs) {
  __shared__ std::uint32_t next[kLengthClasses];
  if (threadIdx.x < kLengthClasses) next[threadIdx.x] = 0;
  __syncthreads();
  for (std::uint32_t tile = threadIdx.x; tile < tiles; tile += kOrderBlock) {
    atomicAdd(next + length_class(buffers.ranges[tile]), 1U);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    std::uint32_t sum = 0;
    for (int c = 0; c < kLengthClasses; ++c) {
      const std::uint32_t count = next[c];
      next[c] = sum;
      sum += count;
    }
    needs->visible = max(needs->visible, buffers.control->visible);
    needs->pairs = max(needs->pairs, buffers.control->pairs);
  }
  __syncthreads();
  for (std::uint32_t tile = threadIdx.x; tile < tiles; tile += kOrderBlock) {
    buffers.tile_order[atomicAdd(next + length_class(buffers.ranges[tile]), 1U)] = tile;
  }
}

}  // namespace

void list_pairs(const FrameView* view, const std::uint32_t* members, const FrameBuffers& buffers, cudaStream_t stream) {
  const unsigned blocks = (buffers.capacities.visible + kAppendBlock - 1) / kAppendBlock;
  cuda::launch("listing tiles", list_pairs_kernel, blocks, kAppendBlock, stream, view, members, buffers);
}

void find_ranges(const std::uint32_t* tile_keys, std::uint32_t tiles, const FrameBuffers& buffers, FrameNeeds* needs,
                 cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((std::uint64_t{buffers.capacities.pairs} + kRangeBlock - 1) / kRangeBlock);
  cuda::launch("finding ranges", find_ranges_kernel, blocks, kRangeBlock, stream, tile_keys, buffers);
  cuda::launch("ordering tiles", order_tiles_kernel, 1, kOrderBlock, stream, tiles, buffers, needs);
}

}  // namespace rtgs2::rasterize
