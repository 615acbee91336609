#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "plan/geometry_plan.h"
#include "plan/space_filling_curves.h"

namespace {

using rtgs2::GeometryPlan;
using rtgs2::GeometryPlanOptions;
using rtgs2::Int32Array;
using Position = std::array<std::int32_t, 3>;

struct Points {
  std::vector<float> means, opacities;

  std::int64_t count() const { return static_cast<std::int64_t>(opacities.size()); }
};

/// A box of 2 x 1 x 0.7 m with many Gaussians a voxel here and empty voxels there.
Points make_points(std::uint32_t seed, int count) {
  inputs::Random random(seed);
  Points points;
  for (int i = 0; i < count; ++i) {
    for (const float side : {2.0F, 1.0F, 0.7F}) {
      points.means.push_back(side * random.uniform(-0.5F, 0.5F) * random.uniform(0.0F, 1.0F));
    }
    points.opacities.push_back(std::floor(random.uniform(0.0F, 8.0F)) / 8.0F);  // with ties
  }
  return points;
}

GeometryPlan build(const Points& points, const GeometryPlanOptions& options) {
  return rtgs2::build_geometry_plan(points.means.data(), points.opacities.data(), points.count(), options);
}

const Int32Array& named(const GeometryPlan& plan, const std::string& name) {
  const auto found =
      std::find_if(plan.arrays.begin(), plan.arrays.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == plan.arrays.end()) throw std::out_of_range("the plan has no " + name);
  return found->second;
}

bool same(const Int32Array& a, const Int32Array& b) {
  return a.shape == b.shape && std::equal(a.values.get(), a.values.get() + a.size(), b.values.get());
}

bool same(const GeometryPlan& a, const GeometryPlan& b) {
  if (a.depth != b.depth || a.voxel_counts != b.voxel_counts || a.arrays.size() != b.arrays.size()) return false;
  if (!same(a.representatives, b.representatives) || !same(a.voxel_of_gaussian, b.voxel_of_gaussian)) return false;
  for (std::size_t i = 0; i < a.arrays.size(); ++i) {
    if (a.arrays[i].first != b.arrays[i].first || !same(a.arrays[i].second, b.arrays[i].second)) return false;
  }
  return true;
}

/// Positions of the voxels of every stage, from the definition: trunc((mean - minimum) / voxel size), halved a stage.
std::vector<std::vector<Position>> positions_of_stages(const Points& points, const GeometryPlan& plan,
                                                       float voxel_size) {
  std::array<float, 3> low;
  low.fill(std::numeric_limits<float>::max());
  for (std::size_t i = 0; i < points.means.size(); ++i) low[i % 3] = std::min(low[i % 3], points.means[i]);
  std::vector<std::vector<Position>> stages(1);
  for (std::int64_t voxel = 0; voxel < plan.representatives.size(); ++voxel) {
    const auto gaussian = static_cast<std::size_t>(plan.representatives[voxel]);
    Position position;
    for (std::size_t k = 0; k < 3; ++k) {
      position[k] = static_cast<std::int32_t>((points.means[3 * gaussian + k] - low[k]) / voxel_size);
    }
    stages[0].push_back(position);
  }
  for (std::size_t stage = 1; stage < plan.voxel_counts.size(); ++stage) {
    const Int32Array& parents = named(plan, "stage" + std::to_string(stage - 1) + "_parents");
    std::vector<Position> coarse(static_cast<std::size_t>(plan.voxel_counts[stage]));
    for (std::int64_t voxel = 0; voxel < parents.size(); ++voxel) {
      Position position = stages[stage - 1][static_cast<std::size_t>(voxel)];
      for (std::int32_t& side : position) side /= 2;
      coarse[static_cast<std::size_t>(parents[voxel])] = position;
    }
    stages.push_back(coarse);
  }
  return stages;
}

void check_neighbours(const Int32Array& table, const std::vector<Position>& voxels, std::int32_t kernel) {
  std::map<Position, std::int32_t> index;
  for (std::size_t i = 0; i < voxels.size(); ++i) index[voxels[i]] = static_cast<std::int32_t>(i);
  CHECK_EQUAL(index.size(), voxels.size());
  const auto count = static_cast<std::int32_t>(voxels.size());
  CHECK(table.shape == (std::vector<std::int64_t>{kernel, count, kernel * kernel}));
  std::int64_t entry = 0, wrong = 0;
  for (std::int32_t k0 = 0; k0 < kernel; ++k0) {
    for (const Position& voxel : voxels) {
      for (std::int32_t k1 = 0; k1 < kernel; ++k1) {
        for (std::int32_t k2 = 0; k2 < kernel; ++k2) {
          const std::int32_t half = kernel / 2;
          const auto found = index.find({voxel[0] + k0 - half, voxel[1] + k1 - half, voxel[2] + k2 - half});
          wrong += table[entry++] != (found == index.end() ? count : found->second);
        }
      }
    }
  }
  CHECK_EQUAL(wrong, 0);
}

TEST(plan_agrees_with_its_definition) {
  const Points points = make_points(1, 3000);
  GeometryPlanOptions options;
  options.patch_size = 100;
  options.stages = 4;
  options.threads = 2;
  const GeometryPlan plan = build(points, options);
  CHECK_EQUAL(plan.depth, 5);  // 2 m are 28 voxels

  // The most opaque Gaussian of each voxel, ties to the lowest index.
  for (std::int64_t i = 0; i < points.count(); ++i) {
    const std::int32_t best = plan.representatives[plan.voxel_of_gaussian[i]];
    const float ours = points.opacities[static_cast<std::size_t>(i)];
    const float theirs = points.opacities[static_cast<std::size_t>(best)];
    CHECK(theirs > ours || (theirs == ours && best <= i));
  }
  const auto stages = positions_of_stages(points, plan, options.voxel_size);
  check_neighbours(named(plan, "stem_neighbours"), stages[0], 5);

  // A voxel of stage s stands on a curve where the voxels within it do: their codes without the last 3 s bits.
  std::vector<std::vector<std::int32_t>> within(stages.size());
  for (std::int32_t voxel = 0; voxel < plan.voxel_counts[0]; ++voxel) within[0].push_back(voxel);
  for (std::size_t stage = 1; stage < stages.size(); ++stage) {
    const Int32Array& parents = named(plan, "stage" + std::to_string(stage - 1) + "_parents");
    within[stage].resize(stages[stage].size());
    for (std::int64_t i = 0; i < parents.size(); ++i) {
      within[stage][static_cast<std::size_t>(parents[i])] = within[stage - 1][static_cast<std::size_t>(i)];
    }
  }
  const auto code_of = [&](rtgs2::Curve curve, std::size_t stage, std::int32_t voxel) {
    const std::int32_t first = within[stage][static_cast<std::size_t>(voxel)];
    const Position& p = stages[0][static_cast<std::size_t>(first)];
    const rtgs2::Cell cell{static_cast<std::uint32_t>(p[0]), static_cast<std::uint32_t>(p[1]),
                           static_cast<std::uint32_t>(p[2])};
    return rtgs2::curve_code(curve, cell, plan.depth) >> (3 * stage);
  };

  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    const std::string prefix = "stage" + std::to_string(stage) + "_";
    const auto count = static_cast<std::int64_t>(stages[stage].size());
    CHECK_EQUAL(plan.voxel_counts[stage], count);
    check_neighbours(named(plan, prefix + "neighbours"), stages[stage], 3);
    for (const rtgs2::NamedCurve& curve : rtgs2::kCurves) {
      const Int32Array& patches = named(plan, prefix + curve.name + "_patches");
      const Int32Array& slots = named(plan, prefix + curve.name + "_slots");
      const std::int64_t side = std::min<std::int64_t>(100, count);
      CHECK(patches.shape == (std::vector<std::int64_t>{(count + side - 1) / side, side}));
      std::vector<std::uint64_t> codes;
      for (std::int64_t slot = 0; slot < count; ++slot) {
        CHECK_EQUAL(slots[patches[slot]], slot);
        codes.push_back(code_of(curve.curve, stage, patches[slot]));
      }
      CHECK(std::is_sorted(codes.begin(), codes.end(), std::less_equal<>()));  // ascending, none twice
      for (std::int64_t slot = count; slot < patches.size(); ++slot) CHECK_EQUAL(patches[slot], patches[slot - side]);
    }
    if (stage + 1 == stages.size()) continue;
    const Int32Array& parents = named(plan, prefix + "parents");
    const Int32Array& children = named(plan, prefix + "children");
    for (std::int64_t parent = 0; parent < plan.voxel_counts[stage + 1]; ++parent) {
      std::set<std::int32_t> members, expected;
      for (std::int64_t i = 0; i < 8; ++i) members.insert(children[8 * parent + i]);
      for (std::int64_t voxel = 0; voxel < count; ++voxel) {
        if (parents[voxel] == parent) expected.insert(static_cast<std::int32_t>(voxel));
      }
      CHECK(members == expected);
    }
  }
}

