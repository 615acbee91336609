// A whole frame: its buffers and the order of its steps.
#include "rasterize/frame_cuda.h"

#include <cstddef>

#include "cuda/error.h"
#include "rasterize/blend_cuda.h"

namespace rtgs2::rasterize {

FrameBuffers place_buffers(const FrameSizes& sizes, void* workspace) {
  const FrameLayout layout = lay_out_frame(sizes.capacities, sizes.gaussians, sizes.tiles, sizes.sort_scratch_bytes);
  const auto at = [workspace](std::size_t offset) {
    return static_cast<void*>(static_cast<std::byte*>(workspace) + offset);
  };
  const auto words = [&at](std::size_t offset) { return static_cast<std::uint32_t*>(at(offset)); };
  return {sizes.capacities,
          sizes.tiles,
          layout.zeroed_end - layout.control,
          layout.padded_end - layout.depth_keys,
          static_cast<FrameControl*>(at(layout.control)),
          static_cast<AppendWord*>(at(layout.visible_words)),
          static_cast<AppendWord*>(at(layout.pair_words)),
          static_cast<PairRange*>(at(layout.ranges)),
          {words(layout.depth_keys), words(layout.other_depth_keys)},
          {words(layout.members), words(layout.other_members)},
          {words(layout.tile_keys), words(layout.other_tile_keys)},
          {words(layout.pair_members), words(layout.other_pair_members)},
          static_cast<Ellipse*>(at(layout.ellipses)),
          static_cast<float*>(at(layout.base)),
          words(layout.indices),
          static_cast<SmallTileRectangle*>(at(layout.rectangles)),
          words(layout.tile_order),
          at(layout.sort_scratch),
          sizes.sort_scratch_bytes};
}

void draw_frame(const FrameScene& scene, const FrameView* view, const FrameBuffers& buffers,
                const FrameTargets& targets, bool on_tensor_cores, FrameNeeds* needs, cudaStream_t stream) {
  const FrameBuffers& b = buffers;
  cuda::check(cudaMemsetAsync(b.control, 0, b.zeroed_bytes, stream), "clearing a frame");
  cuda::check(cudaMemsetAsync(b.depth_keys[0], 0xFF, b.padded_bytes, stream), "clearing a frame");
  project(scene.gaussians, view, targets.rgb != nullptr, b, stream);
  const int by_depth =
      sort(b.depth_keys, b.members, b.capacities.visible, 32, b.sort_scratch, b.sort_scratch_bytes, stream);
  list_pairs(view, b.members[by_depth], b, stream);
  const int by_tile = sort(b.tile_keys, b.pair_members, b.capacities.pairs, tile_key_bits(b.tiles), b.sort_scratch,
                           b.sort_scratch_bytes, stream);
  find_ranges(b.tile_keys[by_tile], b.tiles, b, needs, stream);

  const BlendArguments arguments{view,
                                 b.tile_order,
                                 b.ranges,
                                 b.pair_members[by_tile],
                                 b.ellipses,
                                 b.base,
                                 b.indices,
                                 scene.features,
                                 targets.features == nullptr ? 0 : scene.gaussians.feature_channels,
                                 targets};
  if (on_tensor_cores) {
    blend_mma(arguments, b.tiles, stream);
  } else {
    blend_plain(arguments, scene.storage, b.tiles, stream);
  }
}

}  // namespace rtgs2::rasterize
