#include "tensorrt/rasterize_plugin.h"

#include <algorithm>
#include <stdexcept>

#include "cuda/error.h"
#include "rasterize/frame_cuda.h"
#include "tensorrt/logger.h"
#include "tensorrt/rasterize_tensors.h"

namespace rtgs2::tensorrt {
namespace {

using nvinfer1::DataType;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginTensorDesc;

constexpr std::int32_t kDone = 0, kFailed = 1;
constexpr std::size_t kMoreThanAnyDevice = std::size_t{1} << 62;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + rasterize::kBufferAlignment - 1) / rasterize::kBufferAlignment * rasterize::kBufferAlignment;
}
/// Where the view lies, before the frame's buffers.
constexpr std::size_t kViewBytes = aligned(sizeof(rasterize::FrameView));

std::int64_t most_gaussians(const DynamicPluginTensorDesc* inputs) {
  const std::int64_t gaussians = inputs[kMeans].max.nbDims == 0 ? -1 : inputs[kMeans].max.d[0];
  if (gaussians < 0 || gaussians > rasterize::kMaxDeviceGaussians) {
    throw std::invalid_argument("the profile's largest means are " + shown(inputs[kMeans].max) +
                                ", expected 0 to 2^30 Gaussians");
  }
  return gaussians;
}

rasterize::FrameTargets targets_of(const PluginTensorDesc* descs, void* const* outputs) {
  const PluginTensorDesc &rgb = descs[kRgb], &features = descs[kFeatures];
  if (rgb.type != features.type || rgb.format != features.format) {
    throw std::invalid_argument("outputs rgb and features differ in type or format");
  }
  rasterize::FrameTargets targets;
  targets.rgb = outputs[kRgb];
  targets.features = outputs[kFeatures];
  targets.alpha = static_cast<float*>(outputs[kAlpha]);
  targets.depth = static_cast<float*>(outputs[kDepth]);
  targets.layout = rgb.format == nvinfer1::TensorFormat::kHWC8 ? rasterize::ImageLayout::kChannelsLast8
                                                               : rasterize::ImageLayout::kPlanar;
  targets.type = rgb.type == DataType::kHALF ? rasterize::ImageType::kHalf : rasterize::ImageType::kFloat;
  return targets;
}

rasterize::FrameScene scene_of(const PluginTensorDesc* descs, const void* const* inputs, std::int32_t channels) {
  const auto floats = [inputs](Input input) { return static_cast<const float*>(inputs[input]); };
  GaussianArrays gaussians;
  gaussians.count = descs[kMeans].dims.d[0];
  gaussians.means = floats(kMeans);
  gaussians.scales = floats(kScales);
  gaussians.rotations = floats(kRotations);
  gaussians.opacities = floats(kOpacities);
  gaussians.sh = floats(kSh);
  gaussians.sh_count = static_cast<int>(descs[kSh].dims.d[1]);
  gaussians.feature_channels = channels;
  return {gaussians, inputs[kGaussianFeatures],
          descs[kGaussianFeatures].type == DataType::kHALF ? rasterize::FeatureStorage::kHalf
                                                           : rasterize::FeatureStorage::kFloat};
}

}  // namespace

nvinfer1::IPluginCapability* RasterizePlugin::getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept {
  switch (type) {
    case nvinfer1::PluginCapabilityType::kCORE:
      return static_cast<nvinfer1::IPluginV3OneCore*>(this);
    case nvinfer1::PluginCapabilityType::kBUILD:
      return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
    case nvinfer1::PluginCapabilityType::kRUNTIME:
      return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
  }
  return nullptr;
}

nvinfer1::IPluginV3* RasterizePlugin::clone() noexcept {
  return guarded("clone", static_cast<nvinfer1::IPluginV3*>(nullptr),
                 [this]() -> nvinfer1::IPluginV3* { return new RasterizePlugin(fields_); });
}

nvinfer1::IPluginV3* RasterizePlugin::attachToContext(nvinfer1::IPluginResourceContext*) noexcept { return clone(); }

std::int32_t RasterizePlugin::getNbOutputs() const noexcept { return kOutputs; }

std::int32_t RasterizePlugin::getOutputDataTypes(DataType* outputs, std::int32_t output_count, const DataType* inputs,
                                                 std::int32_t input_count) const noexcept {
  return guarded("getOutputDataTypes", kFailed, [&] {
    check_counts(input_count, output_count);
    for (std::int32_t i = 0; i < kInputs; ++i) {
      const bool half = i == kGaussianFeatures && inputs[i] == DataType::kHALF;
      if (inputs[i] == DataType::kFLOAT || half) continue;
      throw std::invalid_argument(std::string(name_of(static_cast<Input>(i))) + " has type " +
                                  std::to_string(static_cast<int>(inputs[i])) + ", expected FP32" +
                                  (i == kGaussianFeatures ? " or FP16" : "") + ": add a Cast before the node");
    }
    outputs[kRgb] = outputs[kFeatures] = inputs[kGaussianFeatures];
    outputs[kAlpha] = outputs[kDepth] = DataType::kFLOAT;
    outputs[kNeeds] = DataType::kINT64;
    return kDone;
  });
}

