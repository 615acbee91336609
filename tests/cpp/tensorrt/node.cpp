#include "node.h"

#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "check.h"
#include "cuda/error.h"
#include "cuda_on_host/half.h"
#include "rasterize/feature_storage.h"

namespace node {
namespace {

using nvinfer1::DataType;
using nvinfer1::TensorFormat;

class Logger final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* text) noexcept override {
    (severity <= Severity::kERROR ? errors : words) += std::string(text) + "\n";
  }
  std::string errors, words;
};

class LoggerFinder final : public nvinfer1::ILoggerFinder {
 public:
  nvinfer1::ILogger* findLogger() override { return &logger; }
  Logger logger;
};

LoggerFinder finder;
nvinfer1::IPluginCreatorV3One* the_creator = nullptr;
void (*the_setter)(nvinfer1::ILoggerFinder*) = nullptr;

template <typename Function>
Function symbol(void* library, const char* name) {
  void* const found = dlsym(library, name);
  if (found == nullptr) {
    std::fprintf(stderr, "the library exports no %s\n", name);
    std::exit(2);
  }
  return reinterpret_cast<Function>(found);
}

std::size_t bytes_of(DataType type) { return type == DataType::kHALF ? 2 : (type == DataType::kINT64 ? 8 : 4); }

/// Values of a tensor, with the padding of its format.
std::size_t values_of(const nvinfer1::PluginTensorDesc& desc) {
  std::size_t values = 1;
  for (int i = 0; i < desc.dims.nbDims; ++i) {
    auto extent = static_cast<std::size_t>(desc.dims.d[i]);
    if (desc.format == TensorFormat::kHWC8 && i == 1) extent = (extent + 7) / 8 * 8;
    values *= extent;
  }
  return values;
}

/// Waits for what was put on the default stream: the streams of frames do not.
void settle() { rtgs2::cuda::check(cudaStreamSynchronize(nullptr), "waiting"); }

template <typename T>
void upload(const rtgs2::cuda::DeviceMemory& memory, const std::vector<T>& values) {
  if (values.empty()) return;
  rtgs2::cuda::check(cudaMemcpy(memory.at<void>(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice),
                     "uploading");
}

template <typename T>
std::vector<T> download(const rtgs2::cuda::DeviceMemory& memory) {
  std::vector<T> values(memory.bytes() / sizeof(T));
  rtgs2::cuda::check(cudaMemcpy(values.data(), memory.at<void>(), memory.bytes(), cudaMemcpyDeviceToHost),
                     "downloading");
  return values;
}

std::vector<std::uint16_t> halves(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  for (const float value : values) bits.push_back(on_host::half_bits(value));
  return bits;
}

}  // namespace

void load(const char* path) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  the_setter = symbol<void (*)(nvinfer1::ILoggerFinder*)>(library, "setLoggerFinder");
  reset_finder();
  using Interface = nvinfer1::IPluginCreatorInterface;
  std::int32_t count = 0;
  Interface* const* const creators = symbol<Interface* const* (*)(std::int32_t&)>(library, "getCreators")(count);
  if (count != 1 || std::strcmp(creators[0]->getInterfaceInfo().kind, "PLUGIN CREATOR_V3ONE") != 0) {
    std::fprintf(stderr, "the library has %d creators, expected one of IPluginCreatorV3One\n", count);
    std::exit(2);
  }
  the_creator = static_cast<nvinfer1::IPluginCreatorV3One*>(creators[0]);
}

nvinfer1::IPluginCreatorV3One& creator() { return *the_creator; }

std::string take_errors() { return std::exchange(finder.logger.errors, {}); }

std::string take_words() { return std::exchange(finder.logger.words, {}); }

void set_finder(nvinfer1::ILoggerFinder* other) { the_setter(other); }

void reset_finder() { the_setter(&finder); }

Plugin create(const std::vector<Field>& fields, nvinfer1::TensorRTPhase phase) {
  std::vector<nvinfer1::PluginField> array;
  for (const Field& field : fields) {
    array.emplace_back(field.name.c_str(), field.values.data(), field.type,
                       static_cast<std::int32_t>(field.values.size()));
  }
  const nvinfer1::PluginFieldCollection collection{static_cast<std::int32_t>(array.size()), array.data()};
  return Plugin(creator().createPlugin("rasterize", &collection, phase));
}

