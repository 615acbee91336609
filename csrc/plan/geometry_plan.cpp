#include "plan/geometry_plan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "parallel/parallel_for.h"
#include "plan/octree.h"
#include "plan/space_filling_curves.h"
#include "plan/voxel_grid.h"

namespace rtgs2 {
namespace {

void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

void check(std::int64_t count, const GeometryPlanOptions& options) {
  const auto is_kernel = [](int width) { return width % 2 == 1 && 1 <= width && width <= 15; };
  require(1 <= count && count <= std::numeric_limits<std::int32_t>::max(), "1 to 2147483647 Gaussians are expected");
  require(1e-30F <= options.voxel_size && options.voxel_size <= 1e30F, "voxel_size must be 1e-30 to 1e30 metres");
  require(1 <= options.stages && options.stages <= 16, "stages must be 1 to 16");
  require(1 <= options.patch_size, "patch_size must be at least 1");
  require(is_kernel(options.stem_kernel), "stem_kernel must be odd and 1 to 15");
  require(is_kernel(options.cpe_kernel), "cpe_kernel must be odd and 1 to 15");
}

/// The voxels of a stage along one curve, cut into patches, and the way back.
struct Serialisation {
  Int32Array patches;
  Int32Array slots;

  Serialisation() = default;
  Serialisation(std::int64_t voxels, std::int32_t patch_size) {
    const std::int64_t side = std::min<std::int64_t>(patch_size, voxels);
    patches = Int32Array({(voxels + side - 1) / side, side});
    slots = Int32Array({voxels});
  }

  /// To be called once patches[0] to patches[voxels - 1] hold the voxels in the curve's order.
  void complete() {
    const std::int64_t voxels = slots.size();
    for (std::int64_t i = voxels; i < patches.size(); ++i) patches[i] = patches[i - patches.shape[1]];
    for (std::int64_t i = 0; i < voxels; ++i) slots[patches[i]] = static_cast<std::int32_t>(i);
  }
};

Serialisation serialise(Curve curve, const std::vector<std::uint64_t>& codes, int depth, std::int32_t patch_size) {
  Serialisation result(static_cast<std::int64_t>(codes.size()), patch_size);
  std::vector<std::pair<std::uint64_t, std::int32_t>> order(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    order[i] = {curve_code(curve, cell_of_z_order_code(codes[i]), depth), static_cast<std::int32_t>(i)};
  }
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) result.patches[static_cast<std::int64_t>(i)] = order[i].second;
  result.complete();
  return result;
}

/// A curve visits all of a parent before it leaves it, at every resolution alike: the parents' order is that in which
/// they come up along their children.
Serialisation serialise_parents(const Serialisation& children, const OctreeLevel& level, std::int64_t parents,
                                std::int32_t patch_size) {
  Serialisation result(parents, patch_size);
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < level.count(); ++i) {
    const std::int32_t parent = level.parents[static_cast<std::size_t>(children.patches[i])];
    if (found == 0 || result.patches[found - 1] != parent) result.patches[found++] = parent;
  }
  result.complete();
  return result;
}

/// (parents, 8): the members of each parent in ascending order, filled up with the first.
Int32Array children_of_parents(const OctreeLevel& level, std::int64_t parents) {
  Int32Array children({parents, 8});
  std::int32_t voxel = 0;
  for (std::int64_t parent = 0; parent < parents; ++parent) {
    const std::int32_t first = voxel;
    for (std::int64_t i = 0; i < 8; ++i) {
      const bool is_member = voxel < level.count() && level.parents[static_cast<std::size_t>(voxel)] == parent;
      children[parent * 8 + i] = is_member ? voxel++ : first;
    }
  }
  return children;
}

struct StageNeighbours {
  Int32Array stem;  // of stage 0 only
  std::vector<Int32Array> cpe;
};

