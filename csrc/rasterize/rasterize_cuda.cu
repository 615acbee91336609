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
  allocate(rasterize::first_capacities(scene.gaussians().count));
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
  memory_ = DeviceMemory();  // the old memory goes first
  const std::size_t scratch = rasterize::sort_scratch_bytes(capacities);
  layout_ = rasterize::lay_out_frame(capacities, scene_.gaussians().count, tiles_, scratch);
  memory_ = DeviceMemory(layout_.size, "drawing a frame");
  buffers_ = {capacities,
              memory_.at<rasterize::FrameControl>(layout_.control),
              memory_.at<rasterize::AppendWord>(layout_.visible_words),
              memory_.at<rasterize::AppendWord>(layout_.pair_words),
              memory_.at<rasterize::PairRange>(layout_.ranges),
              {memory_.at<std::uint32_t>(layout_.depth_keys), memory_.at<std::uint32_t>(layout_.other_depth_keys)},
              {memory_.at<std::uint32_t>(layout_.members), memory_.at<std::uint32_t>(layout_.other_members)},
              {memory_.at<std::uint32_t>(layout_.tile_keys), memory_.at<std::uint32_t>(layout_.other_tile_keys)},
              {memory_.at<std::uint32_t>(layout_.pair_members), memory_.at<std::uint32_t>(layout_.other_pair_members)},
              memory_.at<rasterize::Ellipse>(layout_.ellipses),
              memory_.at<float>(layout_.base),
              memory_.at<std::uint32_t>(layout_.indices),
              memory_.at<rasterize::SmallTileRectangle>(layout_.rectangles),
              memory_.at<std::uint32_t>(layout_.tile_order),
              memory_.at<void>(layout_.sort_scratch),
              scratch};
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
  const rasterize::FrameBuffers& b = buffers_;
  const auto* view = view_.at<const rasterize::FrameView>();
  check(cudaMemsetAsync(memory_.at<void>(), 0, layout_.zeroed_end, stream), "clearing a frame");
  check(cudaMemsetAsync(memory_.at<void>(layout_.zeroed_end), 0xFF, layout_.padded_end - layout_.zeroed_end, stream),
        "clearing a frame");
  rasterize::project(scene_.gaussians(), view, targets_.rgb != nullptr, b, stream);
  const int by_depth =
      rasterize::sort(b.depth_keys, b.members, b.capacities.visible, 32, b.sort_scratch, b.sort_scratch_bytes, stream);
  rasterize::list_pairs(view, b.members[by_depth], b, stream);
  const int by_tile = rasterize::sort(b.tile_keys, b.pair_members, b.capacities.pairs, rasterize::tile_key_bits(tiles_),
                                      b.sort_scratch, b.sort_scratch_bytes, stream);
  auto* needs = device_needs_.at<rasterize::FrameNeeds>();
  rasterize::find_ranges(b.tile_keys[by_tile], tiles_, b, needs, stream);

  const rasterize::BlendArguments arguments{view,
                                            b.tile_order,
                                            b.ranges,
                                            b.pair_members[by_tile],
                                            b.ellipses,
                                            b.base,
                                            b.indices,
                                            scene_.features(),
                                            targets_.features == nullptr ? 0 : scene_.gaussians().feature_channels,
                                            targets_};
  if (on_tensor_cores()) {
    rasterize::blend_mma(arguments, tiles_, stream);
  } else {
    rasterize::blend_plain(arguments, scene_.storage(), tiles_, stream);
  }
  check(cudaMemcpyAsync(needs_.get(), needs, sizeof(rasterize::FrameNeeds), cudaMemcpyDeviceToHost, stream),
        "reading counters");
}

void Rasterizer::launch(cudaStream_t stream) {
  if (tiles_ == 0) return;
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
  const rasterize::FrameCapacities more = rasterize::grown(before, needs(), scene_.gaussians().count);
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
  do {
    enqueue(stream);
    check(cudaStreamSynchronize(stream), "drawing a frame");
  } while (grow());
}

}  // namespace rtgs2::cuda
