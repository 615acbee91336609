// A view as numbers in one float32 array, as it comes from outside when the host does not see it (the TensorRT plugin).
#pragma once

#include "rasterize/frame_view.h"
#include "splatting/camera.h"
#include "splatting/host_device.h"

namespace rtgs2::rasterize {

/// In order: fx, fy, cx, cy in pixels; the first three rows of world_to_camera, row-major (3, 4), in metres; the
/// background, red, green and blue.
inline constexpr int kCameraNumbers = 19;

/// The view that they say, of an image of `width` x `height` pixels. Any numbers are allowed: a camera that is not
/// finite shows nothing.
RTGS2_HOST_DEVICE inline FrameView view_of(const float* numbers, int width, int height) {
  double pose[12];
  for (int i = 0; i < 12; ++i) pose[i] = numbers[4 + i];
  return make_frame_view(splatting::make_camera(width, height, numbers[0], numbers[1], numbers[2], numbers[3], pose),
                         {numbers[16], numbers[17], numbers[18]});
}

}  // namespace rtgs2::rasterize
