// The CUDA kernels themselves, and the host's side of them, run on the host (cuda_on_host/) against the CPU's core.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "argmax/upsample_argmax.h"
#include "argmax/upsample_argmax_cuda.h"
#include "check.h"
#include "cuda/device.h"
#include "cuda/launch.cuh"
#include "cuda/ordered_append.cuh"
#include "cuda/stream.h"
#include "cuda_on_host/half.h"
#include "inputs.h"
#include "rasterize/camera_numbers.h"
#include "rasterize/rasterize_cuda.h"
#include "rendering.h"

namespace {

using rtgs2::cuda::Blend;
using rtgs2::cuda::DeviceScene;
using rtgs2::cuda::OutOfMemory;
using rtgs2::cuda::Rasterizer;
using rtgs2::rasterize::FeatureStorage;
using rtgs2::rasterize::FrameTargets;
using rtgs2::rasterize::ImageLayout;
using rtgs2::rasterize::ImageType;

/// Gaussians that cover more tiles than a rasterizer has room for at first.
inputs::Gaussians large_gaussians(std::uint32_t seed) {
  inputs::Gaussians gaussians = inputs::make_gaussians(seed, 800, 1, 0);
  for (float& scale : gaussians.scales) scale *= 8.0F;
  return gaussians;
}

FrameTargets targets_of(Image& image) {
  FrameTargets targets;
  targets.rgb = image.rgb.data();
  targets.features = image.features.empty() ? nullptr : image.features.data();
  targets.alpha = image.alpha.data();
  targets.depth = image.depth.data();
  return targets;
}

Image draw_with_kernels(const inputs::Gaussians& gaussians, const rtgs2::splatting::Camera& camera,
                        FeatureStorage storage, Blend blend) {
  const DeviceScene scene(gaussians.arrays(), storage);
  Image image(camera.width, camera.height, gaussians.feature_channels);
  Rasterizer rasterizer(scene, camera.width, camera.height, targets_of(image), blend);
  rasterizer.draw(camera, {0.1F, 0.2F, 0.3F}, nullptr);
  return image;
}

/// Equal to the last bit, but that any NaN is as good as another.
bool same_values(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}
bool same_picture(const Image& a, const Image& b) {
  return same_values(a.rgb, b.rgb) && same_values(a.features, b.features) && same_values(a.alpha, b.alpha) &&
         same_values(a.depth, b.depth);
}

void round_to_half(std::vector<float>& values) {
  for (float& value : values) value = on_host::round_to_half(value);
}

/// Each thread appends as many values as `count_of` says, each the index of its thread.
std::uint32_t count_of(std::uint32_t index) { return index % 7 == 0 ? index % 5 : 0; }

void append_kernel(rtgs2::rasterize::AppendWord* words, std::uint32_t* begun, std::uint32_t* list) {
  const std::uint32_t place = rtgs2::cuda::take_place(begun);
  const std::uint32_t index = place * rtgs2::rasterize::kAppendBlock + threadIdx.x;
  const auto sum = rtgs2::cuda::sum_over_block(count_of(index));
  const std::uint64_t begin = rtgs2::cuda::append(words, place, sum.all) + sum.before;
  for (std::uint32_t i = 0; i < count_of(index); ++i) list[begin + i] = index;
}

TEST(blocks_append_in_order) {
  // More blocks than are looked back at in one go.
  constexpr std::uint32_t kBlocks = 150, kThreads = kBlocks * rtgs2::rasterize::kAppendBlock;
  std::vector<rtgs2::rasterize::AppendWord> words(kBlocks);
  std::vector<std::uint32_t> expected;
  for (std::uint32_t i = 0; i < kThreads; ++i) expected.insert(expected.end(), count_of(i), i);
  std::vector<std::uint32_t> list(expected.size() + 1, 0xFFFFFFFF);
  std::uint32_t begun = 0;
  rtgs2::cuda::launch("appending", append_kernel, kBlocks, rtgs2::rasterize::kAppendBlock, nullptr, words.data(),
                      &begun, list.data());
  CHECK(list.back() == 0xFFFFFFFF);
  list.pop_back();
  CHECK(list == expected);
  CHECK_EQUAL(begun, kBlocks);
  CHECK_EQUAL(words.back().count(), expected.size());
}

TEST(plain_kernels_give_the_bits_of_the_cpu) {
  for (const auto& [channels, sh_count] : {std::pair{0, 1}, {5, 4}, {13, 9}, {32, 16}, {64, 1}}) {
    inputs::Gaussians gaussians = inputs::make_gaussians(70, 900, sh_count, channels);
    const auto camera = inputs::make_camera(53, 39);
    CHECK(same_picture(draw_with_kernels(gaussians, camera, FeatureStorage::kFloat, Blend::kPlain),
                       draw(gaussians, camera, 1)));
    round_to_half(gaussians.features);
    CHECK(same_picture(draw_with_kernels(gaussians, camera, FeatureStorage::kHalf, Blend::kPlain),
                       draw(gaussians, camera, 1)));
  }
}

TEST(gaussians_over_many_rows_of_tiles_are_listed) {
  // 44 rows of tiles: more than a warp lists in one go.
  inputs::Gaussians gaussians = inputs::make_gaussians(77, 40, 1, 0);
  for (float& scale : gaussians.scales) scale *= 20.0F;
  const auto camera = inputs::make_camera(48, 700);
  CHECK(same_picture(draw_with_kernels(gaussians, camera, FeatureStorage::kFloat, Blend::kPlain),
                     draw(gaussians, camera, 1)));
}

TEST(plain_kernels_survive_hostile_gaussians) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(seed, 700, 4, 3, seed % 2 == 0 ? 4 : 40);
    const auto camera = inputs::make_camera(37, 43);
    CHECK(same_picture(draw_with_kernels(gaussians, camera, FeatureStorage::kFloat, Blend::kBest),
                       draw(gaussians, camera, 1)));
  }
}

