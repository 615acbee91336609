// A whole frame of the GPU, drawn by the host: the same buffers, steps and functions, one thread after the other.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "cuda_on_host/half.h"
#include "inputs.h"
#include "rasterize/blend_weights.h"
#include "rasterize/ellipse_reach.h"
#include "rasterize/feature_storage.h"
#include "rasterize/frame_buffers.h"
#include "rasterize/frame_view.h"
#include "rasterize/subtiles.h"
#include "rasterize/tile_lists.h"
#include "rasterize/tile_spans.h"
#include "rasterize/visible_gaussian.h"
#include "rendering.h"

namespace frame_on_host {

using namespace rtgs2::rasterize;

using on_host::round_to_half;

enum class Blend { kPlain, kTensorCores };

class Frame {
 public:
  Frame(const inputs::Gaussians& gaussians, const rtgs2::splatting::Camera& camera, const FrameCapacities& capacities)
      : gaussians_(gaussians.arrays()),
        view_(make_frame_view(camera, {0.1F, 0.2F, 0.3F})),
        tiles_(static_cast<std::uint32_t>(view_.columns * view_.rows)),
        capacities_(capacities),
        layout_(lay_out_frame(capacities, gaussians.count, tiles_, 0)),
        memory_(layout_.size / sizeof(Piece) + 1, Piece{}) {
    std::memset(memory_.data(), 0xA5, layout_.size);  // what an earlier frame left
  }

  Image draw(Blend blend) {
    std::memset(at<char>(0), 0, layout_.zeroed_end);
    std::memset(at<char>(layout_.zeroed_end), 0xFF, layout_.padded_end - layout_.zeroed_end);
    project();
    sort(at<std::uint32_t>(layout_.depth_keys), at<std::uint32_t>(layout_.members), capacities_.visible, 32);
    list_pairs();
    sort(at<std::uint32_t>(layout_.tile_keys), at<std::uint32_t>(layout_.pair_members), capacities_.pairs,
         tile_key_bits(tiles_));
    const std::uint32_t count = kept_count(control().pairs, capacities_.pairs);
    for (std::uint32_t p = 0; p < count; ++p) {
      write_borders(at<std::uint32_t>(layout_.tile_keys), count, p, at<PairRange>(layout_.ranges));
    }
    Image image(view_.camera.width, view_.camera.height, gaussians_.feature_channels);
    for (std::uint32_t tile = 0; tile < tiles_; ++tile) {
      for (int warp = 0; warp < kSubtiles; ++warp) {
        if (blend == Blend::kPlain) {
          blend_plain(static_cast<int>(tile), warp, image);
        } else {
          blend_on_tensor_cores(static_cast<int>(tile), warp, image);
        }
      }
    }
    return image;
  }

  FrameNeeds needs() { return {control().visible, control().pairs}; }

 private:
  struct alignas(kBufferAlignment) Piece {
    std::array<std::byte, kBufferAlignment> bytes;
  };

  template <typename T>
  T* at(std::size_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(memory_.data()) + offset);
  }
  FrameControl& control() { return *at<FrameControl>(layout_.control); }

  void project() {
    for (std::int64_t i = 0; i < gaussians_.count; ++i) {
      Ellipse ellipse;
      SmallTileRectangle rectangle;
      if (!find_visible(gaussians_, view_, i, ellipse, rectangle)) continue;
      const std::uint64_t member = control().visible++;
      if (member >= capacities_.visible) continue;
      const rtgs2::splatting::Vector3 colour = colour_of(gaussians_, view_.camera, i);
      const std::array<float, kBaseChannels> base{colour.x, colour.y, colour.z, ellipse.depth};
      at<Ellipse>(layout_.ellipses)[member] = ellipse;
      at<SmallTileRectangle>(layout_.rectangles)[member] = rectangle;
      at<std::uint32_t>(layout_.indices)[member] = static_cast<std::uint32_t>(i);
      at<std::array<float, kBaseChannels>>(layout_.base)[member] = base;
      at<std::uint32_t>(layout_.depth_keys)[member] = depth_key(ellipse.depth);
      at<std::uint32_t>(layout_.members)[member] = static_cast<std::uint32_t>(member);
    }
  }

