#include "plan/octree.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "parallel/parallel_for.h"

namespace rtgs2 {
namespace {

constexpr std::int64_t kChunk = 1 << 12;

/// Links `level` to its parents and returns the level of these.
OctreeLevel add_parents(OctreeLevel& level) {
  OctreeLevel coarser;
  level.parents.reserve(level.codes.size());
  for (const std::uint64_t code : level.codes) {
    if (coarser.codes.empty() || coarser.codes.back() != code >> 3) coarser.codes.push_back(code >> 3);
    level.parents.push_back(static_cast<std::int32_t>(coarser.codes.size() - 1));
  }
  level.members.assign((coarser.codes.size() + 1) * 8, static_cast<std::int32_t>(level.count()));
  for (std::size_t voxel = 0; voxel < level.codes.size(); ++voxel) {
    const auto parent = static_cast<std::size_t>(level.parents[voxel]);
    level.members[parent * 8 + (level.codes[voxel] & 7)] = static_cast<std::int32_t>(voxel);
  }
  return coarser;
}

/// Where the voxel under one tap of a kernel is found, seen from a voxel in a known octant of its parent.
struct Step {
  std::int64_t parent_entry;  // offset of the neighbour's parent in the parent's table, for parent 0
  std::int64_t octant;        // of the neighbour in that parent
};

/// One step a tap, in the order [k0, k1, k2].
std::vector<Step> steps_from(int octant, int radius, const Int32Array& parent_table) {
  const std::int64_t width = parent_table.shape[0];
  const std::int64_t plane = parent_table.shape[1] * parent_table.shape[2];
  const auto parent_tap = [&](int position) { return (position >> 1) + (width - 1) / 2; };  // >> rounds down
  std::vector<Step> steps;
  for (int dx = -radius; dx <= radius; ++dx) {
    for (int dy = -radius; dy <= radius; ++dy) {
      for (int dz = -radius; dz <= radius; ++dz) {
        // Position in voxels from the parent's first corner.
        const int x = (octant >> 2 & 1) + dx;
        const int y = (octant >> 1 & 1) + dy;
        const int z = (octant & 1) + dz;
        steps.push_back(
            {parent_tap(x) * plane + parent_tap(y) * width + parent_tap(z), (x & 1) << 2 | (y & 1) << 1 | (z & 1)});
      }
    }
  }
  return steps;
}

}  // namespace

std::vector<OctreeLevel> build_octree(std::vector<std::uint64_t> codes, int depth, int least_levels) {
  std::vector<OctreeLevel> levels(static_cast<std::size_t>(std::max(depth + 1, least_levels)));
  levels[0].codes = std::move(codes);
  for (std::size_t i = 1; i < levels.size(); ++i) levels[i] = add_parents(levels[i - 1]);
  return levels;
}

void fill_neighbours(const OctreeLevel& level, const Int32Array& parent_table, int radius, Int32Array& table,
                     int threads) {
  std::array<std::vector<Step>, 8> steps;
  for (int octant = 0; octant < 8; ++octant) {
    steps[static_cast<std::size_t>(octant)] = steps_from(octant, radius, parent_table);
  }
  const std::int64_t planes = table.shape[0];
  const std::int64_t voxels = table.shape[1];
  const std::int64_t taps = table.shape[2];
  const std::int64_t parent_taps = parent_table.shape[2];
  parallel_for(voxels, kChunk, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t voxel = begin; voxel < end; ++voxel) {
      const auto i = static_cast<std::size_t>(voxel);
      const std::int32_t* around_parent = parent_table.values.get() + level.parents[i] * parent_taps;
      const Step* step = steps[level.codes[i] & 7].data();
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        std::int32_t* row = table.values.get() + (plane * voxels + voxel) * taps;
        for (std::int64_t tap = 0; tap < taps; ++tap, ++step) {
          const std::int64_t parent = around_parent[step->parent_entry];
          row[tap] = level.members[static_cast<std::size_t>(parent * 8 + step->octant)];
        }
      }
    }
  });
}

void fill_root_neighbours(int radius, Int32Array& table) {
  std::fill(table.begin(), table.end(), 1);
  table[radius * table.shape[2] + table.shape[2] / 2] = 0;
}

}  // namespace rtgs2