TEST(tensor_core_kernels_agree_with_the_cpu) {
  for (const std::int64_t channels : {0, 3, 13, 32, 64}) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(71, 2500, 4, channels);
    const auto camera = inputs::make_camera(59, 41);
    const Image found = draw_with_kernels(gaussians, camera, FeatureStorage::kHalf, Blend::kTensorCores);
    const Image expected = draw(gaussians, camera, 1);
    CHECK(*std::max_element(expected.alpha.begin(), expected.alpha.end()) > 0.99F);
    check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
    check_close(found.rgb, expected.rgb, 5e-6F, 0.01F);
    check_close(found.depth, expected.depth, 2e-5F, 0.03F);
    // Features below 1 and weights that sum up to 1 at most, both rounded to half: 2^-12 each.
    check_close(found.features, expected.features, 0x1p-11F, 0.01F);
  }
}

TEST(tensor_core_kernels_survive_hostile_shapes) {
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    inputs::Gaussians gaussians = inputs::make_gaussians(seed, 700, 4, 3, 10);
    for (float& value : gaussians.features) value = std::isfinite(value) ? std::clamp(value, -1.0F, 1.0F) : 0.0F;
    for (float& value : gaussians.sh) value = std::isfinite(value) ? std::clamp(value, -1.0F, 1.0F) : 0.0F;
    const auto camera = inputs::make_camera(37, 43);
    const Image found = draw_with_kernels(gaussians, camera, FeatureStorage::kHalf, Blend::kTensorCores);
    const Image expected = draw(gaussians, camera, 1);
    check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
    check_close(found.rgb, expected.rgb, 5e-6F, 0.02F);
    check_close(found.features, expected.features, 0x1p-11F, 0.02F);
  }
}

