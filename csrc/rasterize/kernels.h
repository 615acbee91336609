// The loops of the rasteriser in which the time goes, once for each instruction set.
//
// All of them do the same arithmetic in the same order, without fused multiply-add: their results are the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rasterize/ellipse.h"
#include "rasterize/lift.h"
#include "rasterize/rasterize.h"
#include "splatting/camera.h"
#include "splatting/vector.h"

namespace rtgs2::rasterize {

/// Visible Gaussians as arrays.
struct VisibleArrays {
  Ellipse* ellipses;
  float* base;  // (count, kBaseChannels)
  std::uint32_t* indices;
  SmallTileRectangle* tiles;
};

/// What all tiles of a view have in common.
struct View {
  splatting::Camera camera;
  int columns, rows;  // tiles
  splatting::Vector3 background;
  bool with_colour;
  std::int64_t channels;  // of features
};

/// Floats of a Gaussian's row of sums of so many channels, its weight behind them: whole vectors of all widths.
[[gnu::always_inline]] inline constexpr std::int64_t lift_stride(std::int64_t channels) {
  return (channels + 1 + 15) / 16 * 16;
}

struct Kernels {
  /// Projects the Gaussians [begin, end) and writes those that touch the image in order of their index. Returns their
  /// number.
  std::int64_t (*project)(const GaussianArrays& gaussians, const View& view, std::int64_t begin, std::int64_t end,
                          const VisibleArrays& visible);

  /// Blends `count` visible Gaussians, front to back, into tile (column, row). `scratch` holds scratch_bytes().
  void (*blend_tile)(const GaussianArrays& gaussians, const View& view, const VisibleArrays& visible, int column,
                     int row, const std::uint32_t* members, std::int64_t count, const RenderTargets& targets,
                     std::byte* scratch);

  /// For `channels` of features; aligned to 64 bytes.
  std::size_t (*scratch_bytes)(std::int64_t channels);

  /// Sums the pixels of tile (column, row) into `sums` (count, lift_stride), a row for each of `count` visible
  /// Gaussians, front to back: the channels, then the weights. Returns how many rows it wrote, those until no pixel
  /// could change. `scratch` holds lift_scratch_bytes().
  std::int64_t (*lift_tile)(const View& view, const VisibleArrays& visible, int column, int row,
                            const std::uint32_t* members, std::int64_t count, const PixelValues& values, float* sums,
                            std::byte* scratch);

  /// For `channels` of pixels; aligned to 64 bytes.
  std::size_t (*lift_scratch_bytes)(std::int64_t channels);
};

const Kernels& baseline_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();

}  // namespace rtgs2::rasterize
