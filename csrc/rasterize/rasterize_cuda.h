// Draws Gaussians on the GPU: colour, features, alpha and depth of one view, in one pass, without asking the host.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/graph.h"
#include "cuda/memory.h"
#include "rasterize/device_scene.h"
#include "rasterize/frame_cuda.h"
#include "rasterize/frame_targets.h"
#include "splatting/camera.h"
#include "splatting/vector.h"

namespace rtgs2::cuda {

/// How to blend: kTensorCores wants half features that are all finite (or none), kBest takes them where it may.
enum class Blend { kBest, kPlain, kTensorCores };

/// A scene, an image size and where the pixels go. Draws what rasterize_cpu() draws, with the same rules.
///
///   rasterizer.set_view(camera, background, stream);  // any number of times, frames in the stream's order
///   rasterizer.enqueue(stream);                       // no synchronisation, no allocation: may be captured in a graph
///   cudaStreamSynchronize(stream);
///   if (rasterizer.grow()) ...                        // it did not fit: record any graph anew, and draw again
///
/// draw() does all of that. Not for several threads at once; several rasterizers may share a scene.
class Rasterizer {
 public:
  /// The scene must outlive it. Throws std::invalid_argument for impossible sizes, OutOfMemory, Error.
  Rasterizer(const DeviceScene& scene, int width, int height, const rasterize::FrameTargets& targets, Blend blend);

  /// The view of the frames that are enqueued on the stream from here on. Its width and height must be this size.
  void set_view(const splatting::Camera& camera, const splatting::Vector3& background, cudaStream_t stream);

  /// Enqueues a frame. If it does not fit, its picture lacks Gaussians, and needs() says so. Throws OutOfMemory where
  /// an earlier growth lost the memory.
  void enqueue(cudaStream_t stream) const;

  /// As enqueue(), but at first, and when scene or capacities have changed, a graph is recorded, which later calls
  /// launch. Memory that an earlier growth lost is asked for again (OutOfMemory). Not on the default stream.
  void launch(cudaStream_t stream);

  /// The most that frames needed since the last growth, once the stream has been waited for.
  const rasterize::FrameNeeds& needs() const { return *needs_; }
  const rasterize::FrameCapacities& capacities() const { return buffers_.capacities; }

  /// Takes more memory if frames did not fit; false if all did. Nothing of it may be running. Throws std::length_error
  /// beyond kMaxTilePairs pairs, which forgets that such a view was drawn, so that others can be; and OutOfMemory,
  /// after which it is as before, or without memory if not even that can be had: enqueue() throws then, launch() and
  /// draw() ask for it again.
  bool grow();

  /// Once typical frames have been drawn: gives back memory if they needed less than half of it, which makes frames
  /// faster too. Whether it did; nothing of it may be running.
  bool tighten();

  /// Sets the view, draws, waits, and repeats with more memory until it fits.
  void draw(const splatting::Camera& camera, const splatting::Vector3& background, cudaStream_t stream);

  /// Device memory of the frame, without scene and images.
  std::size_t bytes() const { return memory_.bytes(); }

 private:
  void allocate(const rasterize::FrameCapacities& capacities);
  void allocate_if_lost();
  void forget_needs();
  bool on_tensor_cores() const;

  const DeviceScene& scene_;
  int width_, height_;
  std::uint32_t tiles_;
  rasterize::FrameTargets targets_;
  Blend blend_;
  rasterize::FrameBuffers buffers_{};
  DeviceMemory memory_;
  DeviceMemory view_, device_needs_;
  Pinned<rasterize::FrameNeeds> needs_;
  Graph graph_;
  int recorded_generation_ = 0;  // of the scene
};

}  // namespace rtgs2::cuda
