// The occupied voxels at every resolution, and who is whose neighbour at each.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/int32_array.h"

namespace rtgs2 {

/// The occupied voxels of one resolution, numbered by ascending z-order code.
struct OctreeLevel {
  std::vector<std::uint64_t> codes;
  /// (count(),): index of the voxel at half the resolution that holds each voxel; empty at the root.
  std::vector<std::int32_t> parents;
  /// (parents' count + 1, 8): the voxel in each octant of a parent, or count() where none is. The last row belongs to
  /// the parent that does not exist. Empty at the root.
  std::vector<std::int32_t> members;

  std::int64_t count() const { return static_cast<std::int64_t>(codes.size()); }
};

/// From `codes` (ascending, distinct, of `depth` bits a side) at level 0 to the root, which is one voxel; at least
/// `least_levels` levels.
std::vector<OctreeLevel> build_octree(std::vector<std::uint64_t> codes, int depth, int least_levels);

/// Writes table (k, count(), k * k) with k = 2 * radius + 1 for every level of an octree from the root down.
///
/// Entry [k0, voxel, k1 * k + k2] is the voxel at offset (k0, k1, k2) - radius along (x, y, z), or count() where that
/// cell is empty. `parent_table` is such a table of the next coarser level, of radius at least (radius + 1) / 2: a
/// neighbour's parent is a neighbour of the parent, so two reads find it and cells outside the grid are never met.
void fill_neighbours(const OctreeLevel& level, const Int32Array& parent_table, int radius, Int32Array& table,
                     int threads);

/// The same for the root, which has no neighbour but itself.
void fill_root_neighbours(int radius, Int32Array& table);

}  // namespace rtgs2
