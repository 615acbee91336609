#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <array>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "bindings/checked_array.h"
#include "bindings/checked_gaussians.h"
#include "bindings/cuda/bindings.h"
#include "rasterize/rasterize_cuda.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;
using cuda::DeviceScene;
using cuda::Rasterizer;

/// The value that goes with `name`; a ValueError that lists the names if there is none.
template <typename Value, std::size_t kCount>
Value choose(const char* argument, const std::string& name,
             const std::array<std::pair<const char*, Value>, kCount>& of) {
  std::string names;
  for (const auto& [known, value] : of) {
    if (name == known) return value;
    names += (names.empty() ? "'" : ", '") + std::string(known) + "'";
  }
  throw std::invalid_argument(std::string(argument) + " is '" + name + "': choose one of " + names);
}

void make_scene(DeviceScene* self, const AnyArray& means, const AnyArray& scales, const AnyArray& rotations,
                const AnyArray& opacities, const AnyArray& sh, const AnyArray& features, const std::string& storage) {
  using rasterize::FeatureStorage;
  const GaussianArrays gaussians = checked_gaussians(means, scales, rotations, opacities, sh, features);
  const auto stored = choose<FeatureStorage, 2>("storage", storage,
                                                {{{"half", FeatureStorage::kHalf}, {"float", FeatureStorage::kFloat}}});
  const nb::gil_scoped_release release;
  new (self) DeviceScene(gaussians, stored);
}

void make_rasterizer(Rasterizer* self, const DeviceScene& scene, int width, int height, std::uintptr_t rgb,
                     std::uintptr_t features, std::uintptr_t alpha, std::uintptr_t depth, const std::string& layout,
                     const std::string& dtype, const std::string& blend) {
  using rasterize::ImageLayout;
  using rasterize::ImageType;
  rasterize::FrameTargets targets;
  targets.rgb = device_pointer<void>(rgb);
  targets.features = device_pointer<void>(features);
  targets.alpha = device_pointer<float>(alpha);
  targets.depth = device_pointer<float>(depth);
  targets.layout = choose<ImageLayout, 2>(
      "layout", layout, {{{"planar", ImageLayout::kPlanar}, {"channels_last", ImageLayout::kChannelsLast}}});
  targets.type =
      choose<ImageType, 2>("dtype", dtype, {{{"float32", ImageType::kFloat}, {"float16", ImageType::kHalf}}});
  const auto how = choose<cuda::Blend, 3>(
      "blend", blend,
      {{{"best", cuda::Blend::kBest}, {"plain", cuda::Blend::kPlain}, {"tensor_cores", cuda::Blend::kTensorCores}}});
  const nb::gil_scoped_release release;
  new (self) Rasterizer(scene, width, height, targets, how);
}

void set_view(Rasterizer& rasterizer, int width, int height, double fx, double fy, double cx, double cy,
              const AnyArray& world_to_camera, std::array<float, 3> background, std::uintptr_t stream) {
  const double* pose = checked_data<double>(world_to_camera, "world_to_camera", {4, 4});
  rasterizer.set_view(splatting::make_camera(width, height, fx, fy, cx, cy, pose),
                      {background[0], background[1], background[2]}, stream_of(stream));
}

}  // namespace