  /// Stable, of the whole capacity, by the low bits: what the GPU's radix sort does.
  static void sort(std::uint32_t* keys, std::uint32_t* values, std::uint32_t capacity, int bits) {
    const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
    std::vector<std::uint32_t> order(capacity), old_keys(keys, keys + capacity), old_values(values, values + capacity);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return (old_keys[a] & mask) < (old_keys[b] & mask); });
    for (std::uint32_t i = 0; i < capacity; ++i) {
      keys[i] = old_keys[order[i]];
      values[i] = old_values[order[i]];
    }
  }

  void list_pairs() {
    const std::uint32_t count = kept_count(control().visible, capacities_.visible);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t member = at<std::uint32_t>(layout_.members)[i];
      const TileSpans spans(at<Ellipse>(layout_.ellipses)[member], at<SmallTileRectangle>(layout_.rectangles)[member]);
      for (int row = spans.top(); row < spans.bottom(); ++row) {
        const TileColumns columns = spans.columns(row);
        for (int column = columns.left; column < columns.right; ++column) {
          const std::uint64_t pair = control().pairs++;
          if (pair >= capacities_.pairs) continue;
          at<std::uint32_t>(layout_.tile_keys)[pair] = static_cast<std::uint32_t>(row * view_.columns + column);
          at<std::uint32_t>(layout_.pair_members)[pair] = member;
        }
      }
    }
  }

  const float* base(std::uint32_t member) { return at<float>(layout_.base) + std::size_t{kBaseChannels} * member; }
  const float* features(std::uint32_t member) {
    return gaussians_.features + at<std::uint32_t>(layout_.indices)[member] * gaussians_.feature_channels;
  }

  /// Pixel of a lane in the plain kernel.
  void blend_plain(int tile, int warp, Image& image) {
    const PairRange range = at<PairRange>(layout_.ranges)[tile];
    const Subtile subtile = subtile_of(tile, view_.columns, warp);
    for (int lane = 0; lane < 32; ++lane) {
      const int x = subtile.left + lane % kSubtileWidth, y = subtile.top + lane / kSubtileWidth;
      if (x >= view_.camera.width || y >= view_.camera.height) continue;
      PixelTransmittance pixel{1.0F};
      std::vector<float> sums(static_cast<std::size_t>(kBaseChannels + gaussians_.feature_channels));
      for (std::uint32_t p = range.begin; p < range.end && pixel.alive(); ++p) {
        const std::uint32_t member = at<std::uint32_t>(layout_.pair_members)[p];
        const float weight = next_weight(
            counted_alpha(at<Ellipse>(layout_.ellipses)[member], static_cast<float>(x), static_cast<float>(y)), pixel);
        if (weight == 0.0F) continue;
        for (std::size_t c = 0; c < sums.size(); ++c) {
          sums[c] += weight * (c < kBaseChannels ? base(member)[c] : features(member)[c - kBaseChannels]);
        }
      }
      write(x, y, sums, pixel, image);
    }
  }

  void blend_on_tensor_cores(int tile, int warp, Image& image) {
    constexpr std::uint32_t kBatch = 128;
    const PairRange range = at<PairRange>(layout_.ranges)[tile];
    const Subtile subtile = subtile_of(tile, view_.columns, warp);
    const auto channels = static_cast<std::size_t>(gaussians_.feature_channels);
    const auto columns = static_cast<std::size_t>(kSubtileWidth);
    // By row, then column of the sub-tile.
    std::vector<PixelTransmittance> pixels(columns * kSubtileHeight);
    std::vector<std::vector<float>> sums(pixels.size(), std::vector<float>(kBaseChannels + channels));
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      pixels[i].value = x_of(subtile, i) < view_.camera.width && y_of(subtile, i) < view_.camera.height ? 1.0F : -1.0F;
    }
    for (std::uint32_t first = range.begin; first < range.end; first += kBatch) {
      std::vector<std::uint32_t> picked;
      for (std::uint32_t p = first; p < std::min(range.end, first + kBatch); ++p) {
        const std::uint32_t member = at<std::uint32_t>(layout_.pair_members)[p];
        const auto left = static_cast<float>(subtile.left), top = static_cast<float>(subtile.top);
        if (reaches_box(reach_of(at<Ellipse>(layout_.ellipses)[member], static_cast<float>(view_.camera.width),
                                 static_cast<float>(view_.camera.height)),
                        left, top, left + (kSubtileWidth - 1), top + (kSubtileHeight - 1))) {
          picked.push_back(member);
        }
      }
      for (std::size_t i = 0; i < picked.size(); i += kGaussiansAtOnce) {
        const std::size_t count = std::min<std::size_t>(picked.size() - i, kGaussiansAtOnce);
        blend_16(subtile, picked.data() + i, count, pixels, sums);
      }
    }
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const int x = x_of(subtile, i), y = y_of(subtile, i);
      if (x < view_.camera.width && y < view_.camera.height) write(x, y, sums[i], pixels[i], image);
    }
  }

  static int x_of(const Subtile& subtile, std::size_t i) { return subtile.left + static_cast<int>(i) % kSubtileWidth; }
  static int y_of(const Subtile& subtile, std::size_t i) { return subtile.top + static_cast<int>(i) / kSubtileWidth; }

  /// The 16 x 16 weights are put into the tensor core's slots lane by lane, and multiplied with the features as the
  /// slots name them.
  void blend_16(const Subtile& subtile, const std::uint32_t* picked, std::size_t count,
                std::vector<PixelTransmittance>& pixels, std::vector<std::vector<float>>& sums) {
    const auto channels = static_cast<std::size_t>(gaussians_.feature_channels);
    for (int half = 0; half < kSubtileHeight / 2; ++half) {
      float a[16][16] = {};
      for (int second = 0; second < 2; ++second) {
        for (int column = 0; column < kSubtileWidth; ++column) {
          const auto i = static_cast<std::size_t>(row_of_product(half, second) * kSubtileWidth + column);
          float weights[kLanesOfPixel][kLaneGaussians];
          weigh_pixel(static_cast<float>(x_of(subtile, i)), static_cast<float>(y_of(subtile, i)), picked, count,
                      pixels[i], weights);
          for (int lane = 0; lane < kLanesOfPixel; ++lane) {
            float* row = a[column + 8 * second];
            row[2 * lane] = round_to_half(weights[lane][0]);
            row[2 * lane + 1] = round_to_half(weights[lane][1]);
            row[2 * lane + 8] = round_to_half(weights[lane][2]);
            row[2 * lane + 9] = round_to_half(weights[lane][3]);
            for (std::size_t j = 0; j < kLaneGaussians; ++j) {
              if (weights[lane][j] == 0.0F) continue;
              const std::uint32_t member = picked[static_cast<std::size_t>(lane) * kLaneGaussians + j];
              for (std::size_t c = 0; c < kBaseChannels; ++c) sums[i][c] += weights[lane][j] * base(member)[c];
            }
          }
        }
      }
      for (std::size_t pixel = 0; pixel < 16; ++pixel) {
        const auto row = static_cast<std::size_t>(row_of_product(half, static_cast<int>(pixel / 8)));
        std::vector<float>& sum = sums[row * kSubtileWidth + pixel % 8];
        for (int slot = 0; slot < 16; ++slot) {
          const auto gaussian = static_cast<std::size_t>(gaussian_in_slot(slot));
          if (gaussian >= count) {
            // Padding has no weight, whatever its features.
            if (a[pixel][slot] != 0.0F) sum[0] = std::numeric_limits<float>::quiet_NaN();
            continue;
          }
          for (std::size_t c = 0; c < channels; ++c) {
            sum[kBaseChannels + c] += a[pixel][slot] * round_to_half(features(picked[gaussian])[c]);
          }
        }
      }
    }
  }

  void weigh_pixel(float x, float y, const std::uint32_t* picked, std::size_t count, PixelTransmittance& pixel,
                   float (&weights)[kLanesOfPixel][kLaneGaussians]) {
    std::vector<LaneProducts> lanes;
    for (std::size_t lane = 0; lane < kLanesOfPixel; ++lane) {
      for (std::size_t j = 0; j < kLaneGaussians; ++j) {
        const std::size_t i = lane * kLaneGaussians + j;
        weights[lane][j] = i < count ? counted_alpha(at<Ellipse>(layout_.ellipses)[picked[i]], x, y) : 0.0F;
      }
      lanes.emplace_back(transmitted(weights[lane]));
    }
    for (const int distance : {1, 2}) {
      const std::vector<LaneProducts> others = lanes;
      for (int lane = 0; lane < kLanesOfPixel; ++lane) {
        lanes[static_cast<std::size_t>(lane)].exchange(lane, distance,
                                                       others[static_cast<std::size_t>(lane ^ distance)].all);
      }
    }
    const float after = pixel.times(lanes[0].all);
    float end = pixel.value;
    for (std::size_t lane = 0; lane < kLanesOfPixel; ++lane) {
      const float left = weigh(pixel.value * lanes[lane].before, weights[lane]);
      end = std::min(end, left_at_end(pixel, left));
    }
    pixel.value = ends(pixel, after) ? -end : after;
  }

  void write(int x, int y, const std::vector<float>& sums, const PixelTransmittance& pixel, Image& image) {
    const auto width = static_cast<std::size_t>(view_.camera.width);
    const std::size_t plane = width * static_cast<std::size_t>(view_.camera.height);
    const std::size_t position = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x);
    const std::array<float, 3> background{view_.background.x, view_.background.y, view_.background.z};
    for (std::size_t c = 0; c < 3; ++c) {
      image.rgb[c * plane + position] = sums[c] + pixel.remaining() * background[c];
    }
    image.depth[position] = sums[3];
    image.alpha[position] = 1.0F - pixel.remaining();
    for (std::size_t c = kBaseChannels; c < sums.size(); ++c) {
      image.features[(c - kBaseChannels) * plane + position] = sums[c];
    }
  }

  rtgs2::GaussianArrays gaussians_;
  FrameView view_;
  std::uint32_t tiles_;
  FrameCapacities capacities_;
  FrameLayout layout_;
  std::vector<Piece> memory_;
};

}  // namespace frame_on_host
