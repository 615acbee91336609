// What TensorRT is to a plugin, as far as the tests need it: loads the library, keeps a logger, makes expressions of
// extents, and drives a node through the calls that an engine is built and run with.
#pragma once

#include <NvInferRuntime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/memory.h"
#include "inputs.h"
#include "rasterize/frame_buffers.h"
#include "rendering.h"

namespace node {

/// The library under test; exits the program if it cannot be loaded.
void load(const char* path);

/// The library's only creator.
nvinfer1::IPluginCreatorV3One& creator();

/// What the library has logged as an error since the last call.
std::string take_errors();

/// What it has said besides.
std::string take_words();

/// Gives the library another logger finder, or none; reset_finder() gives this program's own back.
void set_finder(nvinfer1::ILoggerFinder* finder);
void reset_finder();

/// A field that owns its number.
struct Field {
  std::string name;
  std::vector<std::int32_t> values;
  nvinfer1::PluginFieldType type = nvinfer1::PluginFieldType::kINT32;
};

using Plugin = std::unique_ptr<nvinfer1::IPluginV3>;

/// What the creator makes of the fields; may be null.
Plugin create(const std::vector<Field>& fields, nvinfer1::TensorRTPhase phase = nvinfer1::TensorRTPhase::kBUILD);

/// Fields of a node.
std::vector<Field> fields_of(int width, int height, int channels, int visible_capacity = 0, int pair_capacity = 0);

/// Copies of what the plugin wants to have stored.
std::vector<Field> stored(nvinfer1::IPluginV3& plugin);

nvinfer1::IPluginV3OneCore& core(nvinfer1::IPluginV3& plugin);
nvinfer1::IPluginV3OneBuild& build(nvinfer1::IPluginV3& plugin);
nvinfer1::IPluginV3OneRuntime& runtime(nvinfer1::IPluginV3& plugin);

using Descs = std::vector<nvinfer1::PluginTensorDesc>;
using DynamicDescs = std::vector<nvinfer1::DynamicPluginTensorDesc>;

nvinfer1::Dims dims(const std::vector<std::int64_t>& extents);

/// What the images of a node are.
struct Images {
  nvinfer1::DataType type = nvinfer1::DataType::kHALF;
  nvinfer1::TensorFormat format = nvinfer1::TensorFormat::kLINEAR;
};

/// Inputs, then outputs, of `gaussians` Gaussians.
Descs descs(std::int64_t gaussians, int sh_count, int width, int height, int channels, const Images& images = {},
            nvinfer1::DataType features = nvinfer1::DataType::kHALF);

/// The same as a network has them: the number of Gaussians open, up to `most`.
DynamicDescs dynamic(const Descs& most);

constexpr int kInputs = 7, kOutputs = 5;

int configure(nvinfer1::IPluginV3& plugin, const Descs& most);
std::size_t workspace(nvinfer1::IPluginV3& plugin, const Descs& most);
int change_shape(nvinfer1::IPluginV3& plugin, const Descs& tensors);

/// The view of inputs::make_camera(), rounded to float as the plugin gets it.
struct View {
  std::vector<float> numbers;
  rtgs2::splatting::Camera camera;
};
View view(int width, int height);
inline constexpr rtgs2::splatting::Vector3 kBackground{0.1F, 0.2F, 0.3F};

/// Tensors of a node in device memory.
class Tensors {
 public:
  /// The images are filled with NaN.
  Tensors(const inputs::Gaussians& gaussians, const View& view, const Images& images = {},
          nvinfer1::DataType features = nvinfer1::DataType::kHALF);

  const Descs& descs() const { return descs_; }
  void set_view(const View& view);
  /// enqueue() of the plugin.
  int enqueue(nvinfer1::IPluginV3& plugin, void* workspace, cudaStream_t stream);
  /// The images, planar and float; NaN where padding is not zero.
  Image images() const;
  rtgs2::rasterize::FrameNeeds needs() const;

 private:
  int width_, height_;
  std::int64_t channels_;
  Images kind_;
  Descs descs_;
  std::vector<rtgs2::cuda::DeviceMemory> memory_;
};

}  // namespace node