TEST(hilbert_curve_goes_from_neighbour_to_neighbour) {
  constexpr int kDepth = 3;
  constexpr std::uint32_t kSide = 1U << kDepth;
  std::map<std::uint64_t, Position> path;
  for (std::uint32_t x = 0; x < kSide; ++x) {
    for (std::uint32_t y = 0; y < kSide; ++y) {
      for (std::uint32_t z = 0; z < kSide; ++z) {
        path[rtgs2::curve_code(rtgs2::Curve::kHilbert, {x, y, z}, kDepth)] = {
            static_cast<std::int32_t>(x), static_cast<std::int32_t>(y), static_cast<std::int32_t>(z)};
      }
    }
  }
  CHECK_EQUAL(path.size(), 512U);
  CHECK_EQUAL(path.rbegin()->first, 511U);
  for (auto step = path.begin(); std::next(step) != path.end(); ++step) {
    int distance = 0;
    for (std::size_t k = 0; k < 3; ++k) distance += std::abs(step->second[k] - std::next(step)->second[k]);
    CHECK_EQUAL(distance, 1);
  }
}

TEST(plan_is_the_same_for_every_number_of_threads_and_for_callers_at_once) {
  const Points points = make_points(2, 40000);  // several chunks of work
  GeometryPlanOptions options;
  options.threads = 1;
  const GeometryPlan alone = build(points, options);
  std::vector<GeometryPlan> plans(4);
  inputs::at_once(4, [&](int i) {
    GeometryPlanOptions mine = options;
    mine.threads = i + 1;
    plans[static_cast<std::size_t>(i)] = build(points, mine);
  });
  for (const GeometryPlan& plan : plans) CHECK(same(plan, alone));
}

