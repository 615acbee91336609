#include "plan/voxel_grid.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <compare>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include "parallel/parallel_for.h"
#include "plan/space_filling_curves.h"

namespace rtgs2 {
namespace {

using Point = std::array<float, 3>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kCellsASide = 1 << kMaxDepth;
// One less than half of the grid: the rounding of x - median, x - minimum and the division by the voxel size together
// stay far below the two cells that this leaves free.
constexpr float kReachInCells = (1 << (kMaxDepth - 1)) - 1;
constexpr std::uint64_t kLeftOut = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kChunk = 1 << 14;

/// The cube of the Gaussians that are kept; all of them until floaters are found.
struct Window {
  Point centre{};
  float reach = kInfinity;

  bool contains(const float* mean) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (!(std::fabs(mean[axis] - centre[axis]) <= reach)) return false;
    }
    return true;
  }
};

struct Bounds {
  Point lower{kInfinity, kInfinity, kInfinity};
  Point upper{-kInfinity, -kInfinity, -kInfinity};

  bool empty() const { return lower[0] > upper[0]; }
  void include(const Point& low, const Point& high) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      lower[axis] = std::min(lower[axis], low[axis]);
      upper[axis] = std::max(upper[axis], high[axis]);
    }
  }
};

Bounds bounds_within(const Window& window, const float* means, std::int64_t count, int threads) {
  std::vector<Bounds> parts(static_cast<std::size_t>((count + kChunk - 1) / kChunk));
  parallel_for(count, kChunk, threads, [&](std::int64_t begin, std::int64_t end) {
    Bounds part;
    for (std::int64_t i = begin; i < end; ++i) {
      const Point mean{means[3 * i], means[3 * i + 1], means[3 * i + 2]};
      if (!std::isfinite(mean[0]) || !std::isfinite(mean[1]) || !std::isfinite(mean[2])) {
        throw std::invalid_argument("means must be finite numbers");
      }
      if (window.contains(mean.data())) part.include(mean, mean);
    }
    parts[static_cast<std::size_t>(begin / kChunk)] = part;
  });
  Bounds all;
  for (const Bounds& part : parts) all.include(part.lower, part.upper);
  return all;
}

/// The largest coordinate in voxels, not yet truncated. Subtraction and division round monotonically, so no other
/// Gaussian within the bounds comes out larger.
float span_in_cells(const Bounds& bounds, float voxel_size) {
  float span = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    span = std::max(span, (bounds.upper[axis] - bounds.lower[axis]) / voxel_size);
  }
  return span;
}

Window window_around_median(const float* means, std::int64_t count, float voxel_size, int threads) {
  Window window;
  window.reach = kReachInCells * voxel_size;
  parallel_for(3, 1, threads, [&](std::int64_t axis, std::int64_t) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = means[3 * i + axis];
    const auto middle = values.begin() + (count - 1) / 2;
    std::nth_element(values.begin(), middle, values.end());
    window.centre[static_cast<std::size_t>(axis)] = *middle;
  });
  return window;
}

struct Entry {
  std::uint64_t code;
  std::int32_t gaussian;
  auto operator<=>(const Entry&) const = default;
};

}  // namespace

VoxelGrid voxelize(const float* means, const float* opacities, std::int64_t count, float voxel_size, int threads) {
  Window window;
  Bounds bounds = bounds_within(window, means, count, threads);
  if (!(span_in_cells(bounds, voxel_size) < kCellsASide)) {
    window = window_around_median(means, count, voxel_size, threads);
    bounds = bounds_within(window, means, count, threads);
  }
  if (bounds.empty()) {
    throw std::invalid_argument(
        "the Gaussians lie too far apart: none is within 32767 voxels of the scene's median on all three axes");
  }

  VoxelGrid grid;
  grid.depth = static_cast<int>(std::bit_width(static_cast<std::uint32_t>(span_in_cells(bounds, voxel_size))));

  std::vector<Entry> entries(static_cast<std::size_t>(count));
  parallel_for(count, kChunk, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* mean = means + 3 * i;
      std::uint64_t code = kLeftOut;
      if (window.contains(mean)) {
        Cell cell;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          cell[axis] = static_cast<std::uint32_t>((mean[axis] - bounds.lower[axis]) / voxel_size);
        }
        code = z_order_code(cell);
      }
      entries[static_cast<std::size_t>(i)] = {code, static_cast<std::int32_t>(i)};
    }
  });
  std::sort(entries.begin(), entries.end());

  grid.voxel_of_gaussian = Int32Array({count});
  std::vector<std::int32_t> representatives;
  for (const auto& [code, gaussian] : entries) {
    if (code == kLeftOut) {
      grid.voxel_of_gaussian[gaussian] = -1;
      continue;
    }
    if (grid.codes.empty() || code != grid.codes.back()) {
      grid.codes.push_back(code);
      representatives.push_back(gaussian);
    } else if (opacities[gaussian] > opacities[representatives.back()]) {
      representatives.back() = gaussian;
    }
    grid.voxel_of_gaussian[gaussian] = static_cast<std::int32_t>(grid.codes.size() - 1);
  }
  grid.representatives = Int32Array({static_cast<std::int64_t>(representatives.size())});
  std::copy(representatives.begin(), representatives.end(), grid.representatives.begin());
  return grid;
}

}  // namespace rtgs2
