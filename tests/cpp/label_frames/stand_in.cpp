// A TensorRT for the C++ example, behind the real headers: what it does not expect of the example ends the process. Its
// "engine" is a text, "stand-in WIDTH HEIGHT CLASSES PAIRS", or "plugin-apart ..." if the plugin's library must be
// loaded before; and what it gives depends on every input: tests/examples/test_cpp_example.py computes the same.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "unexpected_calls.h"  // written by the test, from TensorRT's headers

using namespace nvinfer1;  // NOLINT: all of it is TensorRT's

struct Tensor {
  const char* name;
  DataType type;
  TensorIOMode mode;
  std::vector<std::int64_t> shape;
};

Dims dims_of(const std::vector<std::int64_t>& shape) {
  Dims dims{};
  dims.nbDims = static_cast<std::int32_t>(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) dims.d[i] = shape[i];
  return dims;
}

struct Sizes {
  std::int64_t width, height, classes, pairs;
};

class Context final : public IExecutionContext, apiv::UnexpectedExecutionContext {
 public:
  explicit Context(const Sizes& sizes, const std::vector<Tensor>& tensors) : sizes_(sizes), tensors_(tensors) {
    mImpl = this;
  }
  bool setInputShape(const char* name, const Dims& dims) noexcept override {
    for (const Tensor& tensor : tensors_) {
      if (tensor.name != std::string(name)) continue;
      if (dims.nbDims != static_cast<std::int32_t>(tensor.shape.size())) return false;
      for (std::int32_t i = 0; i < dims.nbDims; ++i) {
        const std::int64_t declared = tensor.shape[static_cast<std::size_t>(i)];
        if (dims.d[i] < 1 || (declared != -1 && declared != dims.d[i])) return false;
      }
      shapes_[name] = dims;
      return true;
    }
    return false;
  }
  bool setTensorAddress(const char* name, void* data) noexcept override {
    addresses_[name] = static_cast<char*>(data);
    return data != nullptr;
  }
  bool enqueueV3(cudaStream_t stream) noexcept override {
    if (stream == nullptr) return false;
    for (const Tensor& tensor : tensors_) {
      if (addresses_.count(tensor.name) == 0) return false;
      if (tensor.mode == TensorIOMode::kINPUT && shapes_.count(tensor.name) == 0) return false;
    }
    on_host::run_or_record(stream, [this] { run(); });
    return true;
  }

 private:
  template <typename T>
  T* at(const char* name) {
    return reinterpret_cast<T*>(addresses_[name]);
  }

  /// The sum of all bytes of the inputs says which class wins where.
  void run() {
    std::int64_t winner = 0;
    for (const Tensor& tensor : tensors_) {
      if (tensor.mode != TensorIOMode::kINPUT) continue;
      std::int64_t bytes = tensor.type == DataType::kHALF ? 2 : 4;
      for (std::int32_t i = 0; i < shapes_[tensor.name].nbDims; ++i) bytes *= shapes_[tensor.name].d[i];
      for (std::int64_t i = 0; i < bytes; ++i) winner += at<unsigned char>(tensor.name)[i];
    }
    const std::int64_t rows = sizes_.height / 4, columns = sizes_.width / 4;
    for (std::int64_t c = 0; c < sizes_.classes; ++c) {
      for (std::int64_t y = 0; y < rows; ++y) {
        for (std::int64_t x = 0; x < columns; ++x) {
          const bool wins = (winner + y / 3 + x / 2) % sizes_.classes == c;
          at<std::uint16_t>("logits")[(c * rows + y) * columns + x] = wins ? 0x3C00 : 0;  // 1 and 0 in FP16
        }
      }
    }
    at<std::int64_t>("needs")[0] = shapes_["means"].d[0];
    at<std::int64_t>("needs")[1] = sizes_.pairs;
  }

  Sizes sizes_;
  const std::vector<Tensor>& tensors_;
  std::map<std::string, Dims> shapes_;
  std::map<std::string, char*> addresses_;
};

class Engine final : public ICudaEngine, apiv::UnexpectedCudaEngine {
 public:
  explicit Engine(const Sizes& s) : sizes_(s) {
    mImpl = this;
    const auto in = TensorIOMode::kINPUT, out = TensorIOMode::kOUTPUT;
    const auto single = DataType::kFLOAT, half = DataType::kHALF;
    tensors_ = {{"means", single, in, {-1, 3}},
                {"scales", single, in, {-1, 3}},
                {"rotations", single, in, {-1, 4}},
                {"opacities", single, in, {-1}},
                {"sh", single, in, {-1, -1, 3}},
                {"gaussian_features", half, in, {-1, 32}},
                {"camera", single, in, {19}},
                {"logits", half, out, {1, s.classes, s.height / 4, s.width / 4}},
                {"image", half, out, {1, 3, s.height, s.width}},
                {"alpha", single, out, {1, s.height, s.width}},
                {"view_depth", single, out, {1, s.height, s.width}},
                {"needs", DataType::kINT64, out, {2}}};
  }
  std::int32_t getNbIOTensors() const noexcept override { return static_cast<std::int32_t>(tensors_.size()); }
  const char* getIOTensorName(std::int32_t index) const noexcept override {
    return tensors_[static_cast<std::size_t>(index)].name;
  }
  Dims getTensorShape(const char* name) const noexcept override { return dims_of(find(name).shape); }
  DataType getTensorDataType(const char* name) const noexcept override { return find(name).type; }
  TensorIOMode getTensorIOMode(const char* name) const noexcept override { return find(name).mode; }
  IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept override {
    return new Context(sizes_, tensors_);
  }

 private:
  const Tensor& find(const std::string& name) const {
    for (const Tensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    std::abort();
  }

  Sizes sizes_;
  std::vector<Tensor> tensors_;
};

class Registry final : public apiv::UnexpectedPluginRegistry {
 public:
  PluginLibraryHandle loadLibrary(const AsciiChar* path) noexcept override {
    loaded = path == std::string("librtgs2_tensorrt.so");
    return this;
  }

  bool loaded = false;
};

class Runtime final : public IRuntime, apiv::UnexpectedRuntime {
 public:
  Runtime() { mImpl = this; }
  void setEngineHostCodeAllowed(bool allowed) noexcept override { allowed_ = allowed; }
  ICudaEngine* deserializeCudaEngine(const void* blob, std::size_t size) noexcept override {
    std::istringstream text(std::string(static_cast<const char*>(blob), size));
    std::string word;
    Sizes sizes{};
    const bool good = static_cast<bool>(text >> word >> sizes.width >> sizes.height >> sizes.classes >> sizes.pairs);
    const bool whole = word == "stand-in" || (word == "plugin-apart" && registry_.loaded);
    return allowed_ && good && whole ? new Engine(sizes) : nullptr;
  }
  IPluginRegistry& getPluginRegistry() noexcept override { return registry_; }

 private:
  bool allowed_ = false;
  Registry registry_;
};

extern "C" void* createInferRuntime_INTERNAL(void*, std::int32_t) noexcept {
  return static_cast<IRuntime*>(new Runtime);
}
