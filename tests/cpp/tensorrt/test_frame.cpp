// Frames: what enqueue() draws, against the CPU's rasteriser.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "allocations.h"
#include "check.h"
#include "cuda/graph.h"
#include "cuda/memory.h"
#include "cuda/stream.h"
#include "node.h"
#include "rendering.h"

namespace {

using node::Tensors;
using nvinfer1::DataType;
using nvinfer1::TensorFormat;
using nvinfer1::TensorRTPhase;

constexpr int kWidth = 53, kHeight = 39;

void check_logged(const char* words) {
  const std::string errors = node::take_errors();
  if (errors.find(words) == std::string::npos) {
    check::fail(__FILE__, __LINE__, "the log '", errors, "' lacks '", words, "'");
  }
}

Image drawn_by_cpu(const inputs::Gaussians& gaussians, const node::View& view) {
  Image image(view.camera.width, view.camera.height, gaussians.feature_channels);
  rtgs2::rasterize_cpu(gaussians.arrays(), view.camera, node::kBackground, image.targets(), 1);
  return image;
}

/// A workspace that does not begin at a multiple of anything larger than 16, with a border behind it.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) : bytes_(bytes), memory_(kOffset + bytes + kBorder, "a workspace") {
    rtgs2::cuda::check(cudaMemset(memory_.at<void>(), 0xA5, memory_.bytes()), "filling the workspace");
    rtgs2::cuda::check(cudaStreamSynchronize(nullptr), "filling the workspace");
  }
  void* get() const { return memory_.at<void>(kOffset); }
  bool border_is_whole() const {
    std::vector<unsigned char> border(kBorder);
    rtgs2::cuda::check(cudaMemcpy(border.data(), memory_.at<void>(kOffset + bytes_), kBorder, cudaMemcpyDeviceToHost),
                       "reading");
    return std::all_of(border.begin(), border.end(), [](unsigned char value) { return value == 0xA5; });
  }

 private:
  static constexpr std::size_t kOffset = 16, kBorder = 4096;
  std::size_t bytes_;
  rtgs2::cuda::DeviceMemory memory_;
};

/// A plugin as a context of an engine for `most` Gaussians has it: configured, stored, created again, attached.
node::Plugin deployed(const std::vector<node::Field>& fields, const node::Descs& most) {
  const node::Plugin built = node::create(fields);
  CHECK_EQUAL(node::configure(*built, most), 0);
  const node::Plugin loaded = node::create(node::stored(*built), TensorRTPhase::kRUNTIME);
  CHECK(loaded != nullptr);
  return node::Plugin(node::runtime(*loaded).attachToContext(nullptr));
}

void check_pictures(const Image& found, const Image& expected, bool half_images) {
  CHECK(*std::max_element(expected.alpha.begin(), expected.alpha.end()) > 0.9F);
  // Alpha and depth differ by the order of products on tensor cores; colours up to 2 lose 2^-11 as half; features below
  // 1 and weights that sum up to 1 lose 2^-12 each on tensor cores, and as much again as half.
  check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
  check_close(found.depth, expected.depth, 2e-5F, 0.03F);
  check_close(found.rgb, expected.rgb, half_images ? 0x1p-10F : 5e-6F, 0.01F);
  check_close(found.features, expected.features, 0x1p-10F, 0.01F);
}