std::vector<Field> fields_of(int width, int height, int channels, int visible_capacity, int pair_capacity) {
  return {{"width", {width}},
          {"height", {height}},
          {"channels", {channels}},
          {"visible_capacity", {visible_capacity}},
          {"pair_capacity", {pair_capacity}}};
}

std::vector<Field> stored(nvinfer1::IPluginV3& plugin) {
  const nvinfer1::PluginFieldCollection* const collection = runtime(plugin).getFieldsToSerialize();
  std::vector<Field> fields;
  for (std::int32_t i = 0; collection != nullptr && i < collection->nbFields; ++i) {
    const nvinfer1::PluginField& field = collection->fields[i];
    const auto* values = static_cast<const std::int32_t*>(field.data);
    fields.push_back({field.name, {values, values + field.length}, field.type});
  }
  return fields;
}

nvinfer1::IPluginV3OneCore& core(nvinfer1::IPluginV3& plugin) {
  return *static_cast<nvinfer1::IPluginV3OneCore*>(
      plugin.getCapabilityInterface(nvinfer1::PluginCapabilityType::kCORE));
}
nvinfer1::IPluginV3OneBuild& build(nvinfer1::IPluginV3& plugin) {
  return *static_cast<nvinfer1::IPluginV3OneBuild*>(
      plugin.getCapabilityInterface(nvinfer1::PluginCapabilityType::kBUILD));
}
nvinfer1::IPluginV3OneRuntime& runtime(nvinfer1::IPluginV3& plugin) {
  return *static_cast<nvinfer1::IPluginV3OneRuntime*>(
      plugin.getCapabilityInterface(nvinfer1::PluginCapabilityType::kRUNTIME));
}

nvinfer1::Dims dims(const std::vector<std::int64_t>& extents) {
  nvinfer1::Dims result{};
  for (const std::int64_t extent : extents) result.d[result.nbDims++] = extent;
  return result;
}

Descs descs(std::int64_t gaussians, int sh_count, int width, int height, int channels, const Images& images,
            DataType features) {
  constexpr DataType kFloat = DataType::kFLOAT;
  constexpr TensorFormat kLinear = TensorFormat::kLINEAR;
  const std::int64_t stored = rtgs2::rasterize::feature_tiles(channels) * rtgs2::rasterize::kChannelTile;
  return {{dims({gaussians, 3}), kFloat, kLinear, 1.0F},
          {dims({gaussians, 3}), kFloat, kLinear, 1.0F},
          {dims({gaussians, 4}), kFloat, kLinear, 1.0F},
          {dims({gaussians}), kFloat, kLinear, 1.0F},
          {dims({gaussians, sh_count, 3}), kFloat, kLinear, 1.0F},
          {dims({gaussians, stored}), features, kLinear, 1.0F},
          {dims({19}), kFloat, kLinear, 1.0F},
          {dims({1, 3, height, width}), images.type, images.format, 1.0F},
          {dims({1, channels, height, width}), images.type, images.format, 1.0F},
          {dims({1, height, width}), kFloat, kLinear, 1.0F},
          {dims({1, height, width}), kFloat, kLinear, 1.0F},
          {dims({2}), DataType::kINT64, kLinear, 1.0F}};
}

DynamicDescs dynamic(const Descs& most) {
  DynamicDescs result;
  for (std::size_t i = 0; i < most.size(); ++i) {
    nvinfer1::DynamicPluginTensorDesc desc{most[i], most[i].dims, most[i].dims, most[i].dims};
    if (i < 6) desc.desc.dims.d[0] = -1, desc.min.d[0] = 1;
    result.push_back(desc);
  }
  return result;
}

int configure(nvinfer1::IPluginV3& plugin, const Descs& most) {
  const DynamicDescs all = dynamic(most);
  return build(plugin).configurePlugin(all.data(), kInputs, all.data() + kInputs, kOutputs);
}

std::size_t workspace(nvinfer1::IPluginV3& plugin, const Descs& most) {
  const DynamicDescs all = dynamic(most);
  return build(plugin).getWorkspaceSize(all.data(), kInputs, all.data() + kInputs, kOutputs);
}

int change_shape(nvinfer1::IPluginV3& plugin, const Descs& tensors) {
  return runtime(plugin).onShapeChange(tensors.data(), kInputs, tensors.data() + kInputs, kOutputs);
}

