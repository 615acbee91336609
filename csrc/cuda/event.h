// A moment in a stream.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/error.h"

namespace rtgs2::cuda {

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDefault), "creating a CUDA event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }

  /// The moment when all that the stream holds now is done.
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording a CUDA event"); }
  /// Until then.
  void wait() const { check(cudaEventSynchronize(event_), "waiting for a CUDA event"); }
  /// From `earlier` to this one, both of which have come.
  float seconds_since(const Event& earlier) const {
    float milliseconds = 0.0F;
    check(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "reading CUDA events");
    return milliseconds / 1000.0F;
  }
  /// Work that is enqueued on `stream` from here on waits for the moment; the host does not.
  void hold_back(cudaStream_t stream) const {
    check(cudaStreamWaitEvent(stream, event_, 0), "ordering two CUDA streams");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace rtgs2::cuda