TEST(layouts_and_types_hold_the_same_values) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(72, 500, 1, 5);
  const auto camera = inputs::make_camera(33, 20);
  const DeviceScene scene(gaussians.arrays(), FeatureStorage::kHalf);
  constexpr std::size_t kPixels = 33 * 20;
  for (const Blend blend : {Blend::kPlain, Blend::kTensorCores}) {
    const Image expected = draw_with_kernels(gaussians, camera, FeatureStorage::kHalf, blend);
    for (const auto& [layout, rgb_stride, features_stride] :
         {std::tuple{ImageLayout::kChannelsLast, std::size_t{3}, std::size_t{5}},
          {ImageLayout::kChannelsLast8, std::size_t{8}, std::size_t{8}}}) {
      std::vector<std::uint16_t> rgb(rgb_stride * kPixels, 0x7E00), features(features_stride * kPixels, 0x7E00);
      FrameTargets targets;
      targets.rgb = rgb.data();
      targets.features = features.data();
      targets.layout = layout;
      targets.type = ImageType::kHalf;
      Rasterizer(scene, 33, 20, targets, blend).draw(camera, {0.1F, 0.2F, 0.3F}, nullptr);
      for (std::size_t i = 0; i < kPixels; ++i) {
        for (std::size_t c = 0; c < rgb_stride; ++c) {
          CHECK(rgb[rgb_stride * i + c] == (c < 3 ? on_host::half_bits(expected.rgb[c * kPixels + i]) : 0));
        }
        for (std::size_t c = 0; c < features_stride; ++c) {
          CHECK(features[features_stride * i + c] ==
                (c < 5 ? on_host::half_bits(expected.features[c * kPixels + i]) : 0));
        }
      }
    }
  }
}

TEST(a_camera_of_numbers_is_the_camera) {
  const float numbers[] = {50.0F, 51.0F, 26.0F, 19.5F, 0.98F, -0.02F, 0.2F, 0.05F, 0.01F, 1.0F,
                           0.03F, -4.0F, -0.2F, 0.0F,  0.97F, 0.3F,   0.1F, 0.2F,  0.3F};
  static_assert(std::size(numbers) == rtgs2::rasterize::kCameraNumbers);
  double pose[12];
  std::copy_n(numbers + 4, 12, pose);
  rtgs2::rasterize::FrameView found;
  std::memset(&found, 0xA5, sizeof(found));
  rtgs2::rasterize::read_view(numbers, 53, 39, &found, nullptr);
  const auto expected = rtgs2::rasterize::make_frame_view(
      rtgs2::splatting::make_camera(53, 39, 50.0F, 51.0F, 26.0F, 19.5F, pose), {0.1F, 0.2F, 0.3F});
  CHECK(std::memcmp(&found, &expected, sizeof(found)) == 0);
}

TEST(scene_that_does_not_fit_is_drawn_after_growth) {
  const inputs::Gaussians gaussians = large_gaussians(73);
  const auto camera = inputs::make_camera(200, 150);
  const DeviceScene scene(gaussians.arrays(), FeatureStorage::kFloat);
  Image image(200, 150, 0);
  Rasterizer rasterizer(scene, 200, 150, targets_of(image), Blend::kPlain);
  const auto first = rasterizer.capacities();
  rasterizer.set_view(camera, {0.1F, 0.2F, 0.3F}, nullptr);
  rasterizer.enqueue(nullptr);
  CHECK(rasterizer.needs().pairs > first.pairs);

  // Growth without memory leaves all as it was.
  const std::size_t enough = std::exchange(on_host::machine().free_bytes, rasterizer.bytes());
  CHECK_THROWS(rasterizer.grow(), OutOfMemory, "drawing a frame needs");
  CHECK(rasterizer.capacities() == first);
  on_host::machine().free_bytes = enough;

  rasterizer.draw(camera, {0.1F, 0.2F, 0.3F}, nullptr);
  CHECK(rasterizer.capacities().pairs > first.pairs);
  CHECK(same_picture(image, draw(gaussians, camera, 1)));
  CHECK(!rasterizer.grow());
}

