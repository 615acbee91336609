// First step of a frame: which Gaussians are visible, and where. Compiled without fused multiply-add, so that all that
// is decided here is decided as on the CPU.
#include <cstdint>

#include "cuda/launch.cuh"
#include "cuda/ordered_append.cuh"
#include "rasterize/camera_numbers.h"
#include "rasterize/frame_cuda.h"
#include "rasterize/visible_gaussian.h"

namespace rtgs2::rasterize {
namespace {

__global__ void set_view_kernel(const FrameView view, FrameView* device_view) { *device_view = view; }

__global__ void read_view_kernel(const float* camera, int width, int height, FrameView* device_view) {
  *device_view = view_of(camera, width, height);
}

__global__ void __launch_bounds__(kAppendBlock)
    project_kernel(const GaussianArrays gaussians, const FrameView* view, bool with_colour, const FrameBuffers out) {
  __shared__ std::uint8_t threads[kAppendBlock];  // of the visible Gaussians
  __shared__ float depths[kAppendBlock];
  const std::uint32_t place = cuda::take_place(&out.control->visible_blocks);
  const std::int64_t first = std::int64_t{place} * kAppendBlock, index = first + threadIdx.x;
  Ellipse ellipse;
  SmallTileRectangle tiles;
  const bool visible = index < gaussians.count && find_visible(gaussians, *view, index, ellipse, tiles);
  const cuda::BlockSum sum = cuda::sum_over_block(visible ? 1 : 0);
  const std::uint64_t begin = cuda::append(out.visible_words, place, sum.all);
  if (first + kAppendBlock >= gaussians.count && threadIdx.x == 0) out.control->visible = begin + sum.all;

  if (visible) {
    threads[sum.before] = static_cast<std::uint8_t>(threadIdx.x);
    depths[sum.before] = ellipse.depth;
    const std::uint64_t member = begin + sum.before;
    if (member < out.capacities.visible) {
      out.ellipses[member] = ellipse;
      out.rectangles[member] = tiles;
      out.indices[member] = static_cast<std::uint32_t>(index);
      out.depth_keys[0][member] = depth_key(ellipse.depth);
      out.members[0][member] = static_cast<std::uint32_t>(member);
    }
  }
  __syncthreads();
  // Colour by the first threads, so that whole warps read harmonics or none of a warp does.
  const std::uint64_t member = begin + threadIdx.x;
  if (threadIdx.x >= sum.all || member >= out.capacities.visible) return;
  splatting::Vector3 colour{0.0F, 0.0F, 0.0F};
  if (with_colour) colour = colour_of(gaussians, view->camera, first + threads[threadIdx.x]);
  reinterpret_cast<float4*>(out.base)[member] = {colour.x, colour.y, colour.z, depths[threadIdx.x]};
}

}  // namespace

void set_view(const FrameView& view, FrameView* device_view, cudaStream_t stream) {
  cuda::launch("setting the view", set_view_kernel, 1, 1, stream, view, device_view);
}

void read_view(const float* camera, int width, int height, FrameView* device_view, cudaStream_t stream) {
  cuda::launch("reading the camera", read_view_kernel, 1, 1, stream, camera, width, height, device_view);
}

void project(const GaussianArrays& gaussians, const FrameView* view, bool with_colour, const FrameBuffers& buffers,
             cudaStream_t stream) {
  if (gaussians.count == 0) return;
  const auto blocks = static_cast<unsigned>((gaussians.count + kAppendBlock - 1) / kAppendBlock);
  cuda::launch("projecting", project_kernel, blocks, kAppendBlock, stream, gaussians, view, with_colour, buffers);
}

}  // namespace rtgs2::rasterize
