// What TensorRT asks a plugin while it builds an engine: types, shapes, formats, room.
#include <cstdint>
#include <deque>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "check.h"
#include "node.h"

namespace {

using nvinfer1::DataType;
using nvinfer1::TensorFormat;

bool says(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

void check_logged(const char* words) {
  const std::string errors = node::take_errors();
  if (!says(errors, words)) check::fail(__FILE__, __LINE__, "the log '", errors, "' lacks '", words, "'");
}

/// An extent: known, or -1.
class Extent final : public nvinfer1::IDimensionExpr {
 public:
  explicit Extent(std::int64_t value) : behind_(value) { mImpl = &behind_; }
  ~Extent() noexcept override = default;

 private:
  struct Behind final : nvinfer1::apiv::VDimensionExpr {
    explicit Behind(std::int64_t v) : value(v) {}
    bool isConstant() const override { return value >= 0; }
    std::int64_t getConstantValue() const override { return value; }
    bool isSizeTensor() const override { return false; }
    std::int64_t value;
  };
  Behind behind_;
};

class ExprBuilder final : public nvinfer1::IExprBuilder {
 public:
  ExprBuilder() { mImpl = &behind_; }
  ~ExprBuilder() noexcept override = default;

  const nvinfer1::IDimensionExpr* extent(std::int64_t value) { return behind_.constant(value); }

 private:
  struct Behind final : nvinfer1::apiv::VExprBuilder {
    const nvinfer1::IDimensionExpr* constant(std::int64_t value) override { return &extents.emplace_back(value); }
    const nvinfer1::IDimensionExpr* operation(nvinfer1::DimensionOperation, const nvinfer1::IDimensionExpr&,
                                              const nvinfer1::IDimensionExpr&) override {
      return nullptr;
    }
    const nvinfer1::IDimensionExpr* declareSizeTensor(std::int32_t, const nvinfer1::IDimensionExpr&,
                                                      const nvinfer1::IDimensionExpr&) override {
      return nullptr;
    }
    std::deque<Extent> extents;
  };
  Behind behind_;
};

/// getOutputShapes() for inputs of these extents; `shapes` is what it says.
int output_shapes(nvinfer1::IPluginV3& plugin, const std::vector<std::vector<std::int64_t>>& inputs,
                  std::vector<std::vector<std::int64_t>>& shapes) {
  ExprBuilder builder;
  std::vector<nvinfer1::DimsExprs> given(inputs.size()), found(node::kOutputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    given[i].nbDims = static_cast<std::int32_t>(inputs[i].size());
    for (std::size_t k = 0; k < inputs[i].size(); ++k) given[i].d[k] = builder.extent(inputs[i][k]);
  }
  const int result = node::build(plugin).getOutputShapes(given.data(), static_cast<std::int32_t>(given.size()), nullptr,
                                                         0, found.data(), node::kOutputs, builder);
  shapes.clear();
  if (result != 0) return result;
  for (const auto& dims : found) {
    shapes.emplace_back();
    for (std::int32_t k = 0; k < dims.nbDims; ++k) shapes.back().push_back(dims.d[k]->getConstantValue());
  }
  return result;
}

const std::vector<std::vector<std::int64_t>> kOpen{{-1, 3}, {-1, 3}, {-1, 4}, {-1}, {-1, -1, 3}, {-1, 32}, {19}};

TEST(outputs_have_the_shapes_of_the_fields) {
  const node::Plugin plugin = node::create(node::fields_of(640, 480, 32));
  CHECK_EQUAL(node::build(*plugin).getNbOutputs(), node::kOutputs);
  std::vector<std::vector<std::int64_t>> shapes;
  CHECK_EQUAL(output_shapes(*plugin, kOpen, shapes), 0);
  const std::vector<std::vector<std::int64_t>> expected{
      {1, 3, 480, 640}, {1, 32, 480, 640}, {1, 480, 640}, {1, 480, 640}, {2}};
  CHECK(shapes == expected);
  auto known = kOpen;
  for (std::size_t i = 0; i < 6; ++i) known[i][0] = 1000;
  known[4][1] = 16;
  CHECK_EQUAL(output_shapes(*plugin, known, shapes), 0);
  CHECK(shapes == expected);
  CHECK(node::take_errors().empty());
}

TEST(inputs_of_other_shapes_are_refused) {
  const node::Plugin plugin = node::create(node::fields_of(640, 480, 30));
  const auto check_refused = [&plugin](std::size_t input, const std::vector<std::int64_t>& shape, const char* words) {
    auto inputs = kOpen;
    inputs[input] = shape;
    std::vector<std::vector<std::int64_t>> shapes;
    node::take_errors();
    CHECK(output_shapes(*plugin, inputs, shapes) != 0);
    check_logged(words);
  };
  check_refused(0, {-1, 4}, "input means has the shape (-1, 4), expected (-1, 3)");
  check_refused(0, {-1, -1, 3}, "input means has the shape (-1, -1, 3)");
  check_refused(2, {-1, 3}, "input rotations has the shape (-1, 3), expected (-1, 4)");
  check_refused(3, {-1, 1}, "input opacities has the shape (-1, 1), expected (-1)");
  check_refused(4, {-1, 48}, "input sh has the shape (-1, 48), expected (-1, -1, 3)");
  check_refused(4, {-1, 5, 3}, "1, 4, 9 or 16 spherical-harmonics");
  check_refused(5, {-1, 30},
                "input features has the shape (-1, 30), expected (-1, 32): rows of 30 channels are padded");
  check_refused(6, {16}, "input camera has the shape (16), expected (19)");
  check_refused(6, {}, "input camera has the shape (), expected (19)");
  std::vector<std::vector<std::int64_t>> shapes;
  CHECK(output_shapes(*plugin, {{-1, 3}}, shapes) != 0);
  check_logged("the node has 1 inputs and 5 outputs, expected means, scales");
}

TEST(images_have_the_type_of_the_features) {
  const node::Plugin plugin = node::create(node::fields_of(640, 480, 32));
  for (const DataType features : {DataType::kHALF, DataType::kFLOAT}) {
    std::vector<DataType> inputs(node::kInputs, DataType::kFLOAT), outputs(node::kOutputs);
    inputs[5] = features;
    CHECK_EQUAL(node::build(*plugin).getOutputDataTypes(outputs.data(), 5, inputs.data(), 7), 0);
    CHECK((outputs == std::vector{features, features, DataType::kFLOAT, DataType::kFLOAT, DataType::kINT64}));
  }
  node::take_errors();
  std::vector<DataType> inputs(node::kInputs, DataType::kFLOAT), outputs(node::kOutputs);
  inputs[0] = DataType::kHALF;
  CHECK(node::build(*plugin).getOutputDataTypes(outputs.data(), 5, inputs.data(), 7) != 0);
  check_logged("input means has type 1, expected FP32: add a Cast");
  inputs[0] = DataType::kFLOAT, inputs[5] = DataType::kINT64;
  CHECK(node::build(*plugin).getOutputDataTypes(outputs.data(), 5, inputs.data(), 7) != 0);
  check_logged("input features has type 8, expected FP32 or FP16");
  CHECK(node::build(*plugin).getOutputDataTypes(outputs.data(), 4, inputs.data(), 7) != 0);
  check_logged("7 inputs and 4 outputs");
}

/// Type and format combinations that the plugin takes, found as TensorRT does: a tensor after the other.
std::vector<std::vector<std::pair<DataType, TensorFormat>>> combinations(nvinfer1::IPluginV3& plugin) {
  node::DynamicDescs tensors = node::dynamic(node::descs(100, 4, 64, 48, 5));
  std::vector<std::vector<std::pair<DataType, TensorFormat>>> found;
  std::vector<std::pair<DataType, TensorFormat>> chosen;
  const auto search = [&](const auto& next, std::int32_t position) -> void {
    if (position == node::kInputs + node::kOutputs) {
      found.push_back(chosen);
      return;
    }
    for (std::int32_t type = 0; type < nvinfer1::EnumMax<DataType>(); ++type) {
      for (std::int32_t format = 0; format < nvinfer1::EnumMax<TensorFormat>(); ++format) {
        auto& desc = tensors[static_cast<std::size_t>(position)].desc;
        desc.type = static_cast<DataType>(type);
        desc.format = static_cast<TensorFormat>(format);
        if (!node::build(plugin).supportsFormatCombination(position, tensors.data(), 7, 5)) continue;
        chosen.emplace_back(desc.type, desc.format);
        next(next, position + 1);
        chosen.pop_back();
      }
    }
  };
  search(search, 0);
  return found;
}

TEST(formats_are_those_that_the_rasteriser_writes) {
  const node::Plugin plugin = node::create(node::fields_of(64, 48, 5));
  const auto found = combinations(*plugin);
  CHECK_EQUAL(found.size(), 6U);  // features of two types, images in three ways
  CHECK(static_cast<std::int32_t>(found.size()) <= node::build(*plugin).getFormatCombinationLimit());
  using Kind = std::pair<DataType, TensorFormat>;
  const Kind single{DataType::kFLOAT, TensorFormat::kLINEAR}, half{DataType::kHALF, TensorFormat::kLINEAR},
      half8{DataType::kHALF, TensorFormat::kHWC8}, count{DataType::kINT64, TensorFormat::kLINEAR};
  std::size_t i = 0;
  for (const Kind& features : {single, half}) {
    for (const Kind& image : {single, half, half8}) {
      const std::vector<Kind> expected{single, single, single, single, single, features,
                                       single, image,  image,  single, single, count};
      CHECK(i < found.size() && found[i] == expected);
      ++i;
    }
  }
  const node::DynamicDescs tensors = node::dynamic(node::descs(100, 4, 64, 48, 5));
  CHECK(!node::build(*plugin).supportsFormatCombination(0, tensors.data(), 6, 5));
  CHECK(!node::build(*plugin).supportsFormatCombination(12, tensors.data(), 7, 5));
  CHECK(!node::build(*plugin).supportsFormatCombination(-1, tensors.data(), 7, 5));
}

std::int32_t stored_number(nvinfer1::IPluginV3& plugin, const char* name) {
  for (const node::Field& field : node::stored(plugin)) {
    if (field.name == name) return field.values.at(0);
  }
  return -1;
}

TEST(room_follows_from_the_profile) {
  const auto configured = [](int visible, int pairs, std::int64_t most) {
    node::Plugin plugin = node::create(node::fields_of(640, 480, 32, visible, pairs));
    CHECK_EQUAL(node::configure(*plugin, node::descs(most, 16, 640, 480, 32)), 0);
    return plugin;
  };
  for (const auto& [most, visible, pairs] : {std::tuple{std::int64_t{0}, 1, 1 << 20},
                                             {std::int64_t{10'000}, 10'000, 1 << 20},
                                             {std::int64_t{4'000'000}, 4'000'000, 16'000'000},
                                             {std::int64_t{1} << 30, 1 << 30, 1 << 30}}) {
    node::take_words();
    const node::Plugin plugin = configured(0, 0, most);
    const std::string words = node::take_words();
    CHECK(says(words, "configurePlugin: up to") && says(words, "MiB"));
    CHECK_EQUAL(stored_number(*plugin, "max_gaussians"), most);
    CHECK_EQUAL(stored_number(*plugin, "max_visible"), visible);
    CHECK_EQUAL(stored_number(*plugin, "max_pairs"), pairs);
  }
  const node::Plugin told = configured(500, 70'000, 10'000);
  CHECK_EQUAL(stored_number(*told, "max_visible"), 500);
  CHECK_EQUAL(stored_number(*told, "max_pairs"), 70'000);
  const node::Plugin wide = node::create(node::fields_of(3840, 2160, 32));
  CHECK_EQUAL(node::configure(*wide, node::descs(10'000, 16, 3840, 2160, 32)), 0);
  CHECK_EQUAL(stored_number(*wide, "max_pairs"), 240 * 135 * 256);

  // Four million Gaussians in less than 0.9 GB, so that a board of 8 GB can run them.
  const node::Plugin large = configured(0, 0, 4'000'000);
  const std::size_t bytes = node::workspace(*large, node::descs(4'000'000, 16, 640, 480, 32));
  CHECK(bytes > std::size_t{500} << 20U && bytes < std::size_t{900} << 20U);
  CHECK(node::workspace(*large, node::descs(10'000, 16, 640, 480, 32)) < bytes / 10);

  // Of several profiles the largest counts, in any order.
  for (const bool larger_first : {false, true}) {
    const node::Plugin twice = configured(0, 0, larger_first ? 9000 : 100);
    CHECK_EQUAL(node::configure(*twice, node::descs(larger_first ? 100 : 9000, 16, 640, 480, 32)), 0);
    CHECK_EQUAL(stored_number(*twice, "max_gaussians"), 9000);
  }
}

TEST(profiles_that_cannot_be_are_refused) {
  const node::Plugin plugin = node::create(node::fields_of(640, 480, 32));
  node::take_errors();
  const node::Descs too_many = node::descs((std::int64_t{1} << 30) + 1, 16, 640, 480, 32);
  CHECK(node::configure(*plugin, too_many) != 0);
  check_logged("configurePlugin: the profile's largest means are (1073741825, 3), expected 0 to 2^30");
  CHECK(node::workspace(*plugin, too_many) >= std::size_t{1} << 60U);
  check_logged("getWorkspaceSize: the profile's largest means");
  CHECK(node::configure(*plugin, node::descs(100, 16, 640, 480, 64)) != 0);
  check_logged("input features has the shape (-1, 64)");
  CHECK(node::build(*plugin).configurePlugin(nullptr, 0, nullptr, 0) != 0);
  check_logged("0 inputs and 0 outputs");
  CHECK_EQUAL(stored_number(*plugin, "max_gaussians"), -1);
}

}  // namespace
