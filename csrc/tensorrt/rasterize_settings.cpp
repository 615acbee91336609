#include "tensorrt/rasterize_settings.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "rasterize/feature_storage.h"
#include "rasterize/rasterize.h"
#include "splatting/tiles.h"

namespace rtgs2::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

/// A number of the fields: its name, whether it may be left out, its range, and where it goes.
struct Number {
  const char* name;
  bool required;
  std::int64_t least, most;
  std::int32_t* value;
};

constexpr std::size_t kSettings = 5;
constexpr std::int64_t kMostCapacity = kMaxTilePairs;

std::vector<Number> numbers_of(RasterizeSettings& settings) {
  return {{"width", true, 1, kMaxImageSide, &settings.width},
          {"height", true, 1, kMaxImageSide, &settings.height},
          {"channels", true, 1, rasterize::kMaxDeviceChannels, &settings.channels},
          {"visible_capacity", false, 0, kMostCapacity, &settings.visible_capacity},
          {"pair_capacity", false, 0, kMostCapacity, &settings.pair_capacity}};
}

std::vector<Number> numbers_of(RasterizeLimits& limits) {
  constexpr std::int64_t kMostKib = (std::int64_t{1} << 31) - 1;
  // Capacities are at most 2^30, so that their bits are those of a number of 32 bits with sign.
  return {{"max_gaussians", true, 0, rasterize::kMaxDeviceGaussians, &limits.gaussians},
          {"max_visible", true, 1, kMostCapacity, reinterpret_cast<std::int32_t*>(&limits.capacities.visible)},
          {"max_pairs", true, 1, kMostCapacity, reinterpret_cast<std::int32_t*>(&limits.capacities.pairs)},
          {"sort_scratch_kib", true, 0, kMostKib, &limits.sort_scratch_kib}};
}

void read(const PluginField& field, const Number& number) {
  const std::string name = std::string("field '") + number.name + "'";
  if (field.type != PluginFieldType::kINT32 || field.length != 1 || field.data == nullptr) {
    throw std::invalid_argument(name + " has type " + std::to_string(static_cast<int>(field.type)) + " and length " +
                                std::to_string(field.length) + ", expected one INT32: write it as an INT attribute");
  }
  const std::int32_t value = *static_cast<const std::int32_t*>(field.data);
  if (value < number.least || value > number.most) {
    throw std::invalid_argument(name + " is " + std::to_string(value) + ", expected " + std::to_string(number.least) +
                                " to " + std::to_string(number.most));
  }
  *number.value = value;
}

std::string names_of(const std::vector<Number>& numbers) {
  std::string names;
  for (const Number& number : numbers) names += (names.empty() ? "" : ", ") + std::string(number.name);
  return names;
}

}  // namespace

std::uint32_t tiles_of(const RasterizeSettings& settings) {
  return static_cast<std::uint32_t>(splatting::tile_count(settings.width) * splatting::tile_count(settings.height));
}

rasterize::FrameCapacities capacities_for(const RasterizeSettings& settings, std::int64_t gaussians) {
  rasterize::FrameCapacities result = rasterize::fixed_capacities(gaussians, tiles_of(settings));
  const auto visible = static_cast<std::uint32_t>(settings.visible_capacity);
  if (visible != 0) result.visible = std::min(result.visible, visible);
  if (settings.pair_capacity != 0) result.pairs = static_cast<std::uint32_t>(settings.pair_capacity);
  return result;
}

RasterizeFields read_fields(const nvinfer1::PluginFieldCollection* fields, nvinfer1::TensorRTPhase phase) {
  if (fields == nullptr || (fields->nbFields > 0 && fields->fields == nullptr)) {
    throw std::invalid_argument("no fields were given: pass a PluginFieldCollection");
  }
  const bool stored = phase == nvinfer1::TensorRTPhase::kRUNTIME;
  RasterizeFields result;
  RasterizeLimits limits;
  std::vector<Number> numbers = numbers_of(result.settings);
  if (stored) {
    const std::vector<Number> more = numbers_of(limits);
    numbers.insert(numbers.end(), more.begin(), more.end());
  }
  std::vector<bool> given(numbers.size(), false);
  for (std::int32_t i = 0; i < fields->nbFields; ++i) {
    const PluginField& field = fields->fields[i];
    const std::string name = field.name == nullptr ? "" : field.name;
    const auto number =
        std::find_if(numbers.begin(), numbers.end(), [&name](const Number& n) { return name == n.name; });
    if (number == numbers.end()) {
      throw std::invalid_argument("field '" + name + "' is unknown, expected " + names_of(numbers));
    }
    const auto place = static_cast<std::size_t>(number - numbers.begin());
    if (given[place]) throw std::invalid_argument("field '" + name + "' is given twice");
    read(field, *number);
    given[place] = true;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (given[i] || !(numbers[i].required || stored)) continue;
    throw std::invalid_argument(std::string("field '") + numbers[i].name + "' is missing" +
                                (stored ? ": the engine was built by another version of this library, build it again"
                                        : ": give the node this attribute"));
  }
  if (stored) result.limits = limits;
  return result;
}

const nvinfer1::PluginFieldCollection& node_fields() {
  static RasterizeSettings any;
  static const auto fields = [] {
    std::array<PluginField, kSettings> array;
    const std::vector<Number> numbers = numbers_of(any);
    for (std::size_t i = 0; i < kSettings; ++i) array[i] = {numbers[i].name, nullptr, PluginFieldType::kINT32, 1};
    return array;
  }();
  static const nvinfer1::PluginFieldCollection collection{static_cast<std::int32_t>(kSettings), fields.data()};
  return collection;
}

std::vector<PluginField> stored_fields(RasterizeFields& fields) {
  std::vector<PluginField> result;
  const auto add = [&result](const std::vector<Number>& numbers) {
    for (const Number& number : numbers) result.emplace_back(number.name, number.value, PluginFieldType::kINT32, 1);
  };
  add(numbers_of(fields.settings));
  if (fields.limits) add(numbers_of(*fields.limits));
  return result;
}

std::string described(const RasterizeSettings& settings) {
  const auto capacity = [](std::int32_t value) { return value == 0 ? std::string("auto") : std::to_string(value); };
  return std::to_string(settings.width) + "x" + std::to_string(settings.height) + ", " +
         std::to_string(settings.channels) + " channels, visible " + capacity(settings.visible_capacity) + ", pairs " +
         capacity(settings.pair_capacity);
}

}  // namespace rtgs2::tensorrt
