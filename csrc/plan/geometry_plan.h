// All integer structure of the Point Transformer V3 encoder over the voxels of a Gaussian scene.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plan/int32_array.h"

namespace rtgs2 {

struct GeometryPlanOptions {
  float voxel_size = 0.07F;  // metres, 1e-30 to 1e30
  int stages = 5;            // 1 to 16
  std::int32_t patch_size = 1024;
  int stem_kernel = 5;  // odd, at most 15
  int cpe_kernel = 3;   // odd, at most 15
  int threads = 0;      // 0: all that the machine has
};

struct GeometryPlan {
  Int32Array representatives;              // (voxels,): Gaussian of each stage-0 voxel
  Int32Array voxel_of_gaussian;            // (count,): stage-0 voxel of each Gaussian, -1 if left out
  int depth = 0;                           // bits a side of the stage-0 grid
  std::vector<std::int32_t> voxel_counts;  // one a stage
  /// The encoder graph's inputs by name, stage by stage; rtgs2_trt/geometry_plan.py documents each.
  std::vector<std::pair<std::string, Int32Array>> arrays;
};

/// `means` is (count, 3) in metres, `opacities` (count,), count 1 to 2^31 - 1. The result is the same, bit for bit, for
/// every number of threads. Throws std::invalid_argument for arguments out of range, means that are not finite, and
/// scenes that no grid of 2^16 voxels a side can hold a part of.
GeometryPlan build_geometry_plan(const float* means, const float* opacities, std::int64_t count,
                                 const GeometryPlanOptions& options);

}  // namespace rtgs2
