// The plugin RtgsRasterizeGaussians: a view of Gaussians as one layer of a TensorRT engine.
#pragma once

#include <NvInferRuntime.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tensorrt/rasterize_settings.h"

namespace rtgs2::tensorrt {

inline constexpr const char* kPluginName = "RtgsRasterizeGaussians";
inline constexpr const char* kPluginVersion = "1";
inline constexpr const char* kPluginNamespace = "";

/// Draws what rasterize_cpu() draws, into the images of the engine. Tensors: rasterize_tensors.h. All memory is the
/// workspace that TensorRT gives; enqueue() neither allocates nor waits, and may be captured in a CUDA graph once it
/// has run before (kernels are loaded then). Methods return nonzero (or null) and log why if something is wrong.
class RasterizePlugin final : public nvinfer1::IPluginV3,
                              public nvinfer1::IPluginV3OneCore,
                              public nvinfer1::IPluginV3OneBuild,
                              public nvinfer1::IPluginV3OneRuntime {
 public:
  explicit RasterizePlugin(const RasterizeFields& fields) : fields_(fields), described_(described(fields.settings)) {}

  nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override;
  nvinfer1::IPluginV3* clone() noexcept override;

  const char* getPluginName() const noexcept override { return kPluginName; }
  const char* getPluginVersion() const noexcept override { return kPluginVersion; }
  const char* getPluginNamespace() const noexcept override { return kPluginNamespace; }

  std::int32_t getNbOutputs() const noexcept override;
  std::int32_t getOutputDataTypes(nvinfer1::DataType* outputs, std::int32_t output_count,
                                  const nvinfer1::DataType* inputs, std::int32_t input_count) const noexcept override;
  std::int32_t getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t input_count,
                               const nvinfer1::DimsExprs* shape_inputs, std::int32_t shape_input_count,
                               nvinfer1::DimsExprs* outputs, std::int32_t output_count,
                               nvinfer1::IExprBuilder& builder) noexcept override;
  bool supportsFormatCombination(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* tensors,
                                 std::int32_t input_count, std::int32_t output_count) noexcept override;
  /// Decides how much fits, from the profile's largest N. Of several profiles the largest counts.
  std::int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* inputs, std::int32_t input_count,
                               const nvinfer1::DynamicPluginTensorDesc* outputs,
                               std::int32_t output_count) noexcept override;
  /// More than any device has if it cannot be said.
  std::size_t getWorkspaceSize(const nvinfer1::DynamicPluginTensorDesc* inputs, std::int32_t input_count,
                               const nvinfer1::DynamicPluginTensorDesc* outputs,
                               std::int32_t output_count) const noexcept override;
  const char* getTimingCacheID() noexcept override { return described_.c_str(); }
  const char* getMetadataString() noexcept override { return described_.c_str(); }

  std::int32_t onShapeChange(const nvinfer1::PluginTensorDesc* inputs, std::int32_t input_count,
                             const nvinfer1::PluginTensorDesc* outputs, std::int32_t output_count) noexcept override;
  std::int32_t enqueue(const nvinfer1::PluginTensorDesc* input_descs, const nvinfer1::PluginTensorDesc* output_descs,
                       const void* const* inputs, void* const* outputs, void* workspace,
                       cudaStream_t stream) noexcept override;
  nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext* context) noexcept override;
  const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override;

 private:
  /// What a scene of this size takes. Never more than for a larger one, so that the workspace of a profile's largest
  /// does for all.
  struct Prepared {
    std::int64_t gaussians = -1;
    rasterize::FrameCapacities capacities{};
    std::int32_t sort_scratch_kib = 0;
  };
  Prepared prepared_for(std::int64_t gaussians) const;
  /// The same, refused where it is more than the engine was built for.
  void prepare(std::int64_t gaussians);
  std::size_t workspace_bytes(const Prepared& prepared) const;

  RasterizeFields fields_;
  std::string described_;
  Prepared prepared_;
  std::vector<nvinfer1::PluginField> stored_fields_;
  nvinfer1::PluginFieldCollection stored_collection_{};
};

class RasterizeCreator final : public nvinfer1::IPluginCreatorV3One {
 public:
  /// Null, and the reason to the logger, if the fields are not right.
  nvinfer1::IPluginV3* createPlugin(const char* name, const nvinfer1::PluginFieldCollection* fields,
                                    nvinfer1::TensorRTPhase phase) noexcept override;
  const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override;
  const char* getPluginName() const noexcept override { return kPluginName; }
  const char* getPluginVersion() const noexcept override { return kPluginVersion; }
  const char* getPluginNamespace() const noexcept override { return kPluginNamespace; }
};

}  // namespace rtgs2::tensorrt
