// What a node RtgsRasterizeGaussians is told by its fields, and what follows from that: how much fits.
#pragma once

#include <NvInferRuntime.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rasterize/frame_buffers.h"

namespace rtgs2::tensorrt {

/// The node's attributes: all INT32.
struct RasterizeSettings {
  std::int32_t width = 0, height = 0;  // pixels, 1 to kMaxImageSide
  std::int32_t channels = 0;           // of the features, 1 to kMaxDeviceChannels
  std::int32_t visible_capacity = 0;   // Gaussians that a view may show; 0: all
  std::int32_t pair_capacity = 0;      // of Gaussians and tiles; 0: see capacities_for()

  bool operator==(const RasterizeSettings&) const = default;
};

/// What configurePlugin() found out for the most Gaussians of the profile; stored in the engine.
struct RasterizeLimits {
  std::int32_t gaussians = 0;
  rasterize::FrameCapacities capacities{};
  std::int32_t sort_scratch_kib = 0;

  std::size_t sort_scratch_bytes() const { return static_cast<std::size_t>(sort_scratch_kib) * 1024; }
  bool operator==(const RasterizeLimits&) const = default;
};

struct RasterizeFields {
  RasterizeSettings settings;
  std::optional<RasterizeLimits> limits;
};

std::uint32_t tiles_of(const RasterizeSettings& settings);

/// How many visible Gaussians and pairs a view of a scene of `gaussians` may have: where a capacity is 0, what
/// rasterize::fixed_capacities() gives. More Gaussians never give less.
rasterize::FrameCapacities capacities_for(const RasterizeSettings& settings, std::int64_t gaussians);

/// The fields of a node (`phase` kBUILD) or of an engine (kRUNTIME), in any order. Throws std::invalid_argument for
/// fields that are missing, unknown, given twice, of another type or out of range.
RasterizeFields read_fields(const nvinfer1::PluginFieldCollection* fields, nvinfer1::TensorRTPhase phase);

/// What a creator asks for.
const nvinfer1::PluginFieldCollection& node_fields();

/// Fields that point into `fields`, with the limits if there are any: what an engine stores.
std::vector<nvinfer1::PluginField> stored_fields(RasterizeFields& fields);

/// The settings in words.
std::string described(const RasterizeSettings& settings);

}  // namespace rtgs2::tensorrt
