// The rasteriser on the CPU: a view's tiles are blended one by one, each into its own pixels.
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <numeric>

#include "parallel/parallel_for.h"
#include "rasterize/kernels.h"
#include "rasterize/rasterize.h"
#include "rasterize/tiled_view.h"
#include "rasterize/workspace.h"
#include "splatting/tiles.h"

namespace rtgs2 {
namespace rasterize {
namespace {

/// The longest first, so that no thread starts one when the others are done; tiles about as long as each other stay in
/// order, since neighbours share Gaussians.
void order_tiles_by_length(const TiledView& tiled, std::vector<std::int32_t>& order) {
  const auto length_class = [&](std::int64_t tile) {
    const auto length = static_cast<std::uint64_t>(tiled.first_member(tile + 1) - tiled.first_member(tile));
    return static_cast<std::size_t>(64 - std::bit_width(length));
  };
  std::array<std::size_t, 66> starts{};
  for (std::int64_t tile = 0; tile < tiled.tiles(); ++tile) ++starts[length_class(tile) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  order.resize(static_cast<std::size_t>(tiled.tiles()));
  for (std::int64_t tile = 0; tile < tiled.tiles(); ++tile) {
    order[starts[length_class(tile)]++] = static_cast<std::int32_t>(tile);
  }
}

void blend(const GaussianArrays& gaussians, const View& view, const TiledView& tiled, const Kernels& kernels,
           const RenderTargets& targets, Workspace& work) {
  order_tiles_by_length(tiled, work.tile_order);
  const std::size_t scratch = (kernels.scratch_bytes(view.channels) + 63) / 64 * 64;
  std::byte* scratches = work.scratch.reserve(scratch * static_cast<std::size_t>(tiled.threads()));
  parallel_for_workers(tiled.tiles(), 1, tiled.threads(), [&](std::int64_t worker, std::int64_t i, std::int64_t) {
    const int tile = work.tile_order[static_cast<std::size_t>(i)];
    const std::int64_t begin = tiled.first_member(tile), end = tiled.first_member(tile + 1);
    kernels.blend_tile(gaussians, view, tiled.visible(), tile % view.columns, tile / view.columns,
                       tiled.members() + begin, end - begin, targets,
                       scratches + scratch * static_cast<std::size_t>(worker));
  });
}

}  // namespace
}  // namespace rasterize

RasterizeSeconds rasterize_cpu(const GaussianArrays& gaussians, const splatting::Camera& camera,
                               splatting::Vector3 background, const RenderTargets& targets, int threads) {
  rasterize::check_view(gaussians, camera);
  RasterizeSeconds seconds;
  if (camera.width == 0 || camera.height == 0) return seconds;
  const rasterize::View view{camera,
                             splatting::tile_count(camera.width),
                             splatting::tile_count(camera.height),
                             background,
                             targets.rgb != nullptr,
                             targets.features != nullptr ? gaussians.feature_channels : 0};
  const rasterize::Kernels& kernels = rasterize::current_kernels();
  const auto workspace = rasterize::workspace_pool().lend();
  rasterize::TiledView tiled(gaussians, view, kernels, threads, *workspace);

  auto last = std::chrono::steady_clock::now();
  const auto lap = [&last] {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> elapsed = now - last;
    last = now;
    return elapsed.count();
  };
  tiled.project();
  seconds.project = lap();
  tiled.sort_by_depth();
  seconds.sort = lap();
  tiled.list_tiles();
  seconds.bin = lap();
  rasterize::blend(gaussians, view, tiled, kernels, targets, *workspace);
  seconds.blend = lap();
  return seconds;
}

}  // namespace rtgs2
