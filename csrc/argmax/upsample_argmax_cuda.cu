// A thread labels four pixels of one row. Logits are read again and again, by neighbours and a second time for the
// confidence, but they are small (46 classes of 640 x 480: 3.5 MB) and stay in the cache. Compiled without fused
// multiply-add: labels are the CPU's.
#include <cuda_fp16.h>

#include <cstdint>

#include "argmax/check_sizes.h"
#include "argmax/pixel_quad.h"
#include "argmax/upsample_argmax_cuda.h"
#include "cuda/launch.cuh"

namespace rtgs2::cuda {
namespace {

using argmax::kQuad;

constexpr int kThreads = 128;

__device__ float to_float(float value) { return value; }
__device__ float to_float(__half value) { return __half2float(value); }

template <typename Logit, typename Label>
__global__ void __launch_bounds__(kThreads)
    upsample_argmax_kernel(const DeviceLogits logits, Label* labels, float* confidence) {
  const std::int64_t column = std::int64_t{blockIdx.x} * kThreads + threadIdx.x, x = column * kQuad;
  if (x >= logits.width) return;
  const std::int64_t plane = logits.rows * logits.columns;
  // More rows than a grid has are left to the same threads.
  for (std::int64_t y = blockIdx.y; y < logits.height; y += gridDim.y) {
    const argmax::QuadPosition at = argmax::QuadPosition::of(y, column, logits.rows, logits.columns);
    argmax::QuadMaximum maximum;
    float values[kQuad];
    const Logit* logit = static_cast<const Logit*>(logits.values);
    // Several classes' logits are on the way at a time.
#pragma unroll 4
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(logits.classes); ++c, logit += plane) {
      argmax::interpolate_quad(at, [logit](std::int64_t i) { return to_float(logit[i]); }, values);
      maximum.take(c, values);
    }
    const std::int64_t first = y * logits.width + x;
    const int count = static_cast<int>(logits.width - x < kQuad ? logits.width - x : kQuad);
    // Unrolled, so that what is indexed stays in registers.
#pragma unroll
    for (int i = 0; i < kQuad; ++i) {
      if (i < count) labels[first + i] = static_cast<Label>(maximum.label[i]);
    }
    if (confidence == nullptr) continue;

    float sums[kQuad] = {};
    logit = static_cast<const Logit*>(logits.values);
#pragma unroll 4
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(logits.classes); ++c, logit += plane) {
      argmax::interpolate_quad(at, [logit](std::int64_t i) { return to_float(logit[i]); }, values);
      for (int i = 0; i < kQuad; ++i) sums[i] += splatting::exp_nonpositive(values[i] - maximum.largest[i]);
    }
#pragma unroll
    for (int i = 0; i < kQuad; ++i) {
      if (i < count) confidence[first + i] = 1.0F / sums[i];
    }
  }
}

}  // namespace

template <typename Label>
void upsample_argmax(const DeviceLogits& logits, Label* labels, float* confidence, cudaStream_t stream) {
  argmax::check_sizes<Label>(logits.classes, logits.rows, logits.columns, logits.height, logits.width);
  if (logits.width == 0 || logits.height == 0) return;
  constexpr std::int64_t kMostGridRows = 65535, kPixels = std::int64_t{kThreads} * kQuad;
  const dim3 grid(static_cast<unsigned>((logits.width + kPixels - 1) / kPixels),
                  static_cast<unsigned>(logits.height < kMostGridRows ? logits.height : kMostGridRows));
  if (logits.type == LogitType::kHalf) {
    launch("labelling", upsample_argmax_kernel<__half, Label>, grid, kThreads, stream, logits, labels, confidence);
  } else {
    launch("labelling", upsample_argmax_kernel<float, Label>, grid, kThreads, stream, logits, labels, confidence);
  }
}

template void upsample_argmax(const DeviceLogits&, std::uint8_t*, float*, cudaStream_t);
template void upsample_argmax(const DeviceLogits&, std::uint16_t*, float*, cudaStream_t);

}  // namespace rtgs2::cuda