std::int32_t RasterizePlugin::getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t input_count,
                                              const nvinfer1::DimsExprs*, std::int32_t, nvinfer1::DimsExprs* outputs,
                                              std::int32_t output_count, nvinfer1::IExprBuilder& builder) noexcept {
  return guarded("getOutputShapes", kFailed, [&] {
    check_counts(input_count, output_count);
    for (std::int32_t i = 0; i < kInputs; ++i) {
      nvinfer1::Dims dims{};
      dims.nbDims = inputs[i].nbDims;
      for (std::int32_t k = 0; k < dims.nbDims; ++k) {
        const nvinfer1::IDimensionExpr* const extent = inputs[i].d[k];
        dims.d[k] = extent != nullptr && extent->isConstant() ? extent->getConstantValue() : -1;
      }
      check_input(static_cast<Input>(i), dims, fields_.settings);
    }
    for (std::int32_t i = 0; i < kOutputs; ++i) {
      const nvinfer1::Dims dims = output_dims(static_cast<Output>(i), fields_.settings);
      outputs[i].nbDims = dims.nbDims;
      for (std::int32_t k = 0; k < dims.nbDims; ++k) {
        outputs[i].d[k] = builder.constant(dims.d[k]);
        if (outputs[i].d[k] == nullptr) throw std::runtime_error("TensorRT gave no expression for a constant");
      }
    }
    return kDone;
  });
}

bool RasterizePlugin::supportsFormatCombination(std::int32_t position, const DynamicPluginTensorDesc* tensors,
                                                std::int32_t input_count, std::int32_t output_count) noexcept {
  return input_count == kInputs && output_count == kOutputs && is_supported(position, tensors);
}

RasterizePlugin::Prepared RasterizePlugin::prepared_for(std::int64_t gaussians) const {
  Prepared result;
  result.gaussians = gaussians;
  result.capacities = capacities_for(fields_.settings, gaussians);
  if (fields_.limits && gaussians <= fields_.limits->gaussians) {  // the engine's workspace is made for these
    const rasterize::FrameCapacities& most = fields_.limits->capacities;
    result.capacities = {std::min(result.capacities.visible, most.visible),
                         std::min(result.capacities.pairs, most.pairs)};
  }
  result.sort_scratch_kib = static_cast<std::int32_t>(rasterize::sort_scratch_bytes(result.capacities) / 1024 + 1);
  return result;
}

std::size_t RasterizePlugin::workspace_bytes(const Prepared& prepared) const {
  const std::size_t scratch = static_cast<std::size_t>(prepared.sort_scratch_kib) * 1024;
  // TensorRT does not promise how the workspace is aligned.
  return rasterize::kBufferAlignment + kViewBytes +
         rasterize::workspace_bytes({prepared.capacities, prepared.gaussians, tiles_of(fields_.settings), scratch});
}

std::int32_t RasterizePlugin::configurePlugin(const DynamicPluginTensorDesc* inputs, std::int32_t input_count,
                                              const DynamicPluginTensorDesc* outputs,
                                              std::int32_t output_count) noexcept {
  return guarded("configurePlugin", kFailed, [&] {
    check_counts(input_count, output_count);
    for (std::int32_t i = 0; i < kInputs; ++i) {
      check_input(static_cast<Input>(i), inputs[i].desc.dims, fields_.settings);
    }
    static_cast<void>(outputs);  // getOutputShapes() said their extents, supportsFormatCombination() their types
    const std::int64_t gaussians = most_gaussians(inputs);
    if (fields_.limits && gaussians <= fields_.limits->gaussians) return kDone;
    fields_.limits.reset();
    const Prepared most = prepared_for(gaussians);
    fields_.limits = {static_cast<std::int32_t>(gaussians), most.capacities, most.sort_scratch_kib};
    const std::string text = "up to " + std::to_string(gaussians) + " Gaussians at " + described_ + ": room for " +
                             std::to_string(most.capacities.visible) + " visible ones and " +
                             std::to_string(most.capacities.pairs) + " pairs, workspace " +
                             std::to_string(workspace_bytes(most) >> 20U) + " MiB";
    log(ILogger::Severity::kINFO, "configurePlugin", text.c_str());
    return kDone;
  });
}

