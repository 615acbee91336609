// Where the ellipse alpha = 1/255 of a Gaussian meets rows of pixels: which tiles, and which parts of a tile, it
// reaches.
#pragma once

#include <math.h>

#include "rasterize/ellipse.h"
#include "splatting/host_device.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// An ellipse, ready to be asked.
///
/// With U = [[a, b], [0, c]], v = c dy and k = b / c it is (a dx + k v)^2 + v^2 <= r^2. Over a range of v its right
/// end, x = cx + (k v + sqrt(r^2 - v^2)) / a, is largest at v = k r / sqrt(1 + k^2) or at the nearest v of the range,
/// and its left end alike at the negative.
struct EllipseReach {
  float x, y;  // centre, pixel index coordinates
  float c, inverse_a, k, squared_r, r;
  float extreme;           // the v of the right end
  float height;            // from the centre to the lowest point
  float slack_x, slack_y;  // for rounding, pixels
  bool everywhere;         // its numbers are beyond float32: it may reach any pixel
};

/// For an image of `width` by `height` pixels; larger ones make it a little more generous.
RTGS2_HOST_DEVICE inline EllipseReach reach_of(const Ellipse& ellipse, float width, float height) {
  EllipseReach e;
  e.x = ellipse.centre.x;
  e.y = ellipse.centre.y;
  e.c = ellipse.whitening.yy;
  e.inverse_a = 1.0F / ellipse.whitening.xx;
  const float inverse_c = 1.0F / e.c;
  e.squared_r = ellipse.squared_reach;
  e.r = sqrtf(e.squared_r);
  e.k = ellipse.whitening.xy * inverse_c;
  e.extreme = e.r * (e.k / sqrtf(1.0F + e.k * e.k));
  e.height = e.r * inverse_c;
  e.slack_x = 0.02F + 1e-5F * (fabsf(e.x) + width + (fabsf(e.k) + 1.0F) * e.r * e.inverse_a);
  e.slack_y = 0.02F + 1e-5F * (fabsf(e.y) + height + e.height);
  e.everywhere = !splatting::is_finite(e.slack_x + e.slack_y + e.extreme);
  return e;
}

/// From `left` to `right`, pixel index coordinates.
struct PixelRange {
  float left, right;
};

/// Columns that it may reach on the pixel rows from `first` to `last`, of which at least one must meet its height.
RTGS2_HOST_DEVICE inline PixelRange columns_reached(const EllipseReach& e, float first, float last) {
  using splatting::clamp;
  const float low = clamp(e.c * (e.y - last - e.slack_y), -e.r, e.r);
  const float high = clamp(e.c * (e.y - first + e.slack_y), -e.r, e.r);
  const float v_right = clamp(e.extreme, low, high), v_left = clamp(-e.extreme, low, high);
  const float half_right = sqrtf(splatting::maximum(e.squared_r - v_right * v_right, 0.0F));
  const float half_left = sqrtf(splatting::maximum(e.squared_r - v_left * v_left, 0.0F));
  return {e.x + (e.k * v_left - half_left) * e.inverse_a - e.slack_x,
          e.x + (e.k * v_right + half_right) * e.inverse_a + e.slack_x};
}

/// Whether it may reach a pixel of the columns from `left` to `right` and the rows from `top` to `bottom` (all
/// included). Never false where a pixel is reached.
RTGS2_HOST_DEVICE inline bool reaches_box(const EllipseReach& e, float left, float top, float right, float bottom) {
  if (e.y + e.height + e.slack_y < top || e.y - e.height - e.slack_y > bottom) return e.everywhere;
  const PixelRange columns = columns_reached(e, top, bottom);
  return e.everywhere || !(columns.right < left || columns.left > right);
}

}  // namespace rtgs2::rasterize
