#include "rasterize/rasterize.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>

#include <array>
#include <cstdint>
#include <stdexcept>

#include "bindings/bindings.h"
#include "bindings/checked_array.h"
#include "bindings/checked_gaussians.h"
#include "rasterize/frame_buffers.h"
#include "splatting/tiles.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

nb::tuple rasterize(const AnyArray& means, const AnyArray& scales, const AnyArray& rotations, const AnyArray& opacities,
                    const AnyArray& sh, const AnyArray& features, int width, int height, double fx, double fy,
                    double cx, double cy, const AnyArray& world_to_camera, std::array<float, 3> background,
                    int threads) {
  const GaussianArrays gaussians = checked_gaussians(means, scales, rotations, opacities, sh, features);
  const double* pose = checked_data<double>(world_to_camera, "world_to_camera", {4, 4});
  if (threads < 0) throw std::invalid_argument("threads must be 0 (all) or more");
  // Before the outputs are allocated; the rest is checked by the core.
  if (width < 0 || height < 0 || width > kMaxImageSide || height > kMaxImageSide) {
    throw std::invalid_argument("width and height must be 0 to 16384");
  }

  const auto rows = static_cast<std::size_t>(height), columns = static_cast<std::size_t>(width);
  auto rgb = new_array<float>({3, rows, columns});
  auto blended = new_array<float>({features.shape(1), rows, columns});
  auto alpha = new_array<float>({rows, columns});
  auto depth = new_array<float>({rows, columns});
  RasterizeSeconds seconds;
  {
    const nb::gil_scoped_release release;
    seconds = rasterize_cpu(gaussians, splatting::make_camera(width, height, fx, fy, cx, cy, pose),
                            {background[0], background[1], background[2]},
                            {rgb.data, blended.data, alpha.data, depth.data}, threads);
  }
  nb::dict stages;
  stages["project"] = seconds.project;
  stages["sort"] = seconds.sort;
  stages["bin"] = seconds.bin;
  stages["blend"] = seconds.blend;
  return nb::make_tuple(rgb.array, blended.array, alpha.array, depth.array, stages);
}

std::uint32_t fixed_pair_capacity(int width, int height, std::int64_t gaussians) {
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide) {
    throw std::invalid_argument("width and height must be 1 to 16384");
  }
  if (gaussians < 0 || gaussians > rasterize::kMaxDeviceGaussians) {
    throw std::invalid_argument("gaussians must be 0 to 2^30");
  }
  return rasterize::fixed_capacities(gaussians, splatting::tile_count(width) * splatting::tile_count(height)).pairs;
}

}  // namespace

void bind_rasterize(nb::module_& module) {
  module.def("fixed_pair_capacity", &fixed_pair_capacity, nb::arg("width"), nb::arg("height"), nb::arg("gaussians"),
             "How many pairs of a Gaussian and a tile the TensorRT plugin has room for in a view. ValueError if the\n"
             "image is not 1 to 16384 pixels a side, or there are more than 2^30 Gaussians.");
  module.def(
      "rasterize", &rasterize, nb::arg("means"), nb::arg("scales"), nb::arg("rotations"), nb::arg("opacities"),
      nb::arg("sh"), nb::arg("features"), nb::arg("width"), nb::arg("height"), nb::arg("fx"), nb::arg("fy"),
      nb::arg("cx"), nb::arg("cy"), nb::arg("world_to_camera"), nb::arg("background"), nb::arg("threads"),
      "Draws Gaussians on the CPU: (rgb (3, H, W), features (D, H, W), alpha (H, W), depth (H, W)), float32, and a\n"
      "dictionary of the seconds that each stage took.\n\n"
      "Arrays are float32 in C order: means (N, 3), scales (N, 3), rotations (N, 4), opacities (N,),\n"
      "sh (N, 1 | 4 | 9 | 16, 3), features (N, D); world_to_camera (4, 4) is float64. ValueError if not.");
}

}  // namespace rtgs2::bindings
