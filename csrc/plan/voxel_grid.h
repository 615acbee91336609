// From Gaussians to the occupied voxels of a grid and one representative Gaussian for each.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/int32_array.h"

namespace rtgs2 {

struct VoxelGrid {
  /// Bit length of the largest coordinate: 0 to kMaxDepth.
  int depth = 0;
  /// Z-order codes of the occupied voxels, ascending: voxel i has codes[i].
  std::vector<std::uint64_t> codes;
  /// (voxels,): the Gaussian of highest opacity in each voxel, ties to the lowest index.
  Int32Array representatives;
  /// (count,): the voxel of each Gaussian, -1 for floaters, which are left out.
  Int32Array voxel_of_gaussian;
};

/// Voxel coordinates are trunc((mean - minimum) / voxel_size) in float32 arithmetic. Where the Gaussians span more
/// than 2^kMaxDepth voxels on an axis, those farther than half of that from the (lower) median are left out.
///
/// `means` is (count, 3) in metres, `opacities` (count,). Throws std::invalid_argument for means that are not finite
/// and where no Gaussian is left.
VoxelGrid voxelize(const float* means, const float* opacities, std::int64_t count, float voxel_size, int threads);

}  // namespace rtgs2