TEST(frames_are_those_of_the_cpu_in_all_types_and_formats) {
  const node::View view = node::view(kWidth, kHeight);
  const node::Images kinds[] = {{DataType::kHALF, TensorFormat::kLINEAR},
                                {DataType::kHALF, TensorFormat::kHWC8},
                                {DataType::kFLOAT, TensorFormat::kLINEAR}};
  for (const auto& [channels, sh_count] : {std::pair{5, 1}, {32, 16}}) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(90, 1500, sh_count, channels);
    const Image expected = drawn_by_cpu(gaussians, view);
    for (const DataType features : {DataType::kHALF, DataType::kFLOAT}) {
      for (const node::Images& kind : kinds) {
        Tensors tensors(gaussians, view, kind, features);
        const node::Plugin plugin = deployed(node::fields_of(kWidth, kHeight, channels, 0, 60'000), tensors.descs());
        const Workspace workspace(node::workspace(*plugin, tensors.descs()));
        CHECK_EQUAL(node::change_shape(*plugin, tensors.descs()), 0);
        const rtgs2::cuda::Stream stream;
        CHECK_EQUAL(tensors.enqueue(*plugin, workspace.get(), stream.get()), 0);
        stream.wait();
        check_pictures(tensors.images(), expected, kind.type == DataType::kHALF);
        CHECK(tensors.needs().visible > 500 && tensors.needs().visible <= 1500);
        CHECK(tensors.needs().pairs > tensors.needs().visible && tensors.needs().pairs < 60'000);
        CHECK(workspace.border_is_whole());
        CHECK(node::take_errors().empty());
      }
    }
  }
}

TEST(frames_allocate_nothing_and_can_be_recorded) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(91, 1500, 4, 8);
  const node::View view = node::view(kWidth, kHeight);
  const Image expected = drawn_by_cpu(gaussians, view);
  Tensors tensors(gaussians, view);
  const node::Plugin plugin = deployed(node::fields_of(kWidth, kHeight, 8, 0, 60'000), tensors.descs());
  const Workspace workspace(node::workspace(*plugin, tensors.descs()));
  CHECK_EQUAL(node::change_shape(*plugin, tensors.descs()), 0);
  const rtgs2::cuda::Stream stream;
  // Recording refuses to wait, and on a GPU to allocate. The first frame loads the kernels.
  CHECK_EQUAL(tensors.enqueue(*plugin, workspace.get(), stream.get()), 0);
  stream.wait();
  Tensors recorded(gaussians, view);
  const int before = device_allocations();
  const rtgs2::cuda::Graph graph(stream.get(), [&](cudaStream_t recording) {
    CHECK_EQUAL(recorded.enqueue(*plugin, workspace.get(), recording), 0);
  });
  CHECK_EQUAL(device_allocations(), before);
  CHECK(std::isnan(recorded.images().alpha[0]));  // nothing ran but on the stream
  for (int frame = 0; frame < 2; ++frame) {
    graph.launch(stream.get());
    stream.wait();
    check_pictures(recorded.images(), expected, true);
  }
  const auto needs = recorded.needs();

  // The graph follows the camera.
  node::View other = view;
  other.numbers[15] += 0.5F;  // half a metre back
  const std::vector<double> numbers(other.numbers.begin(), other.numbers.end());
  other.camera = rtgs2::splatting::make_camera(kWidth, kHeight, numbers[0], numbers[1], numbers[2], numbers[3],
                                               numbers.data() + 4);
  recorded.set_view(other);
  graph.launch(stream.get());
  stream.wait();
  check_pictures(recorded.images(), drawn_by_cpu(gaussians, other), true);
  CHECK(recorded.needs().pairs != needs.pairs);  // of this frame alone, not the most of all
  CHECK(node::take_errors().empty());
}

TEST(scenes_up_to_the_profile_s_largest_fit_its_workspace) {
  const node::View view = node::view(kWidth, kHeight);
  const node::Descs most = node::descs(2000, 4, kWidth, kHeight, 3);
  for (const int pair_capacity : {0, 60'000}) {
    const node::Plugin plugin = deployed(node::fields_of(kWidth, kHeight, 3, 0, pair_capacity), most);
    const Workspace workspace(node::workspace(*plugin, most));
    const rtgs2::cuda::Stream stream;
    for (const std::int64_t count : {2000, 700, 1}) {
      const inputs::Gaussians gaussians = inputs::make_gaussians(92, count, 4, 3);
      Tensors tensors(gaussians, view);
      CHECK_EQUAL(node::change_shape(*plugin, tensors.descs()), 0);
      CHECK_EQUAL(tensors.enqueue(*plugin, workspace.get(), stream.get()), 0);
      stream.wait();
      const Image found = tensors.images(), expected = drawn_by_cpu(gaussians, view);
      check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
      check_close(found.rgb, expected.rgb, 0x1p-10F, 0.01F);
      CHECK(workspace.border_is_whole());
    }
    inputs::Gaussians none;
    none.sh_count = 4;
    none.feature_channels = 3;
    Tensors empty(none, view);
    CHECK_EQUAL(node::change_shape(*plugin, empty.descs()), 0);
    CHECK_EQUAL(empty.enqueue(*plugin, workspace.get(), stream.get()), 0);
    stream.wait();
    CHECK(empty.images().alpha == std::vector<float>(kWidth * kHeight, 0.0F));
    CHECK_EQUAL(empty.needs().visible, 0U);

    Tensors larger(inputs::make_gaussians(92, 2001, 4, 3), view);
    node::take_errors();
    CHECK(node::change_shape(*plugin, larger.descs()) != 0);
    check_logged("onShapeChange: 2001 Gaussians, but the engine was built for up to 2000: build it with a larger");
    CHECK(larger.enqueue(*plugin, workspace.get(), stream.get()) != 0);
    check_logged("enqueue: 2001 Gaussians, but the engine was built for up to 2000");
    CHECK(std::isnan(larger.images().alpha[0]));
  }
}

TEST(what_does_not_fit_is_said_in_needs) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(93, 1500, 1, 3);
  const node::View view = node::view(kWidth, kHeight);
  const auto needs_with = [&](int visible_capacity, int pair_capacity) {
    Tensors tensors(gaussians, view);
    const node::Plugin plugin =
        deployed(node::fields_of(kWidth, kHeight, 3, visible_capacity, pair_capacity), tensors.descs());
    const Workspace workspace(node::workspace(*plugin, tensors.descs()));
    const rtgs2::cuda::Stream stream;
    CHECK_EQUAL(tensors.enqueue(*plugin, workspace.get(), stream.get()), 0);
    stream.wait();
    const Image found = tensors.images(), expected = drawn_by_cpu(gaussians, view);
    const bool whole = tensors.needs().visible <= static_cast<std::uint64_t>(visible_capacity) &&
                       tensors.needs().pairs <= static_cast<std::uint64_t>(pair_capacity);
    if (whole) {
      check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
    } else {
      CHECK(found.alpha != expected.alpha);
      CHECK(std::none_of(found.rgb.begin(), found.rgb.end(), [](float value) { return std::isnan(value); }));
    }
    CHECK(workspace.border_is_whole());
    CHECK(node::take_errors().empty());
    return tensors.needs();
  };
  const auto full = needs_with(1500, 60'000);
  const auto visible = static_cast<int>(full.visible), pairs = static_cast<int>(full.pairs);
  const auto exact = needs_with(visible, pairs);
  CHECK(exact.visible == full.visible && exact.pairs == full.pairs);
  const auto few_pairs = needs_with(visible, pairs - 1);
  CHECK(few_pairs.visible == full.visible && few_pairs.pairs == full.pairs);
  const auto few_visible = needs_with(visible / 2, pairs);
  CHECK(few_visible.visible == full.visible && few_visible.pairs < full.pairs);
  CHECK(needs_with(1, 1).visible == full.visible);
}

TEST(any_numbers_are_survived) {
  // While it measures, TensorRT gives whatever its memory holds.
  const node::View view = node::view(kWidth, kHeight);
  for (std::uint32_t seed = 0; seed < 3; ++seed) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(seed, 700, 4, 3, 5);
    for (const bool hostile_camera : {false, true}) {
      node::View used = view;
      inputs::Random random(seed);
      if (hostile_camera) {
        for (float& value : used.numbers) value = random.hostile(value, 2);
      }
      Tensors tensors(gaussians, used);
      const node::Plugin plugin = deployed(node::fields_of(kWidth, kHeight, 3, 0, 20'000), tensors.descs());
      const Workspace workspace(node::workspace(*plugin, tensors.descs()));
      const rtgs2::cuda::Stream stream;
      CHECK_EQUAL(tensors.enqueue(*plugin, workspace.get(), stream.get()), 0);
      stream.wait();
      CHECK(tensors.needs().visible <= 700);
      CHECK(workspace.border_is_whole());
    }
  }
}

TEST(what_does_not_go_together_is_refused) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(94, 300, 4, 3);
  const node::View view = node::view(kWidth, kHeight);
  Tensors tensors(gaussians, view);
  const auto fields = node::fields_of(kWidth, kHeight, 3, 0, 20'000);
  const node::Plugin plugin = deployed(fields, tensors.descs());
  const rtgs2::cuda::Stream stream;
  node::take_errors();
  CHECK(tensors.enqueue(*plugin, nullptr, stream.get()) != 0);
  check_logged("enqueue: there is no workspace");

  const auto check_shape = [&](std::size_t tensor, const std::vector<std::int64_t>& extents, const char* words) {
    node::Descs descs = tensors.descs();
    descs[tensor].dims = node::dims(extents);
    CHECK(node::change_shape(*plugin, descs) != 0);
    check_logged(words);
  };
  check_shape(1, {299, 3}, "input scales has the shape (299, 3), expected 300 Gaussians, as means");
  check_shape(4, {300, 2, 3}, "1, 4, 9 or 16 spherical-harmonics");
  check_shape(5, {-1, 8}, "input features has the shape (-1, 8), expected extents that are known");
  check_shape(7, {1, 3, kHeight + 1, kWidth}, "output rgb has the shape (1, 3, 40, 53), expected (1, 3, 39, 53)");
  check_shape(8, {1, 4, kHeight, kWidth}, "output features has the shape (1, 4, 39, 53)");
  check_shape(11, {3}, "output needs has the shape (3), expected (2)");
  CHECK(node::runtime(*plugin).onShapeChange(nullptr, 0, nullptr, 0) != 0);
  check_logged("onShapeChange: the node has 0 inputs");

  // A GPU on which sorting takes more than the engine's workspace has.
  node::Plugin built = node::create(fields);
  CHECK_EQUAL(node::configure(*built, tensors.descs()), 0);
  std::vector<node::Field> stored = node::stored(*built);
  for (node::Field& field : stored) {
    if (field.name == "sort_scratch_kib") field.values = {0};
  }
  const node::Plugin foreign = node::create(stored, TensorRTPhase::kRUNTIME);
  CHECK(node::change_shape(*foreign, tensors.descs()) != 0);
  check_logged("but the engine was built for 0: build it on this device");

  const node::Plugin raw = node::create(fields);
  CHECK(node::change_shape(*raw, tensors.descs()) != 0);
  check_logged("onShapeChange: the plugin was not configured");
}

}  // namespace
