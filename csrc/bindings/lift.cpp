#include "rasterize/lift.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <stdexcept>

#include "bindings/bindings.h"
#include "bindings/checked_array.h"
#include "bindings/checked_gaussians.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

void lift(const AnyArray& means, const AnyArray& scales, const AnyArray& rotations, const AnyArray& opacities,
          const AnyArray& pixels, double fx, double fy, double cx, double cy, const AnyArray& world_to_camera,
          const TargetArray& sums, const TargetArray& weights, int threads) {
  const GaussianArrays gaussians = checked_shapes(means, scales, rotations, opacities);
  PixelValues values;
  values.values = checked_data<float>(pixels, "pixels", {kAnySize, kAnySize, kAnySize});
  values.channels = static_cast<std::int64_t>(pixels.shape(0));
  const double* pose = checked_data<double>(world_to_camera, "world_to_camera", {4, 4});
  LiftTargets targets;
  targets.sums = checked_target<float>(sums, "sums", {gaussians.count, values.channels});
  targets.weights = checked_target<float>(weights, "weights", {gaussians.count});
  if (threads < 0) throw std::invalid_argument("threads must be 0 (all) or more");
  if (pixels.shape(1) > kMaxImageSide || pixels.shape(2) > kMaxImageSide) {
    throw std::invalid_argument("width and height must be 0 to 16384");
  }
  const auto width = static_cast<int>(pixels.shape(2)), height = static_cast<int>(pixels.shape(1));
  const nb::gil_scoped_release release;
  lift_cpu(gaussians, splatting::make_camera(width, height, fx, fy, cx, cy, pose), values, targets, threads);
}

}  // namespace

void bind_lift(nb::module_& module) {
  module.def("lift", &lift, nb::arg("means"), nb::arg("scales"), nb::arg("rotations"), nb::arg("opacities"),
             nb::arg("pixels"), nb::arg("fx"), nb::arg("fy"), nb::arg("cx"), nb::arg("cy"), nb::arg("world_to_camera"),
             nb::arg("sums"), nb::arg("weights"), nb::arg("threads"),
             "Adds to sums (N, C) and weights (N,) what the pixels (C, H, W) of a view give to its Gaussians.\n\n"
             "Arrays are float32 in C order: means (N, 3), scales (N, 3), rotations (N, 4), opacities (N,);\n"
             "world_to_camera (4, 4) is float64. ValueError if not.");
}

}  // namespace rtgs2::bindings
