// Whether a Gaussian is seen, and what is kept of it if so: the first step of a frame on the GPU.
#pragma once

#include <math.h>
#include <string.h>

#include <cstdint>

#include "rasterize/ellipse.h"
#include "rasterize/frame_view.h"
#include "rasterize/rasterize.h"
#include "splatting/blending.h"
#include "splatting/host_device.h"
#include "splatting/projection.h"
#include "splatting/spherical_harmonics.h"
#include "splatting/tiles.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// From the camera to Gaussian `index`, world axes.
RTGS2_HOST_DEVICE inline splatting::Vector3 offset_from_camera(const GaussianArrays& gaussians,
                                                               const splatting::Camera& camera, std::int64_t index) {
  const float* mean = gaussians.means + 3 * index;
  return {mean[0] - camera.position.x, mean[1] - camera.position.y, mean[2] - camera.position.z};
}

/// Ellipse and tiles of Gaussian `index`; false if it is not drawn. Reads neither spherical harmonics nor features, and
/// scales and rotation only of what lies before the camera.
RTGS2_HOST_DEVICE inline bool find_visible(const GaussianArrays& gaussians, const FrameView& view, std::int64_t index,
                                           Ellipse& ellipse, SmallTileRectangle& tiles) {
  const splatting::Vector3 offset = offset_from_camera(gaussians, view.camera, index);
  const float opacity = gaussians.opacities[index];
  if (!(dot(view.camera.rotation.z, offset) > splatting::kNearPlane) || !(opacity >= splatting::kLeastAlpha)) {
    return false;
  }
  const float* s = gaussians.scales + 3 * index;
  const float* q = gaussians.rotations + 4 * index;
  splatting::Splat splat;
  if (!splatting::project_gaussian<float>(view.camera, offset, {s[0], s[1], s[2]}, {q[0], q[1], q[2], q[3]}, splat)) {
    return false;
  }
  const splatting::TileRectangle wide = splatting::tile_rectangle(splat, view.columns, view.rows);
  if (splatting::is_empty(wide)) return false;
  tiles = {static_cast<std::uint16_t>(wide.left), static_cast<std::uint16_t>(wide.top),
           static_cast<std::uint16_t>(wide.right), static_cast<std::uint16_t>(wide.bottom)};
  ellipse = {splat.centre, splat.whitening, opacity, splatting::squared_reach(opacity), splat.depth};
  return true;
}

/// Colour of Gaussian `index` as the camera sees it.
RTGS2_HOST_DEVICE inline splatting::Vector3 colour_of(const GaussianArrays& gaussians, const splatting::Camera& camera,
                                                      std::int64_t index) {
  const splatting::Vector3 offset = offset_from_camera(gaussians, camera, index);
  const splatting::Vector3 direction = (1.0F / sqrtf(dot(offset, offset))) * offset;
  return splatting::sh_colour(gaussians.sh + 3 * gaussians.sh_count * index, gaussians.sh_count, direction);
}

/// Bits of a depth, which are ordered like the depths since these are positive.
RTGS2_HOST_DEVICE inline std::uint32_t depth_key(float depth) {
  std::uint32_t key;
  memcpy(&key, &depth, sizeof(key));
  return key;
}

}  // namespace rtgs2::rasterize
