// A stream that ends with its owner.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/error.h"

namespace rtgs2::cuda {

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a CUDA stream"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }

  cudaStream_t get() const { return stream_; }
  void wait() const { check(cudaStreamSynchronize(stream_), "waiting for a CUDA stream"); }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace rtgs2::cuda
