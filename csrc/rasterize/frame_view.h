// What changes from frame to frame: the camera. It lies in device memory, so that a captured frame reads the new one.
#pragma once

#include "splatting/camera.h"
#include "splatting/host_device.h"
#include "splatting/tiles.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

struct FrameView {
  splatting::Camera camera;
  int columns, rows;  // tiles
  splatting::Vector3 background;
};

RTGS2_HOST_DEVICE inline FrameView make_frame_view(const splatting::Camera& camera,
                                                   const splatting::Vector3& background) {
  return {camera, splatting::tile_count(camera.width), splatting::tile_count(camera.height), background};
}

}  // namespace rtgs2::rasterize
