// A frame on the GPU, and its steps. Each is launched for the capacities, not for what a frame needs, which only the
// device knows: threads without work end at once.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "rasterize/feature_storage.h"
#include "rasterize/frame_buffers.h"
#include "rasterize/frame_targets.h"
#include "rasterize/frame_view.h"
#include "rasterize/rasterize.h"
#include "rasterize/tile_lists.h"

namespace rtgs2::rasterize {

/// What a frame's buffers are made for; known before it.
struct FrameSizes {
  FrameCapacities capacities;
  std::int64_t gaussians;          // of the scene
  std::uint32_t tiles;             // of the image
  std::size_t sort_scratch_bytes;  // at least sort_scratch_bytes(capacities)
};

/// A frame's buffers, all in one workspace.
struct FrameBuffers {
  FrameCapacities capacities;
  std::uint32_t tiles;
  std::size_t zeroed_bytes, padded_bytes;  // from control and from depth_keys[0] on
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

/// Bytes of the workspace of such frames.
inline std::size_t workspace_bytes(const FrameSizes& sizes) {
  return lay_out_frame(sizes.capacities, sizes.gaussians, sizes.tiles, sizes.sort_scratch_bytes).size;
}

/// The buffers in `workspace`, which has workspace_bytes(sizes) and begins at a multiple of kBufferAlignment. Nothing
/// is written.
FrameBuffers place_buffers(const FrameSizes& sizes, void* workspace);

/// What a frame shows; all arrays in device memory.
struct FrameScene {
  GaussianArrays gaussians;  // whose `features` are not read
  const void* features;      // (count, feature_tiles(feature_channels) * kChannelTile), or null for none
  FeatureStorage storage;
};

/// Enqueues a whole frame: nothing is allocated or waited for, so that it may be captured in a graph. The scene has as
/// many Gaussians as the buffers were made for, or fewer. `needs` grows to what the frame needed; if that does not fit,
/// the picture lacks Gaussians. On tensor cores only if the features are half and finite.
void draw_frame(const FrameScene& scene, const FrameView* view, const FrameBuffers& buffers,
                const FrameTargets& targets, bool on_tensor_cores, FrameNeeds* needs, cudaStream_t stream);

/// Sets the device's view; not part of a captured frame. The view travels with the launch, so that the caller's copy is
/// free at once and every frame of a stream gets its own.
void set_view(const FrameView& view, FrameView* device_view, cudaStream_t stream);

/// The same from kCameraNumbers numbers in device memory (camera_numbers.h).
void read_view(const float* camera, int width, int height, FrameView* device_view, cudaStream_t stream);

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
