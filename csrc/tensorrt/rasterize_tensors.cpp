#include "tensorrt/rasterize_tensors.h"

#include <initializer_list>
#include <stdexcept>

#include "rasterize/camera_numbers.h"
#include "rasterize/feature_storage.h"
#include "splatting/spherical_harmonics.h"

namespace rtgs2::tensorrt {
namespace {

using nvinfer1::DataType;
using nvinfer1::Dims;
using nvinfer1::TensorFormat;

constexpr std::int64_t kAny = -1;
constexpr std::int32_t kFirstOutput = kInputs;  // of all tensors

Dims make_dims(std::initializer_list<std::int64_t> extents) {
  Dims dims{};
  for (const std::int64_t extent : extents) dims.d[dims.nbDims++] = extent;
  return dims;
}

Dims expected_dims(Input input, const RasterizeSettings& settings) {
  switch (input) {
    case kMeans:
    case kScales:
      return make_dims({kAny, 3});
    case kRotations:
      return make_dims({kAny, 4});
    case kOpacities:
      return make_dims({kAny});
    case kSh:
      return make_dims({kAny, kAny, 3});
    case kGaussianFeatures:
      return make_dims({kAny, rasterize::feature_tiles(settings.channels) * rasterize::kChannelTile});
    default:
      return make_dims({rasterize::kCameraNumbers});
  }
}

[[noreturn]] void refuse(const char* name, const Dims& found, const std::string& expected) {
  throw std::invalid_argument(std::string(name) + " has the shape " + shown(found) + ", expected " + expected);
}

bool is_image_type(DataType type) { return type == DataType::kHALF || type == DataType::kFLOAT; }

}  // namespace

const char* name_of(Input input) {
  static constexpr const char* kNames[kInputs] = {"input means", "input scales",   "input rotations", "input opacities",
                                                  "input sh",    "input features", "input camera"};
  return kNames[input];
}

const char* name_of(Output output) {
  static constexpr const char* kNames[kOutputs] = {"output rgb", "output features", "output alpha", "output depth",
                                                   "output needs"};
  return kNames[output];
}

std::string shown(const Dims& dims) {
  std::string text = "(";
  for (std::int32_t i = 0; i < dims.nbDims && i < Dims::MAX_DIMS; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(dims.d[i]);
  }
  return text + ")";
}

void check_counts(std::int32_t inputs, std::int32_t outputs) {
  if (inputs == kInputs && outputs == kOutputs) return;
  throw std::invalid_argument("the node has " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) +
                              " outputs, expected means, scales, rotations, opacities, sh, features, camera and rgb, "
                              "features, alpha, depth, needs");
}

void check_input(Input input, const Dims& dims, const RasterizeSettings& settings) {
  const Dims expected = expected_dims(input, settings);
  bool right = dims.nbDims == expected.nbDims;
  for (std::int32_t i = 0; right && i < dims.nbDims; ++i) {
    right = dims.d[i] < 0 || expected.d[i] == kAny || dims.d[i] == expected.d[i];
  }
  if (!right) {
    refuse(name_of(input), dims,
           shown(expected) + (input == kGaussianFeatures
                                  ? ": rows of " + std::to_string(settings.channels) + " channels are padded with zeros"
                                  : std::string(" (-1: any)")));
  }
  if (input == kSh && dims.d[1] >= 0 && !splatting::is_sh_count(static_cast<int>(dims.d[1]))) {
    refuse(name_of(input), dims, "1, 4, 9 or 16 spherical-harmonics coefficients");
  }
}

Dims output_dims(Output output, const RasterizeSettings& settings) {
  switch (output) {
    case kRgb:
      return make_dims({1, 3, settings.height, settings.width});
    case kFeatures:
      return make_dims({1, settings.channels, settings.height, settings.width});
    case kNeeds:
      return make_dims({2});
    default:
      return make_dims({1, settings.height, settings.width});
  }
}

bool is_supported(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* tensors) {
  const nvinfer1::PluginTensorDesc& tensor = tensors[position].desc;
  const bool linear = tensor.format == TensorFormat::kLINEAR;
  switch (position) {
    case kGaussianFeatures:
      return linear && is_image_type(tensor.type);
    case kFirstOutput + kRgb:
      return (linear && is_image_type(tensor.type)) ||
             (tensor.format == TensorFormat::kHWC8 && tensor.type == DataType::kHALF);
    case kFirstOutput + kFeatures: {
      const nvinfer1::PluginTensorDesc& rgb = tensors[kFirstOutput + kRgb].desc;
      return tensor.type == rgb.type && tensor.format == rgb.format;
    }
    case kFirstOutput + kNeeds:
      return linear && tensor.type == DataType::kINT64;
    default:
      return position >= 0 && position < kFirstOutput + kOutputs && linear && tensor.type == DataType::kFLOAT;
  }
}

std::int64_t checked_gaussians(const nvinfer1::PluginTensorDesc* inputs, const nvinfer1::PluginTensorDesc* outputs,
                               const RasterizeSettings& settings) {
  const std::int64_t gaussians = inputs[kMeans].dims.d[0];
  for (std::int32_t i = 0; i < kInputs; ++i) {
    const Dims& dims = inputs[i].dims;
    check_input(static_cast<Input>(i), dims, settings);
    for (std::int32_t k = 0; k < dims.nbDims; ++k) {
      if (dims.d[k] < 0) refuse(name_of(static_cast<Input>(i)), dims, "extents that are known");
    }
    if (i != kCamera && dims.d[0] != gaussians) {
      refuse(name_of(static_cast<Input>(i)), dims, std::to_string(gaussians) + " Gaussians, as means");
    }
  }
  for (std::int32_t i = 0; i < kOutputs; ++i) {
    const Dims expected = output_dims(static_cast<Output>(i), settings);
    if (shown(outputs[i].dims) != shown(expected)) {
      refuse(name_of(static_cast<Output>(i)), outputs[i].dims, shown(expected));
    }
  }
  return gaussians;
}

}  // namespace rtgs2::tensorrt