TEST(plan_leaves_floaters_out) {
  Points points = make_points(3, 500);
  for (const float far : {1e6F, -3e38F}) {
    points.means.insert(points.means.end(), {0.0F, far, 0.0F});
    points.opacities.push_back(1.0F);
  }
  const GeometryPlan plan = build(points, {});
  CHECK_EQUAL(plan.voxel_of_gaussian[500], -1);
  CHECK_EQUAL(plan.voxel_of_gaussian[501], -1);
  CHECK(*std::min_element(plan.voxel_of_gaussian.values.get(), plan.voxel_of_gaussian.values.get() + 500) >= 0);
}

TEST(plan_of_one_point_and_of_equal_points) {
  for (const int count : {1, 1000}) {
    Points points;
    points.means.assign(static_cast<std::size_t>(3 * count), 1e30F);
    points.opacities.assign(static_cast<std::size_t>(count), 0.5F);
    const GeometryPlan plan = build(points, {});
    CHECK_EQUAL(plan.depth, 0);
    CHECK(plan.voxel_counts == std::vector<std::int32_t>(5, 1));
    CHECK_EQUAL(plan.representatives[0], 0);
  }
}

/// Every index of a plan points to something.
void check_indices(const GeometryPlan& plan, std::int64_t count) {
  const auto within = [](const Int32Array& array, std::int64_t low, std::int64_t high) {
    const std::int32_t* values = array.values.get();
    return std::all_of(values, values + array.size(), [&](std::int32_t i) { return low <= i && i < high; });
  };
  CHECK(within(plan.representatives, 0, count));
  CHECK(within(plan.voxel_of_gaussian, -1, plan.voxel_counts[0]));
  for (const auto& [name, array] : plan.arrays) {
    const std::size_t stage = name[0] == 's' && name[1] == 't' && name[2] == 'a' ? std::stoul(name.substr(5)) : 0;
    const bool to_parent = name.find("parents") != std::string::npos;
    const std::int64_t voxels = plan.voxel_counts[to_parent ? stage + 1 : stage];
    CHECK(within(array, 0, name.find("neighbours") != std::string::npos ? voxels + 1 : voxels));
  }
}