TEST(growth_that_finds_no_memory_at_all_is_made_up_for) {
  const inputs::Gaussians gaussians = large_gaussians(78);
  const auto camera = inputs::make_camera(200, 150);
  const DeviceScene scene(gaussians.arrays(), FeatureStorage::kFloat);
  const rtgs2::cuda::Stream stream;
  Image image(200, 150, 0);
  Rasterizer rasterizer(scene, 200, 150, targets_of(image), Blend::kPlain);
  const auto first = rasterizer.capacities();
  const auto draw_once = [&] {
    rasterizer.set_view(camera, {0.1F, 0.2F, 0.3F}, stream.get());
    rasterizer.launch(stream.get());
    stream.wait();
  };
  draw_once();
  CHECK(rasterizer.needs().pairs > first.pairs);
  const std::size_t enough = std::exchange(on_host::machine().free_bytes, 0);
  CHECK_THROWS(rasterizer.grow(), OutOfMemory, "drawing a frame needs");
  CHECK(rasterizer.bytes() == 0);
  CHECK_THROWS(rasterizer.enqueue(stream.get()), OutOfMemory, "a growth lost");
  CHECK_THROWS(rasterizer.launch(stream.get()), OutOfMemory, "drawing a frame needs");
  on_host::machine().free_bytes = enough;
  draw_once();
  CHECK(rasterizer.capacities() == first);
  while (rasterizer.grow()) draw_once();
  CHECK(same_picture(image, draw(gaussians, camera, 1)));
}

TEST(a_view_that_can_never_fit_leaves_others_alone) {
  const inputs::Gaussians gaussians = large_gaussians(79);
  const auto camera = inputs::make_camera(200, 150);
  const DeviceScene scene(gaussians.arrays(), FeatureStorage::kFloat);
  Image image(200, 150, 0);
  Rasterizer rasterizer(scene, 200, 150, targets_of(image), Blend::kPlain);
  const auto first = rasterizer.capacities();
  const auto draw_once = [&](const rtgs2::splatting::Camera& of) {
    rasterizer.set_view(of, {0.1F, 0.2F, 0.3F}, nullptr);
    rasterizer.enqueue(nullptr);
  };
  draw_once(camera);
  CHECK(rasterizer.needs().pairs > first.pairs);
  // Drawing 2^30 pairs takes too long here: the count that the device reported is made so large.
  const_cast<rtgs2::rasterize::FrameNeeds&>(rasterizer.needs()).pairs = std::uint64_t{1} << 40U;
  CHECK_THROWS(rasterizer.grow(), std::length_error, "scales are linear");
  CHECK(rasterizer.capacities() == first);
  CHECK(!rasterizer.grow());

  // Nothing is seen from far away; what the device remembers of the views before would show.
  const std::array<double, 16> away{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -1e6, 0, 0, 0, 1};
  draw_once(rtgs2::splatting::make_camera(200, 150, 100, 100, 100, 75, away.data()));
  CHECK_EQUAL(rasterizer.needs().pairs, 0U);
  CHECK(!rasterizer.grow());
  rasterizer.draw(camera, {0.1F, 0.2F, 0.3F}, nullptr);
  CHECK(same_picture(image, draw(gaussians, camera, 1)));
}

TEST(features_that_are_not_finite_are_left_to_the_plain_kernel) {
  inputs::Gaussians gaussians = inputs::make_gaussians(74, 200, 1, 3);
  gaussians.features[7] = 1e30F;  // infinite as half
  const auto camera = inputs::make_camera(20, 20);
  const DeviceScene half(gaussians.arrays(), FeatureStorage::kHalf), whole(gaussians.arrays(), FeatureStorage::kFloat);
  CHECK(!half.features_are_finite());
  CHECK(whole.features_are_finite());
  Image image(20, 20, 3);
  for (const DeviceScene* scene : {&half, &whole}) {
    CHECK_THROWS(Rasterizer(*scene, 20, 20, targets_of(image), Blend::kTensorCores), std::invalid_argument,
                 "tensor cores");
  }
  const Image found = draw_with_kernels(gaussians, camera, FeatureStorage::kHalf, Blend::kBest);
  round_to_half(gaussians.features);
  CHECK(same_picture(found, draw(gaussians, camera, 1)));
}

