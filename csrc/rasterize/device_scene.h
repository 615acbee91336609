// A scene's Gaussians in device memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/memory.h"
#include "rasterize/feature_storage.h"
#include "rasterize/rasterize.h"

namespace rtgs2::cuda {

/// Copies of the caller's arrays; waits for the copies. Not for several threads at once.
class DeviceScene {
 public:
  /// From host memory, features included (half or float as `storage` says). Throws std::invalid_argument for sizes out
  /// of range (at most kMaxDeviceGaussians and kMaxDeviceChannels), OutOfMemory, Error.
  DeviceScene(const GaussianArrays& gaussians, rasterize::FeatureStorage storage);

  /// Replaces the features: (count, channels) float32 in host or device memory. No frame may be running.
  void set_features(const float* features, std::int64_t channels);

  /// In device memory; `features` is null there.
  const GaussianArrays& gaussians() const { return gaussians_; }
  const void* features() const { return features_.at<void>(); }
  rasterize::FeatureStorage storage() const { return storage_; }
  /// Whether all features are finite as they are stored.
  bool features_are_finite() const { return features_are_finite_; }
  /// Another number after each change; what was recorded in a graph before holds old addresses.
  int generation() const { return generation_; }
  std::size_t bytes() const { return arrays_.bytes() + features_.bytes(); }

 private:
  GaussianArrays gaussians_;
  rasterize::FeatureStorage storage_;
  DeviceMemory arrays_, features_;
  bool features_are_finite_ = true;
  int generation_ = 0;
};

}  // namespace rtgs2::cuda
