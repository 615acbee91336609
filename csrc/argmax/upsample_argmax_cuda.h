// As upsample_argmax_cpu(), on the GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "argmax/upsample_argmax.h"

namespace rtgs2::cuda {

enum class LogitType { kFloat, kHalf };

/// Logits (classes, rows, columns) in device memory, otherwise as QuarterLogits.
struct DeviceLogits {
  const void* values = nullptr;
  LogitType type = LogitType::kFloat;
  std::int64_t classes = 0, rows = 0, columns = 0;
  std::int64_t height = 0, width = 0;
};

/// Enqueues the work; may be captured in a graph. `labels` (height, width) of uint8_t or uint16_t and `confidence`
/// (height, width) or null lie in device memory. Labels are those of the CPU; confidences differ by the rounding of
/// exp. Throws std::invalid_argument for sizes out of range, Error.
template <typename Label>
void upsample_argmax(const DeviceLogits& logits, Label* labels, float* confidence, cudaStream_t stream);

extern template void upsample_argmax(const DeviceLogits&, std::uint8_t*, float*, cudaStream_t);
extern template void upsample_argmax(const DeviceLogits&, std::uint16_t*, float*, cudaStream_t);

}  // namespace rtgs2::cuda