StageNeighbours find_neighbours(const std::vector<OctreeLevel>& levels, std::size_t stages,
                                const GeometryPlanOptions& options) {
  const int stem_radius = options.stem_kernel / 2;
  const int cpe_radius = options.cpe_kernel / 2;

  // How far the table of a level has to reach for the next finer level to be read from it.
  std::vector<int> reach(levels.size());
  int widest = std::max(stem_radius, cpe_radius);
  for (std::size_t i = 1; i < levels.size(); ++i) {
    reach[i] = (widest + 1) / 2;
    widest = i < stages ? std::max(reach[i], cpe_radius) : reach[i];
  }

  StageNeighbours found;
  found.cpe.resize(stages);
  Int32Array scratch;
  const Int32Array* parent_table = nullptr;
  const auto fill = [&](const OctreeLevel& level, int radius) {
    const std::int64_t width = 2 * radius + 1;
    Int32Array table({width, level.count(), width * width});
    if (parent_table == nullptr) {
      fill_root_neighbours(radius, table);
    } else {
      fill_neighbours(level, *parent_table, radius, table, options.threads);
    }
    return table;
  };
  for (std::size_t i = levels.size(); i-- > 0;) {
    if (i < stages) found.cpe[i] = fill(levels[i], cpe_radius);
    if (i == 0) {
      found.stem = fill(levels[i], stem_radius);
    } else if (i < stages && reach[i] == cpe_radius) {
      parent_table = &found.cpe[i];
    } else {
      scratch = fill(levels[i], reach[i]);
      parent_table = &scratch;
    }
  }
  return found;
}

}  // namespace

GeometryPlan build_geometry_plan(const float* means, const float* opacities, std::int64_t count,
                                 const GeometryPlanOptions& options) {
  check(count, options);
  const auto stages = static_cast<std::size_t>(options.stages);

  VoxelGrid grid = voxelize(means, opacities, count, options.voxel_size, options.threads);
  GeometryPlan plan;
  plan.representatives = std::move(grid.representatives);
  plan.voxel_of_gaussian = std::move(grid.voxel_of_gaussian);
  plan.depth = grid.depth;

  const std::vector<OctreeLevel> levels = build_octree(std::move(grid.codes), plan.depth, options.stages);
  StageNeighbours neighbours = find_neighbours(levels, stages, options);

  std::vector<std::array<Serialisation, kCurves.size()>> serialisations(stages);
  parallel_for(kCurves.size(), 1, options.threads, [&](std::int64_t begin, std::int64_t) {
    const auto curve = static_cast<std::size_t>(begin);
    serialisations[0][curve] = serialise(kCurves[curve].curve, levels[0].codes, plan.depth, options.patch_size);
    for (std::size_t stage = 1; stage < stages; ++stage) {
      serialisations[stage][curve] = serialise_parents(serialisations[stage - 1][curve], levels[stage - 1],
                                                       levels[stage].count(), options.patch_size);
    }
  });

  plan.arrays.emplace_back("stem_neighbours", std::move(neighbours.stem));
  for (std::size_t stage = 0; stage < stages; ++stage) {
    const OctreeLevel& level = levels[stage];
    const std::string prefix = "stage" + std::to_string(stage) + "_";
    plan.voxel_counts.push_back(static_cast<std::int32_t>(level.count()));
    plan.arrays.emplace_back(prefix + "neighbours", std::move(neighbours.cpe[stage]));
    for (std::size_t curve = 0; curve < kCurves.size(); ++curve) {
      Serialisation& serialisation = serialisations[stage][curve];
      plan.arrays.emplace_back(prefix + kCurves[curve].name + "_patches", std::move(serialisation.patches));
      plan.arrays.emplace_back(prefix + kCurves[curve].name + "_slots", std::move(serialisation.slots));
    }
    if (stage + 1 < stages) {
      Int32Array parents({level.count()});
      std::copy(level.parents.begin(), level.parents.end(), parents.begin());
      plan.arrays.emplace_back(prefix + "parents", std::move(parents));
      plan.arrays.emplace_back(prefix + "children", children_of_parents(level, levels[stage + 1].count()));
    }
  }
  return plan;
}

}  // namespace rtgs2