std::size_t RasterizePlugin::getWorkspaceSize(const DynamicPluginTensorDesc* inputs, std::int32_t input_count,
                                              const DynamicPluginTensorDesc*,
                                              std::int32_t output_count) const noexcept {
  return guarded("getWorkspaceSize", kMoreThanAnyDevice, [&] {
    check_counts(input_count, output_count);
    return workspace_bytes(prepared_for(most_gaussians(inputs)));
  });
}

void RasterizePlugin::prepare(std::int64_t gaussians) {
  if (gaussians == prepared_.gaussians) return;
  if (!fields_.limits) throw std::logic_error("the plugin was not configured");
  const RasterizeLimits& limits = *fields_.limits;
  if (gaussians > limits.gaussians) {
    throw std::invalid_argument(std::to_string(gaussians) + " Gaussians, but the engine was built for up to " +
                                std::to_string(limits.gaussians) + ": build it with a larger profile");
  }
  const Prepared prepared = prepared_for(gaussians);
  if (prepared.sort_scratch_kib > limits.sort_scratch_kib) {
    throw std::runtime_error("sorting needs " + std::to_string(prepared.sort_scratch_kib) +
                             " KiB on this GPU, but the engine was built for " +
                             std::to_string(limits.sort_scratch_kib) + ": build it on this device");
  }
  prepared_ = prepared;
}

std::int32_t RasterizePlugin::onShapeChange(const PluginTensorDesc* inputs, std::int32_t input_count,
                                            const PluginTensorDesc* outputs, std::int32_t output_count) noexcept {
  return guarded("onShapeChange", kFailed, [&] {
    check_counts(input_count, output_count);
    prepare(checked_gaussians(inputs, outputs, fields_.settings));
    return kDone;
  });
}

std::int32_t RasterizePlugin::enqueue(const PluginTensorDesc* input_descs, const PluginTensorDesc* output_descs,
                                      const void* const* inputs, void* const* outputs, void* workspace,
                                      cudaStream_t stream) noexcept {
  return guarded("enqueue", kFailed, [&] {
    if (workspace == nullptr) throw std::invalid_argument("there is no workspace");
    const RasterizeSettings& settings = fields_.settings;
    const rasterize::FrameScene scene = scene_of(input_descs, inputs, settings.channels);
    const rasterize::FrameTargets targets = targets_of(output_descs, outputs);
    prepare(scene.gaussians.count);
    auto* const begin = reinterpret_cast<std::byte*>(aligned(reinterpret_cast<std::uintptr_t>(workspace)));
    auto* const view = reinterpret_cast<rasterize::FrameView*>(begin);
    const rasterize::FrameBuffers buffers =
        rasterize::place_buffers({prepared_.capacities, prepared_.gaussians, tiles_of(settings),
                                  static_cast<std::size_t>(prepared_.sort_scratch_kib) * 1024},
                                 begin + kViewBytes);

    rasterize::read_view(static_cast<const float*>(inputs[kCamera]), settings.width, settings.height, view, stream);
    static_assert(sizeof(rasterize::FrameNeeds) == 2 * sizeof(std::int64_t));
    auto* const needs = static_cast<rasterize::FrameNeeds*>(outputs[kNeeds]);
    cuda::check(cudaMemsetAsync(needs, 0, sizeof(rasterize::FrameNeeds), stream), "clearing counters");
    rasterize::draw_frame(scene, view, buffers, targets, scene.storage == rasterize::FeatureStorage::kHalf, needs,
                          stream);
    return kDone;
  });
}

const nvinfer1::PluginFieldCollection* RasterizePlugin::getFieldsToSerialize() noexcept {
  return guarded("getFieldsToSerialize", static_cast<const nvinfer1::PluginFieldCollection*>(nullptr),
                 [this]() -> const nvinfer1::PluginFieldCollection* {
                   stored_fields_ = stored_fields(fields_);
                   stored_collection_ = {static_cast<std::int32_t>(stored_fields_.size()), stored_fields_.data()};
                   return &stored_collection_;
                 });
}

nvinfer1::IPluginV3* RasterizeCreator::createPlugin(const char*, const nvinfer1::PluginFieldCollection* fields,
                                                    nvinfer1::TensorRTPhase phase) noexcept {
  return guarded("createPlugin", static_cast<nvinfer1::IPluginV3*>(nullptr),
                 [&]() -> nvinfer1::IPluginV3* { return new RasterizePlugin(read_fields(fields, phase)); });
}

const nvinfer1::PluginFieldCollection* RasterizeCreator::getFieldNames() noexcept {
  return guarded("getFieldNames", static_cast<const nvinfer1::PluginFieldCollection*>(nullptr),
                 [] { return &node_fields(); });
}

}  // namespace rtgs2::tensorrt
