// A view's Gaussians on the CPU: projected, sorted by depth, listed by tile. What is done with the tiles comes after.
//
// No step's result depends on the number of threads: work is cut by Gaussian or by tile, and where it is cut by thread
// the parts are put together in order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rasterize/kernels.h"
#include "rasterize/rasterize.h"
#include "rasterize/workspace.h"
#include "splatting/camera.h"

namespace rtgs2::rasterize {

/// The kernels for current_instruction_set().
const Kernels& current_kernels();

/// Memory for views, kept between calls.
WorkspacePool& workspace_pool();

/// Throws std::invalid_argument for sizes that cannot be drawn.
void check_view(const GaussianArrays& gaussians, const splatting::Camera& camera);

/// One view; the steps are called in the order in which they stand here.
class TiledView {
 public:
  /// Keeps references to all but `threads`.
  TiledView(const GaussianArrays& gaussians, const View& view, const Kernels& kernels, int threads,
            Workspace& workspace);

  void project();

  /// From near to far, equal depths by index. Throws std::length_error if the Gaussians' squares of tiles cover more
  /// than kMaxTilePairs tiles.
  void sort_by_depth();

  /// Lists every tile's Gaussians, front to back.
  void list_tiles();

  int threads() const { return threads_; }
  std::int64_t tiles() const { return static_cast<std::int64_t>(tiles_); }
  const VisibleArrays& visible() const { return visible_; }

  /// After list_tiles(): the Gaussians of tile t, as positions in visible(), are members() + first_member(t) up to, not
  /// including, members() + first_member(t + 1).
  const std::uint32_t* members() const { return work_.members.data(); }
  std::int64_t first_member(std::int64_t tile) const { return work_.tile_starts[static_cast<std::size_t>(tile)]; }

 private:
  std::int64_t first_tile(const TileSpan& span) const { return std::int64_t{span.row} * view_.columns; }
  std::int64_t part_count() const;
  void check_pairs(std::int64_t pairs) const;
  template <unsigned kDigitBits>
  bool sort_by_digit(unsigned shift, DepthEntry* sorted);
  void find_spans(std::int64_t part, std::int64_t parts);

  const GaussianArrays& gaussians_;
  const View& view_;
  const Kernels& kernels_;
  const int threads_;
  Workspace& work_;
  const std::size_t tiles_;
  VisibleArrays visible_{};
  std::int64_t visible_count_ = 0;
  DepthEntry* entries_ = nullptr;  // (visible_count_), sorted
};

}  // namespace rtgs2::rasterize