TEST(plan_survives_hostile_values) {
  int refused = 0, built = 0;
  for (std::uint32_t seed = 0; seed < 120; ++seed) {
    inputs::Random random(seed);
    Points points = make_points(seed, 1 + static_cast<int>(random.below(300)));
    const bool finite = seed % 3 != 0;
    for (std::vector<float>* values : {&points.means, &points.opacities}) {
      for (float& value : *values) {
        const float hostile = random.hostile(value, 20);
        if (!finite || std::isfinite(hostile) || values == &points.opacities) value = hostile;
      }
    }
    GeometryPlanOptions options;
    options.voxel_size = std::array{0.07F, 1e-30F, 1e30F, 1e-3F}[seed % 4];
    options.stages = 1 + static_cast<int>(random.below(16));
    options.patch_size = std::array{1, 7, 1024, std::numeric_limits<std::int32_t>::max()}[random.below(4)];
    options.stem_kernel = std::array{1, 3, 5}[random.below(3)];
    options.threads = 1 + static_cast<int>(random.below(3));
    try {
      check_indices(build(points, options), points.count());
      ++built;
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  }
  CHECK(built > 20);
  CHECK(refused > 20);
}

TEST(plan_refuses_what_it_cannot_build) {
  const Points points = make_points(4, 10);
  const auto with = [&](auto change) {
    GeometryPlanOptions options;
    change(options);
    build(points, options);
  };
  CHECK_THROWS(rtgs2::build_geometry_plan(nullptr, nullptr, 0, {}), std::invalid_argument, "1 to 2147483647");
  CHECK_THROWS(with([](auto& o) { o.voxel_size = 0.0F; }), std::invalid_argument, "voxel_size");
  CHECK_THROWS(with([](auto& o) { o.voxel_size = std::nanf(""); }), std::invalid_argument, "voxel_size");
  CHECK_THROWS(with([](auto& o) { o.stages = 17; }), std::invalid_argument, "stages");
  CHECK_THROWS(with([](auto& o) { o.patch_size = 0; }), std::invalid_argument, "patch_size");
  CHECK_THROWS(with([](auto& o) { o.stem_kernel = 4; }), std::invalid_argument, "stem_kernel");
  CHECK_THROWS(with([](auto& o) { o.cpe_kernel = 17; }), std::invalid_argument, "cpe_kernel");
  Points far = points;
  far.means[4] = std::numeric_limits<float>::infinity();
  CHECK_THROWS(build(far, {}), std::invalid_argument, "means must be finite");
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t k = 0; k < 3; ++k) far.means[3 * i + k] = i % 3 == k ? 1e7F : -1e7F * static_cast<float>(i + 1);
  }
  CHECK_THROWS(build(far, {}), std::invalid_argument, "too far apart");
}

}  // namespace