TEST(new_features_are_drawn) {
  inputs::Gaussians gaussians = inputs::make_gaussians(75, 300, 1, 3);
  const auto camera = inputs::make_camera(20, 20);
  DeviceScene scene(gaussians.arrays(), FeatureStorage::kFloat);
  Image image(20, 20, 3);
  Rasterizer rasterizer(scene, 20, 20, targets_of(image), Blend::kBest);
  for (float& value : gaussians.features) value *= -2.0F;
  scene.set_features(gaussians.features.data(), 3);
  rasterizer.draw(camera, {0.1F, 0.2F, 0.3F}, nullptr);
  CHECK(same_picture(image, draw(gaussians, camera, 1)));
}

TEST(nothing_and_impossible_sizes) {
  inputs::Gaussians none;
  none.feature_channels = 2;
  const auto camera = inputs::make_camera(20, 20);
  for (const Blend blend : {Blend::kPlain, Blend::kTensorCores}) {
    CHECK(same_picture(draw_with_kernels(none, camera, FeatureStorage::kHalf, blend), draw(none, camera, 1)));
  }
  draw_with_kernels(none, inputs::make_camera(0, 20), FeatureStorage::kHalf, Blend::kBest);

  inputs::Gaussians gaussians = inputs::make_gaussians(76, 3, 1, 65);
  CHECK_THROWS(DeviceScene(gaussians.arrays(), FeatureStorage::kHalf), std::invalid_argument, "at most 64");
  gaussians = inputs::make_gaussians(76, 3, 1, 1);
  auto arrays = gaussians.arrays();
  arrays.sh_count = 5;
  CHECK_THROWS(DeviceScene(arrays, FeatureStorage::kHalf), std::invalid_argument, "5 spherical-harmonics");
  arrays = gaussians.arrays();
  arrays.count = -1;
  CHECK_THROWS(DeviceScene(arrays, FeatureStorage::kHalf), std::invalid_argument, "-1 Gaussians");
  const DeviceScene scene(gaussians.arrays(), FeatureStorage::kHalf);
  CHECK_THROWS(Rasterizer(scene, 16385, 8, {}, Blend::kBest), std::invalid_argument, "16385");
  Rasterizer rasterizer(scene, 20, 20, {}, Blend::kBest);
  CHECK_THROWS(rasterizer.set_view(inputs::make_camera(21, 20), {}, nullptr), std::invalid_argument, "21 x 20");
}

template <typename Label>
void check_labels(std::int64_t classes, std::int64_t rows, std::int64_t columns, std::int64_t height,
                  std::int64_t width, bool half, std::size_t hostile_odds) {
  inputs::Random random(static_cast<std::uint32_t>(classes + 1000 * rows + columns));
  std::vector<float> logits(static_cast<std::size_t>(classes * rows * columns));
  std::vector<std::uint16_t> halves;
  for (float& value : logits) {
    value = random.uniform(-5.0F, 5.0F);
    if (hostile_odds > 0) value = random.hostile(value, hostile_odds);
    if (half) value = on_host::round_to_half(value);
    halves.push_back(on_host::half_bits(value));
  }
  const auto pixels = static_cast<std::size_t>(height * width);
  std::vector<Label> labels(pixels, 77), expected(pixels);
  std::vector<float> confidence(pixels), expected_confidence(pixels);
  rtgs2::upsample_argmax_cpu({logits.data(), classes, rows, columns, height, width}, expected.data(),
                             expected_confidence.data(), 1);
  rtgs2::cuda::DeviceLogits device{logits.data(), rtgs2::cuda::LogitType::kFloat, classes, rows, columns, height,
                                   width};
  if (half) device.values = halves.data(), device.type = rtgs2::cuda::LogitType::kHalf;
  rtgs2::cuda::upsample_argmax(device, labels.data(), confidence.data(), nullptr);
  CHECK(labels == expected);
  CHECK(same_values(confidence, expected_confidence));
  std::vector<Label> alone(pixels, 77);
  rtgs2::cuda::upsample_argmax(device, alone.data(), nullptr, nullptr);
  CHECK(alone == expected);
}