View view(int width, int height) {
  const double angle = 0.1;
  const std::vector<double> pose{std::cos(angle),  0, std::sin(angle), 0.05, 0, 1, 0, -0.02,
                                 -std::sin(angle), 0, std::cos(angle), 0.3};
  View result;
  for (const double value : {0.9 * width, 0.95 * width, 0.52 * width, 0.47 * height}) {
    result.numbers.push_back(static_cast<float>(value));
  }
  for (const double value : pose) result.numbers.push_back(static_cast<float>(value));
  for (const float value : {kBackground.x, kBackground.y, kBackground.z}) result.numbers.push_back(value);
  const std::vector<double> rounded(result.numbers.begin(), result.numbers.end());
  result.camera =
      rtgs2::splatting::make_camera(width, height, rounded[0], rounded[1], rounded[2], rounded[3], rounded.data() + 4);
  return result;
}

Tensors::Tensors(const inputs::Gaussians& gaussians, const View& view, const Images& images, DataType features)
    : width_(view.camera.width), height_(view.camera.height), channels_(gaussians.feature_channels), kind_(images) {
  descs_ =
      node::descs(gaussians.count, gaussians.sh_count, width_, height_, static_cast<int>(channels_), images, features);
  for (const auto& desc : descs_) memory_.emplace_back(values_of(desc) * bytes_of(desc.type), "a tensor");
  upload(memory_[0], gaussians.means);
  upload(memory_[1], gaussians.scales);
  upload(memory_[2], gaussians.rotations);
  upload(memory_[3], gaussians.opacities);
  upload(memory_[4], gaussians.sh);
  const auto stored = static_cast<std::size_t>(descs_[5].dims.d[1]), own = static_cast<std::size_t>(channels_);
  std::vector<float> rows(static_cast<std::size_t>(gaussians.count) * stored, 0.0F);
  for (std::size_t i = 0; i < gaussians.features.size(); ++i) {
    rows[i / own * stored + i % own] = gaussians.features[i];
  }
  if (features == DataType::kHALF) {
    upload(memory_[5], halves(rows));
  } else {
    upload(memory_[5], rows);
  }
  for (std::size_t i = kInputs; i < memory_.size(); ++i) {
    rtgs2::cuda::check(cudaMemset(memory_[i].at<void>(), 0xFF, memory_[i].bytes()), "filling with NaN");
  }
  set_view(view);
}

void Tensors::set_view(const View& view) {
  upload(memory_[6], view.numbers);
  settle();
}

int Tensors::enqueue(nvinfer1::IPluginV3& plugin, void* workspace, cudaStream_t stream) {
  std::vector<void*> pointers;
  for (const auto& memory : memory_) pointers.push_back(memory.at<void>());
  return runtime(plugin).enqueue(descs_.data(), descs_.data() + kInputs, pointers.data(), pointers.data() + kInputs,
                                 workspace, stream);
}

Image Tensors::images() const {
  const auto pixels = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  const auto planar = [&](const rtgs2::cuda::DeviceMemory& memory, std::size_t channels) {
    std::vector<float> values;
    if (kind_.type == DataType::kHALF) {
      for (const std::uint16_t bits : download<std::uint16_t>(memory)) values.push_back(on_host::half_value(bits));
    } else {
      values = download<float>(memory);
    }
    if (kind_.format == TensorFormat::kLINEAR) return values;
    const std::size_t stride = values.size() / pixels;
    std::vector<float> planes(channels * pixels);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t pixel = i / stride, channel = i % stride;
      if (channel < channels) {
        planes[channel * pixels + pixel] = values[i];
      } else if (values[i] != 0.0F) {
        planes[pixel] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    return planes;
  };
  Image image(width_, height_, channels_);
  image.rgb = planar(memory_[7], 3);
  image.features = planar(memory_[8], static_cast<std::size_t>(channels_));
  image.alpha = download<float>(memory_[9]);
  image.depth = download<float>(memory_[10]);
  return image;
}

rtgs2::rasterize::FrameNeeds Tensors::needs() const {
  const std::vector<std::int64_t> values = download<std::int64_t>(memory_[11]);
  return {static_cast<std::uint64_t>(values[0]), static_cast<std::uint64_t>(values[1])};
}

}  // namespace node
