// Lifting on the CPU: some tiles at a time give a row of sums for each of their Gaussians, then every Gaussian's rows
// are added up in the order of the tiles.
#include "rasterize/lift.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel/parallel_for.h"
#include "rasterize/kernels.h"
#include "rasterize/tiled_view.h"
#include "rasterize/workspace.h"
#include "splatting/tiles.h"

namespace rtgs2 {
namespace rasterize {
namespace {

/// Memory for rows of sums, if no single tile needs more.
constexpr std::int64_t kRowBytes = std::int64_t{64} << 20;

/// Neighbouring Gaussians that one thread adds up.
constexpr std::uint32_t kNeighbours = 64;

/// Where the tiles are cut: each part's lists have at most `most` members together, or it is one tile.
std::vector<std::int64_t> cut_tiles(const TiledView& tiled, std::int64_t most) {
  std::vector<std::int64_t> cuts{0};
  for (std::int64_t tile = 0; tile < tiled.tiles(); ++tile) {
    if (tile > cuts.back() && tiled.first_member(tile + 1) - tiled.first_member(cuts.back()) > most) {
      cuts.push_back(tile);
    }
  }
  cuts.push_back(tiled.tiles());
  return cuts;
}

void lift(const View& view, const TiledView& tiled, const Kernels& kernels, const PixelValues& pixels,
          const LiftTargets& targets, Workspace& work) {
  const std::int64_t stride = lift_stride(pixels.channels);
  const std::vector<std::int64_t> cuts =
      cut_tiles(tiled, kRowBytes / (stride * static_cast<std::int64_t>(sizeof(float))));
  std::int64_t most = 0;
  for (std::size_t part = 0; part + 1 < cuts.size(); ++part) {
    most = std::max(most, tiled.first_member(cuts[part + 1]) - tiled.first_member(cuts[part]));
  }
  // All memory before anything is added.
  float* rows = work.lifted.reserve(static_cast<std::size_t>(most * stride));
  const std::size_t scratch = (kernels.lift_scratch_bytes(pixels.channels) + 63) / 64 * 64;
  std::byte* scratches = work.scratch.reserve(scratch * static_cast<std::size_t>(tiled.threads()));
  std::vector<std::int64_t> written(static_cast<std::size_t>(tiled.tiles()));

  for (std::size_t part = 0; part + 1 < cuts.size(); ++part) {
    const std::int64_t first_tile = cuts[part], end_tile = cuts[part + 1];
    const std::int64_t first_member = tiled.first_member(first_tile);
    parallel_for_workers(
        end_tile - first_tile, 1, tiled.threads(), [&](std::int64_t worker, std::int64_t i, std::int64_t) {
          const int tile = static_cast<int>(first_tile + i);
          const std::int64_t begin = tiled.first_member(tile), end = tiled.first_member(tile + 1);
          written[static_cast<std::size_t>(tile)] = kernels.lift_tile(
              view, tiled.visible(), tile % view.columns, tile / view.columns, tiled.members() + begin, end - begin,
              pixels, rows + (begin - first_member) * stride, scratches + scratch * static_cast<std::size_t>(worker));
        });
    // A Gaussian belongs to one thread, which meets its tiles in order.
    const auto sharers = static_cast<std::uint32_t>(tiled.threads());
    parallel_for(sharers, 1, tiled.threads(), [&](std::int64_t share, std::int64_t) {
      for (std::int64_t tile = first_tile; tile < end_tile; ++tile) {
        const std::int64_t begin = tiled.first_member(tile);
        for (std::int64_t i = begin; i < begin + written[static_cast<std::size_t>(tile)]; ++i) {
          const std::uint32_t member = tiled.members()[i];
          if (member / kNeighbours % sharers != static_cast<std::uint32_t>(share)) continue;
          const float* row = rows + (i - first_member) * stride;
          if (row[pixels.channels] == 0.0F) continue;  // not seen
          const auto index = static_cast<std::int64_t>(tiled.visible().indices[member]);
          float* sums = targets.sums + index * pixels.channels;
          for (std::int64_t c = 0; c < pixels.channels; ++c) sums[c] += row[c];
          targets.weights[index] += row[pixels.channels];
        }
      }
    });
  }
}

}  // namespace
}  // namespace rasterize

void lift_cpu(const GaussianArrays& gaussians, const splatting::Camera& camera, const PixelValues& pixels,
              const LiftTargets& targets, int threads) {
  rasterize::check_view(gaussians, camera);
  if (pixels.channels < 0 || pixels.channels > kMaxLiftedChannels) {
    throw std::invalid_argument(std::to_string(pixels.channels) + " values a pixel cannot be lifted: use 0 to " +
                                std::to_string(kMaxLiftedChannels));
  }
  if (camera.width == 0 || camera.height == 0) return;
  const rasterize::View view{
      camera, splatting::tile_count(camera.width), splatting::tile_count(camera.height), {}, false, 0};
  const rasterize::Kernels& kernels = rasterize::current_kernels();
  const auto workspace = rasterize::workspace_pool().lend();
  rasterize::TiledView tiled(gaussians, view, kernels, threads, *workspace);
  tiled.project();
  tiled.sort_by_depth();
  tiled.list_tiles();
  rasterize::lift(view, tiled, kernels, pixels, targets, *workspace);
}

}  // namespace rtgs2
