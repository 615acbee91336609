#include "rasterize/device_scene.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "cuda/launch.cuh"
#include "rasterize/frame_buffers.h"
#include "splatting/spherical_harmonics.h"

namespace rtgs2::cuda {
namespace {

constexpr int kStoreBlock = 256;

__device__ void store(float* place, float value) { *place = value; }
__device__ void store(__half* place, float value) { *place = __float2half_rn(value); }
__device__ float load(const float* place) { return *place; }
__device__ float load(const __half* place) { return __half2float(*place); }

/// Rows of `channels` floats to rows of `padded` values of another type; sets `not_finite` if any is.
template <typename Value>
__global__ void __launch_bounds__(kStoreBlock)
    store_features_kernel(const float* features, std::int64_t rows, int channels, int padded, Value* out,
                          int* not_finite) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kStoreBlock + threadIdx.x;
  if (i >= rows * padded) return;
  const int channel = static_cast<int>(i % padded);
  store(out + i, channel < channels ? features[i / padded * channels + channel] : 0.0F);
  if (!isfinite(load(out + i))) *not_finite = 1;
}

void copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) check(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), "copying a scene to the GPU");
}

}  // namespace

DeviceScene::DeviceScene(const GaussianArrays& gaussians, rasterize::FeatureStorage storage)
    : gaussians_(gaussians), storage_(storage) {
  if (gaussians.count < 0 || gaussians.count > rasterize::kMaxDeviceGaussians) {
    throw std::invalid_argument(std::to_string(gaussians.count) + " Gaussians cannot be drawn: use at most 2^30");
  }
  if (!splatting::is_sh_count(gaussians.sh_count)) {
    throw std::invalid_argument(std::to_string(gaussians.sh_count) +
                                " spherical-harmonics coefficients: use 1, 4, 9 or 16 (degree 0 to 3)");
  }
  const auto count = static_cast<std::size_t>(gaussians.count);
  const std::size_t sizes[] = {3 * count, 3 * count, 4 * count, count,
                               3 * count * static_cast<std::size_t>(gaussians.sh_count)};
  std::size_t offsets[6] = {};
  for (int i = 0; i < 5; ++i) {
    const std::size_t bytes = sizes[i] * sizeof(float);
    offsets[i + 1] = offsets[i] + (bytes + rasterize::kBufferAlignment - 1) / rasterize::kBufferAlignment *
                                      rasterize::kBufferAlignment;
  }
  arrays_ = DeviceMemory(offsets[5], "the scene");
  const float** const arrays[] = {&gaussians_.means, &gaussians_.scales, &gaussians_.rotations, &gaussians_.opacities,
                                  &gaussians_.sh};
  for (int i = 0; i < 5; ++i) {
    auto* place = arrays_.at<float>(offsets[i]);
    copy(place, *arrays[i], sizes[i] * sizeof(float));
    *arrays[i] = place;
  }
  gaussians_.features = nullptr;
  set_features(gaussians.features, gaussians.feature_channels);
}

void DeviceScene::set_features(const float* features, std::int64_t channels) {
  if (channels < 0 || channels > rasterize::kMaxDeviceChannels) {
    throw std::invalid_argument(std::to_string(channels) + " feature channels: the GPU draws at most " +
                                std::to_string(rasterize::kMaxDeviceChannels));
  }
  const int padded = rasterize::feature_tiles(channels) * rasterize::kChannelTile;
  const bool half = storage_ == rasterize::FeatureStorage::kHalf;
  const auto value_bytes = half ? sizeof(__half) : sizeof(float);
  const auto row_values = static_cast<std::size_t>(padded);
  DeviceMemory stored(static_cast<std::size_t>(gaussians_.count) * row_values * value_bytes, "the scene's features");
  bool finite = true;
  if (channels > 0 && gaussians_.count > 0) {
    constexpr std::int64_t kRowsAtOnce = 1 << 18;
    const std::int64_t rows_at_once = std::min(kRowsAtOnce, gaussians_.count);
    const DeviceMemory staged(static_cast<std::size_t>(rows_at_once * channels) * sizeof(float), "copying features");
    const DeviceMemory flag(sizeof(int), "copying features");
    check(cudaMemset(flag.at<int>(), 0, sizeof(int)), "copying features");
    for (std::int64_t first = 0; first < gaussians_.count; first += rows_at_once) {
      const std::int64_t rows = std::min(rows_at_once, gaussians_.count - first);
      copy(staged.at<float>(), features + first * channels, static_cast<std::size_t>(rows * channels) * sizeof(float));
      const auto blocks = static_cast<unsigned>((rows * padded + kStoreBlock - 1) / kStoreBlock);
      const std::size_t begin = static_cast<std::size_t>(first) * row_values;
      if (half) {
        launch("storing features", store_features_kernel<__half>, blocks, kStoreBlock, nullptr, staged.at<float>(),
               rows, static_cast<int>(channels), padded, stored.at<__half>() + begin, flag.at<int>());
      } else {
        launch("storing features", store_features_kernel<float>, blocks, kStoreBlock, nullptr, staged.at<float>(), rows,
               static_cast<int>(channels), padded, stored.at<float>() + begin, flag.at<int>());
      }
    }
    int not_finite = 0;
    check(cudaMemcpy(&not_finite, flag.at<int>(), sizeof(int), cudaMemcpyDeviceToHost), "storing features");
    finite = not_finite == 0;
  }
  // A copy from pageable memory may still be on its way, and the streams of frames do not wait for the default one.
  check(cudaStreamSynchronize(nullptr), "copying a scene to the GPU");
  features_ = std::move(stored);
  features_are_finite_ = finite;
  ++generation_;
  gaussians_.feature_channels = channels;
}

}  // namespace rtgs2::cuda
