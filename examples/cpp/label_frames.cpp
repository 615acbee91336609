// Loads an engine that `rtgs2 build` made and labels frames, without Python: TensorRT, CUDA and this project's core.
//   label_frames ENGINE INPUTS OUTPUT
// ENGINE is BUNDLE/engines/.../frame.engine, INPUTS the folder that write_inputs.py made of a scene and its cameras.
// Each view becomes OUTPUT/NUMBER.pgm of class indices. Tried with a stand-in for TensorRT alone.
#include <NvInfer.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "argmax/upsample_argmax_cuda.h"
#include "cuda/graph.h"
#include "cuda/memory.h"
#include "cuda/stream.h"
#include "rasterize/frame_buffers.h"

namespace fs = std::filesystem;
using rtgs2::cuda::check;
using rtgs2::cuda::DeviceMemory;

struct Log final : nvinfer1::ILogger {
  void log(Severity severity, const char* text) noexcept override {
    if (severity <= Severity::kWARNING) std::cerr << "TensorRT: " << text << '\n';
  }
};

template <typename T>
T expect(T value, const std::string& what) {
  return value ? value : throw std::runtime_error(what);
}

std::vector<char> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  expect(file.is_open(), "cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t bytes_of(nvinfer1::DataType type, const nvinfer1::Dims& dims) {
  std::size_t result = type == nvinfer1::DataType::kINT64 ? 8 : type == nvinfer1::DataType::kHALF ? 2 : 4;
  for (int i = 0; i < dims.nbDims; ++i) result *= static_cast<std::size_t>(dims.d[i]);
  return result;
}

/// The engine, one context, and every input and output in device memory.
class Frames {
 public:
  Frames(const fs::path& engine, const fs::path& inputs)
      : runtime_(expect(nvinfer1::createInferRuntime(log_), "TensorRT does not start")) {
    runtime_->setEngineHostCodeAllowed(true);  // the plugin lies in the engine; if this TensorRT does not take it:
    if (const char* plugin = std::getenv("RTGS2_TENSORRT_PLUGIN")) runtime_->getPluginRegistry().loadLibrary(plugin);
    const std::vector<char> plan = read(engine);
    engine_.reset(expect(runtime_->deserializeCudaEngine(plan.data(), plan.size()),
                         "no engine of this TensorRT and GPU (rtgs2 build), or RTGS2_TENSORRT_PLUGIN is missing"));
    context_.reset(expect(engine_->createExecutionContext(), "no memory for a context"));
    for (int i = 0; i < engine_->getNbIOTensors(); ++i) bind(engine_->getIOTensorName(i), inputs);
    check(cudaStreamSynchronize(nullptr), "copying the scene");  // frames have a stream of their own
    const nvinfer1::Dims image = engine_->getTensorShape("alpha");
    std::ifstream size(inputs / "view_size.txt");  // of the cameras; the engine draws it made up to multiples of 32
    size >> width_ >> height_;
    expect((width_ + 31) / 32 * 32 == image.d[2] && (height_ + 31) / 32 * 32 == image.d[1],
           "view_size.txt does not fit the engine: make the inputs with the engine's bundle");
    labels_ = DeviceMemory(static_cast<std::size_t>(width_ * height_), "labels");
    most_pairs_ = rtgs2::rasterize::fixed_capacities(gaussians_, image.d[1] / 16 * (image.d[2] / 16)).pairs;
  }

  /// Puts a view on the stream: 19 numbers of the camera in host memory -> labels.
  void label(const float* camera) {
    const cudaStream_t stream = stream_.get();
    const DeviceMemory& to = memory_["camera"];
    check(cudaMemcpyAsync(to.at<void>(), camera, to.bytes(), cudaMemcpyHostToDevice, stream), "a camera");
    if (runs_++ == 0) return run(stream);  // TensorRT wants a run before one is recorded
    if (!graph_.recorded()) graph_ = rtgs2::cuda::Graph(stream, [this](cudaStream_t s) { run(s); });
    graph_.launch(stream);
  }

  void save(const fs::path& path) {
    std::vector<std::uint8_t> labels(labels_.bytes());
    std::int64_t needs[2];  // visible Gaussians, for all of which there is room, and pairs of a Gaussian and a tile
    stream_.wait();
    check(cudaMemcpy(needs, memory_["needs"].at<void>(), sizeof needs, cudaMemcpyDeviceToHost), "needs");
    expect(needs[1] <= most_pairs_, "a view lists more than there is room for, Gaussians are missing: see the scale");
    check(cudaMemcpy(labels.data(), labels_.at<void>(), labels.size(), cudaMemcpyDeviceToHost), "labels");
    std::ofstream file(path, std::ios::binary);
    file << "P5\n" << width_ << ' ' << height_ << "\n255\n";
    file.write(reinterpret_cast<const char*>(labels.data()), static_cast<std::streamsize>(labels.size()));
    expect(file.good(), "cannot write " + path.string());
  }

 private:
  void bind(const char* name, const fs::path& inputs) {
    nvinfer1::Dims dims = engine_->getTensorShape(name);
    const nvinfer1::DataType type = engine_->getTensorDataType(name);
    std::vector<char> values;
    if (engine_->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT) {
      values = read(inputs / (std::string(name) + ".bin"));
      const auto numbers = static_cast<std::int64_t>(values.size() / sizeof(float));
      if (gaussians_ == 0) gaussians_ = expect(numbers / 3, "the scene is empty");  // means (N, 3) come first
      if (dims.d[0] < 0) dims.d[0] = gaussians_;
      if (dims.nbDims > 1 && dims.d[1] < 0) dims.d[1] = numbers / 3 / gaussians_;  // sh (N, K, 3)
      expect(values.size() >= bytes_of(type, dims) && context_->setInputShape(name, dims),
             std::string(name) + ".bin does not fit what the engine was built for");
    }
    const DeviceMemory& memory = memory_[name] = DeviceMemory(bytes_of(type, dims), name);
    if (!values.empty())
      check(cudaMemcpy(memory.at<void>(), values.data(), memory.bytes(), cudaMemcpyHostToDevice), name);
    expect(context_->setTensorAddress(name, memory.at<void>()), std::string(name) + " cannot be bound");
  }

  void run(cudaStream_t stream) {
    expect(context_->enqueueV3(stream), "TensorRT failed");
    const nvinfer1::Dims dims = engine_->getTensorShape("logits");
    expect(dims.nbDims == 4, "the engine gives no logits");
    rtgs2::cuda::upsample_argmax(
        {memory_["logits"].at<void>(), rtgs2::cuda::LogitType::kHalf, dims.d[1], dims.d[2], dims.d[3], height_, width_},
        labels_.at<std::uint8_t>(), nullptr, stream);
  }

  Log log_;
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  std::map<std::string, DeviceMemory> memory_;
  DeviceMemory labels_;
  rtgs2::cuda::Stream stream_;
  rtgs2::cuda::Graph graph_;
  std::int64_t gaussians_ = 0, most_pairs_ = 0, width_ = 0, height_ = 0, runs_ = 0;
};

int main(int count, char** arguments) try {
  expect(count == 4, "usage: label_frames ENGINE INPUTS OUTPUT");
  Frames frames(arguments[1], arguments[2]);
  const std::vector<char> cameras = read(fs::path(arguments[2]) / "camera.bin");
  fs::create_directories(arguments[3]);
  for (std::size_t i = 0; i < cameras.size() / (19 * sizeof(float)); ++i) {
    frames.label(reinterpret_cast<const float*>(cameras.data()) + 19 * i);
    frames.save(fs::path(arguments[3]) / (std::to_string(i) + ".pgm"));
  }
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
