// The tensors of a node RtgsRasterizeGaussians, in order. The layout of `camera` is rasterize/camera_numbers.h.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <string>

#include "tensorrt/rasterize_settings.h"

namespace rtgs2::tensorrt {

/// Inputs, N Gaussians with K spherical-harmonics coefficients (1, 4, 9 or 16), D = feature_tiles(channels) * 8:
/// means (N, 3), scales (N, 3), rotations (N, 4) w x y z, opacities (N), sh (N, K, 3) FP32; features (N, D) FP16,
/// finite and zero from `channels` on, or FP32; camera (kCameraNumbers) FP32.
enum Input : std::int32_t { kMeans, kScales, kRotations, kOpacities, kSh, kGaussianFeatures, kCamera, kInputs };

/// Outputs: rgb (1, 3, H, W), features (1, channels, H, W), both FP16 or both FP32; alpha (1, H, W), depth (1, H, W)
/// FP32; needs (2) INT64: visible Gaussians and pairs that the view needed.
enum Output : std::int32_t { kRgb, kFeatures, kAlpha, kDepth, kNeeds, kOutputs };

const char* name_of(Input input);
const char* name_of(Output output);

/// Throws std::invalid_argument if there are not as many tensors as a node has.
void check_counts(std::int32_t inputs, std::int32_t outputs);

/// Throws std::invalid_argument unless `dims` may be those of `input`. An extent below 0 is not known yet.
void check_input(Input input, const nvinfer1::Dims& dims, const RasterizeSettings& settings);

/// Extents of an output.
nvinfer1::Dims output_dims(Output output, const RasterizeSettings& settings);

/// Whether tensor `position` of inputs and then outputs may have this type and format, given those before it.
bool is_supported(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* tensors);

/// The number of Gaussians. Throws std::invalid_argument unless all extents of inputs and outputs are known and right.
std::int64_t checked_gaussians(const nvinfer1::PluginTensorDesc* inputs, const nvinfer1::PluginTensorDesc* outputs,
                               const RasterizeSettings& settings);

/// As "(4, -1)".
std::string shown(const nvinfer1::Dims& dims);

}  // namespace rtgs2::tensorrt
