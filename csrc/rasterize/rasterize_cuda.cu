#include "rasterize/rasterize_cuda.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace rtgs2::cuda {
namespace {

int checked_side(int pixels) {
  if (pixels < 0 || pixels > kMaxImageSide) {
    throw std::invalid_argument("an image of " + std::to_string(pixels) + " pixels a side cannot be drawn: use 0 to " +
                                std::to_string(kMaxImageSide));
  }
  return pixels;
}

}  // namespace

Rasterizer::Rasterizer(const DeviceScene& scene, int width, int height, const rasterize::FrameTargets& targets,
                       Blend blend)
    : scene_(scene),
      width_(checked_side(width)),
      height_(checked_side(height)),
      tiles_(static_cast<std::uint32_t>(splatting::tile_count(width)) *
             static_cast<std::uint32_t>(splatting::tile_count(height))),
      targets_(targets),
      blend_(blend),
      view_(sizeof(rasterize::FrameView), "the view"),
      device_needs_(sizeof(rasterize::FrameNeeds), "counters") {
  on_tensor_cores();  // refuses what cannot be
  allocate_if_lost();
}

bool Rasterizer::on_tensor_cores() const {
  const bool able = targets_.features == nullptr || scene_.gaussians().feature_channels == 0 ||
                    (scene_.storage() == rasterize::FeatureStorage::kHalf && scene_.features_are_finite());
  if (blend_ == Blend::kTensorCores && !able) {
    throw std::invalid_argument("features that are float or not finite cannot be blended on tensor cores");
  }
  return blend_ != Blend::kPlain && able;
}

void Rasterizer::allocate(const rasterize::FrameCapacities& capacities) {
  graph_ = Graph();
  buffers_ = {};
  memory_ = DeviceMemory();  // the old memory goes first
  const rasterize::FrameSizes sizes{capacities, scene_.gaussians().count, tiles_,
                                    rasterize::sort_scratch_bytes(capacities)};
  memory_ = DeviceMemory(rasterize::workspace_bytes(sizes), "drawing a frame");
  buffers_ = rasterize::place_buffers(sizes, memory_.at<void>());
  forget_needs();
}

void Rasterizer::allocate_if_lost() {
  if (memory_.bytes() == 0) allocate(rasterize::first_capacities(scene_.gaussians().count));
}

void Rasterizer::forget_needs() {
  check(cudaMemset(device_needs_.at<void>(), 0, sizeof(rasterize::FrameNeeds)), "clearing counters");
  check(cudaStreamSynchronize(nullptr), "clearing counters");  // frames' streams do not wait for the default one
  *needs_ = {};
}

void Rasterizer::set_view(const splatting::Camera& camera, const splatting::Vector3& background, cudaStream_t stream) {
  if (camera.width != width_ || camera.height != height_) {
    throw std::invalid_argument("a camera of " + std::to_string(camera.width) + " x " + std::to_string(camera.height) +
                                " pixels for images of " + std::to_string(width_) + " x " + std::to_string(height_));
  }
  rasterize::set_view(rasterize::make_frame_view(camera, background), view_.at<rasterize::FrameView>(), stream);
}

void Rasterizer::enqueue(cudaStream_t stream) const {
  if (tiles_ == 0) return;
  if (memory_.bytes() == 0) {
    throw OutOfMemory("out of GPU memory: a growth lost what frames are drawn in; make another rasterizer");
  }
  auto* needs = device_needs_.at<rasterize::FrameNeeds>();
  rasterize::draw_frame({scene_.gaussians(), scene_.features(), scene_.storage()},
                        view_.at<const rasterize::FrameView>(), buffers_, targets_, on_tensor_cores(), needs, stream);
  check(cudaMemcpyAsync(needs_.get(), needs, sizeof(rasterize::FrameNeeds), cudaMemcpyDeviceToHost, stream),
        "reading counters");
}

void Rasterizer::launch(cudaStream_t stream) {
  if (tiles_ == 0) return;
  allocate_if_lost();
  if (graph_.recorded() && recorded_generation_ == scene_.generation()) {
    graph_.launch(stream);
    return;
  }
  enqueue(stream);  // also loads the kernels, which recording could not
  graph_ = Graph(stream, [this](cudaStream_t recorded) { enqueue(recorded); });
  recorded_generation_ = scene_.generation();
}

bool Rasterizer::grow() {
  if (rasterize::fits(needs(), capacities())) return false;
  const rasterize::FrameCapacities before = capacities();
  rasterize::FrameCapacities more{};
  try {
    more = rasterize::grown(before, needs(), scene_.gaussians().count);
  } catch (const std::length_error&) {
    forget_needs();
    throw;
  }
  try {
    allocate(more);
  } catch (const OutOfMemory&) {
    allocate(before);
    throw;
  }
  return true;
}

bool Rasterizer::tighten() {
  const rasterize::FrameCapacities less = rasterize::tightened(capacities(), needs());
  if (less == capacities()) return false;
  allocate(less);
  return true;
}

void Rasterizer::draw(const splatting::Camera& camera, const splatting::Vector3& background, cudaStream_t stream) {
  set_view(camera, background, stream);
  allocate_if_lost();
  do {
    enqueue(stream);
    check(cudaStreamSynchronize(stream), "drawing a frame");
  } while (grow());
}

}  // namespace rtgs2::cuda