TEST(labelling_kernel_gives_the_bits_of_the_cpu) {
  for (const bool half : {false, true}) {
    check_labels<std::uint8_t>(46, 6, 9, 24, 36, half, 0);
    check_labels<std::uint8_t>(1, 1, 1, 4, 4, half, 0);
    check_labels<std::uint8_t>(255, 2, 3, 7, 9, half, 0);
    check_labels<std::uint16_t>(300, 2, 3, 8, 11, half, 0);
    check_labels<std::uint8_t>(5, 4, 140, 15, 557, half, 9);
  }
  std::uint8_t label = 0;
  CHECK_THROWS(rtgs2::cuda::upsample_argmax({nullptr, {}, 3, 2, 2, 9, 8}, &label, nullptr, nullptr),
               std::invalid_argument, "9 rows");
  CHECK_THROWS(rtgs2::cuda::upsample_argmax({nullptr, {}, 257, 2, 2, 8, 8}, &label, nullptr, nullptr),
               std::invalid_argument, "type of labels");
}

TEST(a_machine_that_cannot_run_this_build_says_why) {
  const on_host::Machine usable = on_host::machine();
  CHECK(rtgs2::cuda::device_problem().empty());
  const auto problem_with = [&usable](auto change) {
    on_host::machine() = usable;
    change(on_host::machine());
    const std::string problem = rtgs2::cuda::device_problem();
    on_host::machine() = usable;
    return problem;
  };
  const auto says = [](const std::string& text, const char* words) { return text.find(words) != std::string::npos; };
  CHECK(says(problem_with([](auto& m) { m.driver = 0; }), "no NVIDIA driver: install one that supports CUDA 13.0"));
  const std::string old = problem_with([](auto& m) {
    m.driver = 11040;
    m.counting = cudaErrorInsufficientDriver;
  });
  CHECK(says(old, "too old: it supports CUDA 11.4, this build needs 13.0"));
  CHECK(says(problem_with([](auto& m) { m.devices = 0; }), "no NVIDIA GPU: none is visible"));
  CHECK(says(problem_with([](auto& m) { m.counting = cudaErrorNoDevice; }), "no NVIDIA GPU: an error"));
  for (const cudaError_t code :
       {cudaErrorNoKernelImageForDevice, cudaErrorInvalidDeviceFunction, cudaErrorUnsupportedPtxVersion}) {
    const std::string problem = problem_with([code](auto& m) { m.kernel = code; });
    CHECK(says(problem, "no code for a host that emulates a GPU (sm_99)"));
    CHECK(says(problem, "-DCMAKE_CUDA_ARCHITECTURES=99"));
  }
  CHECK(says(problem_with([](auto& m) { m.kernel = cudaErrorMemoryAllocation; }), "the GPU cannot be used"));
}

TEST(recorded_frames_follow_camera_features_and_growth) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(53, 600, 1, 3);
  const inputs::Gaussians others = inputs::make_gaussians(54, 600, 1, 3);
  const auto camera = inputs::make_camera(52, 40);
  const rtgs2::cuda::Stream stream;
  DeviceScene scene(gaussians.arrays(), FeatureStorage::kFloat);
  Image image(camera.width, camera.height, 3);
  Rasterizer rasterizer(scene, camera.width, camera.height, targets_of(image), Blend::kPlain);
  const auto launch = [&](float red) {
    for (auto* values : {&image.rgb, &image.features, &image.alpha, &image.depth}) {
      std::fill(values->begin(), values->end(), -1.0F);  // what an earlier frame left
    }
    rasterizer.set_view(camera, {red, 0.2F, 0.3F}, stream.get());
    rasterizer.launch(stream.get());
    return image;
  };
  const Image expected = draw_with_kernels(gaussians, camera, FeatureStorage::kFloat, Blend::kPlain);
  for (int i = 0; i < 3; ++i) CHECK(same_picture(launch(0.1F), expected));
  CHECK(!same_picture(launch(0.9F), expected));
  scene.set_features(others.features.data(), 3);
  const Image changed = launch(0.1F);
  CHECK(changed.rgb == expected.rgb && changed.features != expected.features);
  CHECK(launch(0.1F).features == changed.features);
}

}  // namespace
