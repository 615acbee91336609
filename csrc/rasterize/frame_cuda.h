// The steps of a frame on the GPU. Each is launched for the capacities, not for what a frame needs, which only the
// device knows: threads without work end at once.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "rasterize/frame_buffers.h"
#include "rasterize/frame_view.h"
#include "rasterize/rasterize.h"
#include "rasterize/tile_lists.h"

namespace rtgs2::rasterize {

/// A frame's buffers, laid out by lay_out_frame().
struct FrameBuffers {
  FrameCapacities capacities;
  FrameControl* control;
  AppendWord* visible_words;
  AppendWord* pair_words;
  PairRange* ranges;
  std::uint32_t* depth_keys[2];
  std::uint32_t* members[2];  // places of visible Gaussians, sorted with depth_keys
  std::uint32_t* tile_keys[2];
  std::uint32_t* pair_members[2];
  Ellipse* ellipses;
  float* base;
  std::uint32_t* indices;
  SmallTileRectangle* rectangles;
  std::uint32_t* tile_order;
  void* sort_scratch;
  std::size_t sort_scratch_bytes;
};

/// Sets the device's view; not part of a captured frame. The view travels with the launch, so that the caller's copy is
/// free at once and every frame of a stream gets its own.
void set_view(const FrameView& view, FrameView* device_view, cudaStream_t stream);

/// Appends the visible Gaussians in order of their index to depth_keys[0], members[0] and the arrays of visible
/// Gaussians, with the colour if `with_colour`.
void project(const GaussianArrays& gaussians, const FrameView* view, bool with_colour, const FrameBuffers& buffers,
             cudaStream_t stream);

/// Scratch that sorting needs for these capacities.
std::size_t sort_scratch_bytes(const FrameCapacities& capacities);

/// Sorts keys with their values, both arrays as many as `capacity`, by the low `bits` bits, stably. Returns which of
/// the two arrays will hold the result, which is known at once.
int sort(std::uint32_t* const (&keys)[2], std::uint32_t* const (&values)[2], std::uint32_t capacity, int bits,
         void* scratch, std::size_t scratch_bytes, cudaStream_t stream);

/// Appends a pair for every tile that a visible Gaussian reaches to tile_keys[0] and pair_members[0], in the order of
/// `members`.
void list_pairs(const FrameView* view, const std::uint32_t* members, const FrameBuffers& buffers, cudaStream_t stream);

/// Finds every tile's range in the sorted `tile_keys`, the order of the tiles, and takes the frame's needs to `needs`.
void find_ranges(const std::uint32_t* tile_keys, std::uint32_t tiles, const FrameBuffers& buffers, FrameNeeds* needs,
                 cudaStream_t stream);

}  // namespace rtgs2::rasterize
