#include "plan/geometry_plan.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bindings.h"

namespace nb = nanobind;

namespace rtgs2::bindings {
namespace {

using Means = nb::ndarray<const float, nb::shape<-1, 3>, nb::c_contig, nb::device::cpu>;
using Opacities = nb::ndarray<const float, nb::shape<-1>, nb::c_contig, nb::device::cpu>;

/// A NumPy array that takes over the memory.
nb::object to_numpy(Int32Array&& array) {
  const std::vector<std::size_t> shape(array.shape.begin(), array.shape.end());
  std::int32_t* values = array.values.get();
  nb::capsule owner(values, [](void* memory) noexcept { delete[] static_cast<std::int32_t*>(memory); });
  static_cast<void>(array.values.release());
  return nb::ndarray<nb::numpy, std::int32_t>(values, shape.size(), shape.data(), owner).cast();
}

nb::tuple build(const Means& means, const Opacities& opacities, float voxel_size, int stages, std::int32_t patch_size,
                int stem_kernel, int cpe_kernel, int threads) {
  if (opacities.shape(0) != means.shape(0)) throw nb::value_error("means and opacities differ in length");
  GeometryPlan plan;
  {
    const nb::gil_scoped_release unlocked;
    plan = build_geometry_plan(means.data(), opacities.data(), static_cast<std::int64_t>(means.shape(0)),
                               {voxel_size, stages, patch_size, stem_kernel, cpe_kernel, threads});
  }
  nb::dict arrays;
  for (auto& [name, array] : plan.arrays) arrays[name.c_str()] = to_numpy(std::move(array));
  return nb::make_tuple(to_numpy(std::move(plan.representatives)), to_numpy(std::move(plan.voxel_of_gaussian)),
                        plan.depth, plan.voxel_counts, arrays);
}

}  // namespace

void bind_plan(nb::module_& module) {
  module.def("build_geometry_plan", &build, nb::arg("means"), nb::arg("opacities"), nb::kw_only(),
             nb::arg("voxel_size"), nb::arg("stages"), nb::arg("patch_size"), nb::arg("stem_kernel"),
             nb::arg("cpe_kernel"), nb::arg("threads"),
             "(representatives, voxel_of_gaussian, depth, voxel_counts, arrays); see rtgs2_trt.geometry_plan.");
}

}  // namespace rtgs2::bindings
