// Work on a stream, recorded once and repeated with one call.
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "cuda/error.h"

namespace rtgs2::cuda {

class Graph {
 public:
  Graph() = default;
  /// Records what `enqueue(stream)` puts on the stream, which is not run. The stream must not be the default one.
  template <typename Function>
  Graph(cudaStream_t stream, const Function& enqueue) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning to record a CUDA graph");
    cudaGraph_t graph = nullptr;
    try {
      enqueue(stream);
    } catch (...) {
      cudaStreamEndCapture(stream, &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
      cudaGetLastError();
      throw;
    }
    check(cudaStreamEndCapture(stream, &graph), "recording a CUDA graph");
    const cudaError_t code = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(code, "preparing a CUDA graph");
  }
  Graph(Graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }
  ~Graph() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
  }

  bool recorded() const { return executable_ != nullptr; }
  void launch(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream), "launching a CUDA graph"); }

 private:
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace rtgs2::cuda
