// The rasteriser on the CPU: project, order by depth, list every tile's Gaussians, blend tile by tile.
//
// No step's result depends on the number of threads: work is cut by Gaussian or by tile, never by thread, wherever
// the cut could show.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel/parallel_for.h"
#include "rasterize/rasterize.h"
#include "splatting/blending.h"
#include "splatting/projection.h"
#include "splatting/spherical_harmonics.h"
#include "splatting/tiles.h"

namespace rtgs2 {
namespace {

using splatting::Camera;
using splatting::kTileSize;
using splatting::Splat;
using splatting::TileRectangle;
using splatting::Vector3;

constexpr int kTilePixels = kTileSize * kTileSize;

/// Channels in front of the features in a pixel's accumulator: red, green, blue, depth.
constexpr std::size_t kBaseChannels = 4;

/// A Gaussian that touches the image.
struct VisibleGaussian {
  Splat splat;
  float opacity;
  float squared_reach;
  std::array<float, kBaseChannels> base;  // red, green, blue, depth
  TileRectangle tiles;
  std::int64_t index;  // among all Gaussians
};

struct TileGrid {
  int columns, rows;
};

/// Every tile's Gaussians, front to back: tile t has members[starts[t]] up to, not including, members[starts[t + 1]].
struct TileLists {
  std::vector<std::int64_t> starts;
  std::vector<std::uint32_t> members;
};

Vector3 load_vector(const float* values) { return {values[0], values[1], values[2]}; }

void check(const GaussianArrays& gaussians, const Camera& camera) {
  if (camera.width < 0 || camera.height < 0 || camera.width > kMaxImageSide || camera.height > kMaxImageSide) {
    throw std::invalid_argument("an image of " + std::to_string(camera.width) + " x " + std::to_string(camera.height) +
                                " pixels cannot be drawn: use 0 to " + std::to_string(kMaxImageSide) + " a side");
  }
  if (gaussians.count < 0 || gaussians.count > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument(std::to_string(gaussians.count) + " Gaussians cannot be drawn: use at most 2^32 - 1");
  }
  if (!splatting::is_sh_count(gaussians.sh_count)) {
    throw std::invalid_argument(std::to_string(gaussians.sh_count) +
                                " spherical-harmonics coefficients: use 1, 4, 9 or 16 (degree 0 to 3)");
  }
  if (gaussians.feature_channels < 0) throw std::invalid_argument("the number of feature channels is negative");
}

/// Projects Gaussian `index`; false if it cannot reach any pixel.
bool project(const GaussianArrays& gaussians, const Camera& camera, TileGrid grid, bool with_colour, std::int64_t index,
             VisibleGaussian& visible) {
  const float opacity = gaussians.opacities[index];
  if (!(opacity >= splatting::kLeastAlpha)) return false;
  const Vector3 offset = load_vector(gaussians.means + 3 * index) - camera.position;
  const float* q = gaussians.rotations + 4 * index;
  Splat& splat = visible.splat;
  if (!project_gaussian(camera, offset, load_vector(gaussians.scales + 3 * index), {q[0], q[1], q[2], q[3]}, splat)) {
    return false;
  }
  visible.tiles = tile_rectangle(splat, grid.columns, grid.rows);
  if (is_empty(visible.tiles)) return false;

  Vector3 colour{0.0F, 0.0F, 0.0F};
  if (with_colour) {
    const Vector3 direction = (1.0F / sqrtf(dot(offset, offset))) * offset;
    colour = splatting::sh_colour(gaussians.sh + 3 * gaussians.sh_count * index, gaussians.sh_count, direction);
  }
  visible.opacity = opacity;
  visible.squared_reach = splatting::squared_reach(opacity);
  visible.base = {colour.x, colour.y, colour.z, splat.depth};
  visible.index = index;
  return true;
}

/// The Gaussians that touch the image, in the order of their index.
std::vector<VisibleGaussian> project_all(const GaussianArrays& gaussians, const Camera& camera, TileGrid grid,
                                         bool with_colour, int threads) {
  constexpr std::int64_t kChunk = 4096;
  std::vector<std::vector<VisibleGaussian>> chunks(static_cast<std::size_t>((gaussians.count + kChunk - 1) / kChunk));
  parallel_for(gaussians.count, kChunk, threads, [&](std::int64_t begin, std::int64_t end) {
    std::vector<VisibleGaussian>& chunk = chunks[static_cast<std::size_t>(begin / kChunk)];
    VisibleGaussian visible;
    for (std::int64_t i = begin; i < end; ++i) {
      if (project(gaussians, camera, grid, with_colour, i, visible)) chunk.push_back(visible);
    }
  });

  std::size_t total = 0;
  for (const auto& chunk : chunks) total += chunk.size();
  std::vector<VisibleGaussian> all;
  all.reserve(total);
  for (auto& chunk : chunks) {
    all.insert(all.end(), chunk.begin(), chunk.end());
    chunk = {};  // at once, or the peak is twice the size
  }
  return all;
}

/// Positions in `visible` from near to far, equal depths by index: a stable radix sort of the depths' bits, which
/// are ordered like the depths since these are positive.
std::vector<std::uint32_t> order_by_depth(const std::vector<VisibleGaussian>& visible) {
  constexpr unsigned kDigitBits = 11;
  constexpr std::uint32_t kDigits = 1U << kDigitBits;
  struct Entry {
    std::uint32_t key, position;
  };
  std::vector<Entry> entries(visible.size()), sorted(visible.size());
  for (std::size_t i = 0; i < visible.size(); ++i) {
    entries[i] = {std::bit_cast<std::uint32_t>(visible[i].splat.depth), static_cast<std::uint32_t>(i)};
  }
  for (unsigned shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::size_t, kDigits + 1> starts{};
    for (const Entry& entry : entries) ++starts[((entry.key >> shift) & (kDigits - 1)) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    for (const Entry& entry : entries) sorted[starts[(entry.key >> shift) & (kDigits - 1)]++] = entry;
    entries.swap(sorted);
  }
  std::vector<std::uint32_t> order(visible.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = entries[i].position;
  return order;
}

void check_pairs(const std::vector<VisibleGaussian>& visible) {
  std::int64_t pairs = 0;
  for (const VisibleGaussian& v : visible) {
    pairs += std::int64_t{v.tiles.right - v.tiles.left} * (v.tiles.bottom - v.tiles.top);
  }
  if (pairs > kMaxTilePairs) {
    throw std::length_error(std::to_string(visible.size()) + " visible Gaussians touch " + std::to_string(pairs) +
                            " tiles, counted once each, and at most " + std::to_string(kMaxTilePairs) +
                            " can be listed: check that the scales are linear (not logarithms) and in the unit of the "
                            "means, or draw a smaller image");
  }
}

TileLists list_tiles(const std::vector<VisibleGaussian>& visible, TileGrid grid, int threads) {
  check_pairs(visible);
  const std::vector<std::uint32_t> order = order_by_depth(visible);
  TileLists lists;
  lists.starts.assign(static_cast<std::size_t>(grid.columns) * static_cast<std::size_t>(grid.rows) + 1, 0);

  // Each thread owns a band of tile rows and goes through all Gaussians: no two write to the same tile, and within
  // a tile the order stays the depth order.
  const int bands = std::clamp(resolve_thread_count(threads), 1, grid.rows);
  const auto for_each_pair = [&](const auto& function) {
    parallel_for(grid.rows, (grid.rows + bands - 1) / bands, threads, [&](std::int64_t top, std::int64_t bottom) {
      for (const std::uint32_t member : order) {
        const TileRectangle& tiles = visible[member].tiles;
        const std::int64_t last = std::min<std::int64_t>(bottom, tiles.bottom);
        for (std::int64_t row = std::max<std::int64_t>(top, tiles.top); row < last; ++row) {
          const auto first = static_cast<std::size_t>(row * grid.columns);
          for (int column = tiles.left; column < tiles.right; ++column) {
            function(first + static_cast<std::size_t>(column), member);
          }
        }
      }
    });
  };

  for_each_pair([&](std::size_t tile, std::uint32_t) { ++lists.starts[tile + 1]; });
  std::partial_sum(lists.starts.begin(), lists.starts.end(), lists.starts.begin());
  lists.members.resize(static_cast<std::size_t>(lists.starts.back()));
  std::vector<std::int64_t> next(lists.starts.begin(), lists.starts.end() - 1);
  for_each_pair(
      [&](std::size_t tile, std::uint32_t member) { lists.members[static_cast<std::size_t>(next[tile]++)] = member; });
  return lists;
}

/// Blends one tile's Gaussians; the pixels of a tile at the border that lie outside the image are never alive.
class TileBlender {
 public:
  TileBlender(int left, int top, int width, int height, std::size_t feature_channels)
      : left_(left),
        top_(top),
        width_(width),
        height_(height),
        stride_(kBaseChannels + feature_channels),
        sums_(kTilePixels * stride_, 0.0F),
        alive_pixels_(width * height) {
    transmittance_.fill(1.0F);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) alive_[static_cast<std::size_t>(y * kTileSize + x)] = true;
      alive_in_row_[static_cast<std::size_t>(y)] = width;
    }
  }

  bool done() const { return alive_pixels_ == 0; }

  void add(const VisibleGaussian& gaussian, const float* features) {
    const Splat& splat = gaussian.splat;
    for (int y = 0; y < height_; ++y) {
      if (alive_in_row_[static_cast<std::size_t>(y)] == 0) continue;
      const float dy = splat.centre.y - static_cast<float>(top_ + y);
      if (squared_distance_of_row(splat.whitening, dy) > gaussian.squared_reach) continue;
      std::array<float, kTileSize> alphas;
      for (int x = 0; x < kTileSize; ++x) {
        const float dx = splat.centre.x - static_cast<float>(left_ + x);
        alphas[static_cast<std::size_t>(x)] =
            splatting::splat_alpha(gaussian.opacity, squared_distance(splat.whitening, dx, dy));
      }
      for (int x = 0; x < width_; ++x) {
        const float alpha = alphas[static_cast<std::size_t>(x)];
        if (alpha >= splatting::kLeastAlpha) add_to_pixel(x, y, alpha, gaussian.base.data(), features);
      }
    }
  }

  void write(const Camera& camera, Vector3 background, const RenderTargets& targets) const {
    const std::array<float, 3> behind{background.x, background.y, background.z};
    const auto plane = static_cast<std::size_t>(camera.width) * static_cast<std::size_t>(camera.height);
    for (int y = 0; y < height_; ++y) {
      const std::size_t image =
          static_cast<std::size_t>(top_ + y) * static_cast<std::size_t>(camera.width) + static_cast<std::size_t>(left_);
      const auto pixel = static_cast<std::size_t>(y * kTileSize);
      const auto columns = static_cast<std::size_t>(width_);
      if (targets.rgb != nullptr) {
        for (std::size_t c = 0; c < 3; ++c) {
          for (std::size_t x = 0; x < columns; ++x) {
            targets.rgb[c * plane + image + x] =
                sums_[(pixel + x) * stride_ + c] + transmittance_[pixel + x] * behind[c];
          }
        }
      }
      for (std::size_t c = 0; c < stride_ - kBaseChannels; ++c) {
        for (std::size_t x = 0; x < columns; ++x) {
          targets.features[c * plane + image + x] = sums_[(pixel + x) * stride_ + kBaseChannels + c];
        }
      }
      for (std::size_t x = 0; x < columns; ++x) {
        if (targets.alpha != nullptr) targets.alpha[image + x] = 1.0F - transmittance_[pixel + x];
        if (targets.depth != nullptr) targets.depth[image + x] = sums_[(pixel + x) * stride_ + 3];
      }
    }
  }

 private:
  void add_to_pixel(int x, int y, float alpha, const float* base, const float* __restrict features) {
    const auto pixel = static_cast<std::size_t>(y * kTileSize + x);
    if (!alive_[pixel]) return;
    const float before = transmittance_[pixel];
    const float after = before * (1.0F - alpha);
    if (after < splatting::kLeastTransmittance) {
      alive_[pixel] = false;
      --alive_in_row_[static_cast<std::size_t>(y)];
      --alive_pixels_;
      return;
    }
    const float weight = alpha * before;
    float* __restrict sum = sums_.data() + pixel * stride_;
    for (std::size_t c = 0; c < kBaseChannels; ++c) sum[c] += weight * base[c];
    sum += kBaseChannels;
    const std::size_t channels = stride_ - kBaseChannels;
    for (std::size_t c = 0; c < channels; ++c) sum[c] += weight * features[c];
    transmittance_[pixel] = after;
  }

  int left_, top_, width_, height_;  // pixels
  std::size_t stride_;
  std::vector<float> sums_;  // (pixels, stride_)
  std::array<float, kTilePixels> transmittance_;
  std::array<bool, kTilePixels> alive_{};
  std::array<int, kTileSize> alive_in_row_{};
  int alive_pixels_;
};

}  // namespace

void rasterize_cpu(const GaussianArrays& gaussians, const Camera& camera, Vector3 background,
                   const RenderTargets& targets, int threads) {
  check(gaussians, camera);
  if (camera.width == 0 || camera.height == 0) return;
  const TileGrid grid{splatting::tile_count(camera.width), splatting::tile_count(camera.height)};
  const std::vector<VisibleGaussian> visible = project_all(gaussians, camera, grid, targets.rgb != nullptr, threads);
  const TileLists lists = list_tiles(visible, grid, threads);

  const std::int64_t channels = targets.features != nullptr ? gaussians.feature_channels : 0;
  parallel_for(std::int64_t{grid.columns} * grid.rows, 1, threads, [&](std::int64_t first, std::int64_t) {
    const int left = static_cast<int>(first % grid.columns) * kTileSize;
    const int top = static_cast<int>(first / grid.columns) * kTileSize;
    TileBlender blender(left, top, std::min(kTileSize, camera.width - left), std::min(kTileSize, camera.height - top),
                        static_cast<std::size_t>(channels));
    const auto tile = static_cast<std::size_t>(first);
    for (std::int64_t i = lists.starts[tile]; i < lists.starts[tile + 1] && !blender.done(); ++i) {
      const VisibleGaussian& gaussian = visible[lists.members[static_cast<std::size_t>(i)]];
      blender.add(gaussian, gaussians.features + gaussian.index * channels);
    }
    blender.write(camera, background, targets);
  });
}

}  // namespace rtgs2
