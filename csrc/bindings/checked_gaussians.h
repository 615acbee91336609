// The arrays of a scene, as every rasteriser's binding takes them.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "bindings/checked_array.h"
#include "rasterize/rasterize.h"

namespace rtgs2::bindings {

/// Where N Gaussians are and how they cover: means (N, 3), scales (N, 3), rotations (N, 4), opacities (N,), all
/// float32; a ValueError that names the first that does not fit.
inline GaussianArrays checked_shapes(const AnyArray& means, const AnyArray& scales, const AnyArray& rotations,
                                     const AnyArray& opacities) {
  GaussianArrays gaussians;
  gaussians.means = checked_data<float>(means, "means", {kAnySize, 3});
  gaussians.count = static_cast<std::int64_t>(means.shape(0));
  gaussians.scales = checked_data<float>(scales, "scales", {gaussians.count, 3});
  gaussians.rotations = checked_data<float>(rotations, "rotations", {gaussians.count, 4});
  gaussians.opacities = checked_data<float>(opacities, "opacities", {gaussians.count});
  return gaussians;
}

/// The Gaussians of N means (N, 3), scales (N, 3), rotations (N, 4), opacities (N,), sh (N, K, 3) and features (N, C),
/// all float32; a ValueError that names the first that does not fit.
inline GaussianArrays checked_gaussians(const AnyArray& means, const AnyArray& scales, const AnyArray& rotations,
                                        const AnyArray& opacities, const AnyArray& sh, const AnyArray& features) {
  GaussianArrays gaussians = checked_shapes(means, scales, rotations, opacities);
  gaussians.sh = checked_data<float>(sh, "sh", {gaussians.count, kAnySize, 3});
  if (sh.shape(1) > 16) throw std::invalid_argument("sh has more than 16 coefficients: use 1, 4, 9 or 16");
  gaussians.sh_count = static_cast<int>(sh.shape(1));
  gaussians.features = checked_data<float>(features, "features", {gaussians.count, kAnySize});
  gaussians.feature_channels = static_cast<std::int64_t>(features.shape(1));
  return gaussians;
}

}  // namespace rtgs2::bindings