void bind_cuda_rasterize(nb::module_& module) {
  nb::class_<DeviceScene>(module, "Scene", "Gaussians in device memory.")
      .def("__init__", &make_scene, nb::arg("means"), nb::arg("scales"), nb::arg("rotations"), nb::arg("opacities"),
           nb::arg("sh"), nb::arg("features"), nb::arg("storage"),
           "Copies float32 arrays in C order: means (N, 3), scales (N, 3), rotations (N, 4), opacities (N,),\n"
           "sh (N, 1 | 4 | 9 | 16, 3), features (N, D), D up to 64, stored as \"half\" or \"float\". ValueError if\n"
           "they are not such arrays, CudaMemoryError, CudaError.")
      .def(
          "set_features",
          [](DeviceScene& scene, const AnyArray& features) {
            const float* values = checked_data<float>(features, "features", {scene.gaussians().count, kAnySize});
            const nb::gil_scoped_release release;
            scene.set_features(values, static_cast<std::int64_t>(features.shape(1)));
          },
          nb::arg("features"), "Replaces the features by float32 (N, D) of the host. No frame may be running.")
      .def(
          "set_device_features",
          [](DeviceScene& scene, std::uintptr_t features, std::int64_t channels) {
            const nb::gil_scoped_release release;
            scene.set_features(device_pointer<float>(features), channels);
          },
          nb::arg("features"), nb::arg("channels"),
          "The same from the address of float32 (N, channels) in device memory.")
      .def_prop_ro(
          "count", [](const DeviceScene& scene) { return scene.gaussians().count; }, "N.")
      .def_prop_ro(
          "channels", [](const DeviceScene& scene) { return scene.gaussians().feature_channels; }, "D.")
      .def_prop_ro("features_are_finite", &DeviceScene::features_are_finite, "As they are stored.")
      .def_prop_ro("bytes", &DeviceScene::bytes, "Device memory that it takes.");

  nb::class_<Rasterizer>(module, "Rasterizer", "Draws views of a scene into images at fixed addresses.")
      .def("__init__", &make_rasterizer, nb::keep_alive<1, 2>(), nb::arg("scene"), nb::arg("width"), nb::arg("height"),
           nb::arg("rgb"), nb::arg("features"), nb::arg("alpha"), nb::arg("depth"), nb::arg("layout"), nb::arg("dtype"),
           nb::arg("blend"),
           "Addresses in device memory, 0 for what is not wanted: rgb and features are \"planar\" (C, H, W) or\n"
           "\"channels_last\" (H, W, C), of \"float32\" or \"float16\"; alpha and depth (H, W) float32. `blend` is\n"
           "\"best\", \"plain\" or \"tensor_cores\". ValueError, CudaMemoryError, CudaError.")
      .def("set_view", &set_view, nb::arg("width"), nb::arg("height"), nb::arg("fx"), nb::arg("fy"), nb::arg("cx"),
           nb::arg("cy"), nb::arg("world_to_camera"), nb::arg("background"), nb::arg("stream"),
           "Sets the view of the frames that are enqueued on the stream from here on; world_to_camera (4, 4) float64.")
      .def(
          "enqueue", [](const Rasterizer& r, std::uintptr_t stream) { r.enqueue(stream_of(stream)); },
          nb::arg("stream"), nb::call_guard<nb::gil_scoped_release>(),
          "Enqueues a frame, without waiting or allocating; may be captured in a CUDA graph.")
      .def(
          "launch", [](Rasterizer& r, std::uintptr_t stream) { r.launch(stream_of(stream)); }, nb::arg("stream"),
          nb::call_guard<nb::gil_scoped_release>(),
          "Enqueues a frame through its own CUDA graph; not on the default stream.")
      .def("grow", &Rasterizer::grow, nb::call_guard<nb::gil_scoped_release>(),
           "Once the stream has been waited for: takes more memory and returns True if frames did not fit. Draw them\n"
           "again then. ValueError if they never will.")
      .def(
          "tighten", &Rasterizer::tighten, nb::call_guard<nb::gil_scoped_release>(),
          "Once typical frames have been drawn and waited for: gives back memory if they needed less than half of it,\n"
          "which makes frames faster too. Whether it did.")
      .def(
          "needs", [](const Rasterizer& r) { return std::pair(r.needs().visible, r.needs().pairs); },
          "The most (visible Gaussians, pairs of Gaussian and tile) that frames needed since the last growth.")
      .def(
          "capacities", [](const Rasterizer& r) { return std::pair(r.capacities().visible, r.capacities().pairs); },
          "How many (visible Gaussians, pairs) fit.")
      .def_prop_ro("bytes", &Rasterizer::bytes, "Device memory that a frame takes, without scene and images.");
}

}  // namespace rtgs2::bindings
