// The pieces of the GPU's frame, one by one.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "argmax/pixel_quad.h"
#include "argmax/upsample_argmax.h"
#include "check.h"
#include "inputs.h"
#include "rasterize/blend_weights.h"
#include "rasterize/ellipse_reach.h"
#include "rasterize/feature_storage.h"
#include "rasterize/frame_buffers.h"
#include "rasterize/frame_targets.h"
#include "rasterize/frame_view.h"
#include "rasterize/ordered_append.h"
#include "rasterize/subtiles.h"
#include "rasterize/tile_lists.h"
#include "rasterize/tile_spans.h"
#include "rasterize/visible_gaussian.h"

namespace {

using namespace rtgs2::rasterize;

TEST(keys_sort_like_what_they_stand_for) {
  const std::array<float, 6> depths{0.2F, 0.20000002F, 1.0F, 37.5F, 1e30F, std::numeric_limits<float>::max()};
  for (std::size_t i = 1; i < depths.size(); ++i) CHECK(depth_key(depths[i - 1]) < depth_key(depths[i]));
  CHECK(depth_key(depths.back()) < kPaddingKey);
  for (const std::uint32_t tiles : {1U, 2U, 3U, 255U, 256U, 1200U, 65535U, 65536U, 1U << 20U}) {
    const int bits = tile_key_bits(tiles);
    const auto padding = static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1) & kPaddingKey;
    CHECK(padding >= tiles);     // behind the last tile
    CHECK(padding / 2 < tiles);  // with no more bits than that needs
  }
}

TEST(ranges_are_found_from_sorted_keys) {
  inputs::Random random(60);
  for (int repetition = 0; repetition < 50; ++repetition) {
    constexpr std::size_t kTiles = 20;
    std::vector<std::uint32_t> keys(random.below(60));
    for (std::uint32_t& key : keys) key = static_cast<std::uint32_t>(random.below(kTiles));
    std::sort(keys.begin(), keys.end());
    std::array<PairRange, kTiles> ranges{};
    const auto count = static_cast<std::uint32_t>(keys.size());
    for (std::uint32_t p = count; p-- > 0;) write_borders(keys.data(), count, p, ranges.data());
    for (std::uint32_t tile = 0; tile < kTiles; ++tile) {
      const auto [begin, end] = std::equal_range(keys.begin(), keys.end(), tile);
      CHECK(ranges[tile].end - ranges[tile].begin == end - begin);
      if (begin != end) CHECK(ranges[tile].begin == begin - keys.begin());
    }
  }
}

TEST(longer_lists_come_first) {
  CHECK_EQUAL(length_class({7, 7}), kLengthClasses - 1);
  CHECK_EQUAL(length_class({0, std::numeric_limits<std::uint32_t>::max()}), 0);
  for (std::uint32_t length = 1; length < 5000; ++length) {
    CHECK(length_class({3, 3 + length}) <= length_class({0, length - 1}));
  }
}

TEST(append_words_keep_state_and_count) {
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 50U}) {
    for (const auto state : {AppendWord::kOwn, AppendWord::kUpTo}) {
      CHECK(AppendWord::make(state, count).state() == state);
      CHECK(AppendWord::make(state, count).count() == count);
    }
  }
  CHECK(AppendWord{0}.state() == AppendWord::kNothing);
  CHECK_EQUAL(kept_count(std::uint64_t{1} << 40U, 7), 7U);
  CHECK_EQUAL(kept_count(6, 7), 6U);
}

TEST(buffers_of_a_frame_do_not_overlap) {
  for (const auto& [gaussians, capacities, tiles] :
       {std::tuple{std::int64_t{0}, FrameCapacities{1, 1}, 1U},
        {std::int64_t{1000}, FrameCapacities{700, 9000}, 1200U},
        {std::int64_t{1} << 30, FrameCapacities{1U << 30U, 1U << 30U}, 1U << 20U}}) {
    const FrameLayout l = lay_out_frame(capacities, gaussians, tiles, 12345);
    const std::size_t v = capacities.visible, p = capacities.pairs;
    const auto blocks = [](std::size_t count) { return (count + kAppendBlock - 1) / kAppendBlock; };
    std::vector<std::pair<std::size_t, std::size_t>> arrays{
        {l.control, sizeof(FrameControl)},
        {l.visible_words, blocks(static_cast<std::size_t>(gaussians)) * sizeof(AppendWord)},
        {l.pair_words, blocks(v) * sizeof(AppendWord)},
        {l.ranges, tiles * sizeof(PairRange)},
        {l.depth_keys, 4 * v},
        {l.tile_keys, 4 * p},
        {l.other_depth_keys, 4 * v},
        {l.other_tile_keys, 4 * p},
        {l.members, 4 * v},
        {l.other_members, 4 * v},
        {l.pair_members, 4 * p},
        {l.other_pair_members, 4 * p},
        {l.ellipses, sizeof(Ellipse) * v},
        {l.base, 16 * v},
        {l.indices, 4 * v},
        {l.rectangles, sizeof(SmallTileRectangle) * v},
        {l.tile_order, 4 * std::size_t{tiles}},
        {l.sort_scratch, 12345}};
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      CHECK(arrays[i].first % kBufferAlignment == 0);
      const bool zeroed = i < 4, padded = i == 4 || i == 5;
      const std::size_t end = arrays[i].first + arrays[i].second;
      if (zeroed) CHECK(end <= l.zeroed_end);
      if (padded) CHECK(l.zeroed_end <= arrays[i].first && end <= l.padded_end);
      if (!zeroed && !padded) CHECK(arrays[i].first >= l.padded_end);
      CHECK(end <= l.size);
    }
    std::sort(arrays.begin(), arrays.end());
    for (std::size_t i = 1; i < arrays.size(); ++i) {
      CHECK(arrays[i - 1].first + arrays[i - 1].second <= arrays[i].first);
    }
  }
}

TEST(capacities_grow_to_what_is_needed_and_no_further_than_allowed) {
  CHECK(fits({10, 20}, {10, 20}));
  CHECK(!fits({11, 20}, {10, 20}));
  CHECK(!fits({10, 21}, {10, 20}));
  CHECK(grown({10, 20}, {10, 40}, 1000) == (FrameCapacities{10, 50}));
  CHECK(grown({10, 20}, {100, 40}, 1000) == (FrameCapacities{125, 50}));
  CHECK(grown({10, 2000}, {100, 40}, 110) == (FrameCapacities{110, 2000}));
  const auto most = static_cast<std::uint32_t>(rtgs2::kMaxTilePairs);
  CHECK(grown({10, 20}, {10, most}, 1000).pairs == most);
  CHECK_THROWS(grown({10, 20}, {10, std::uint64_t{most} + 1}, 1000), std::length_error, "scales are linear");
  for (const std::int64_t gaussians :
       {std::int64_t{0}, std::int64_t{10}, std::int64_t{1'000'000}, kMaxDeviceGaussians}) {
    const FrameCapacities first = first_capacities(gaussians);
    CHECK(first.visible >= 1 && first.visible <= std::max<std::int64_t>(gaussians, 1));
    CHECK(first.pairs >= 1 && first.pairs <= rtgs2::kMaxTilePairs);
  }
}

TEST(capacities_that_cannot_grow_have_room_for_all_gaussians) {
  CHECK(fixed_capacities(0, 1) == (FrameCapacities{1, 1U << 20U}));
  CHECK(fixed_capacities(400'000, 1200) == (FrameCapacities{400'000, 1'600'000}));
  CHECK(fixed_capacities(1, 16384) == (FrameCapacities{1, 1U << 24U}));
  CHECK(fixed_capacities(1'000'000, 120 * 68).pairs == 1024 * 120 * 68);  // 1920 x 1080
  CHECK(fixed_capacities(kMaxDeviceGaussians, 1) == (FrameCapacities{1U << 30U, 1U << 30U}));
  FrameCapacities before{0, 0};
  for (std::int64_t gaussians = 1; gaussians <= kMaxDeviceGaussians; gaussians *= 2) {
    const FrameCapacities capacities = fixed_capacities(gaussians, 1200);
    CHECK(capacities.visible >= before.visible && capacities.pairs >= before.pairs);
    before = capacities;
  }
}

TEST(capacities_are_tightened_to_what_is_needed) {
  CHECK(tightened({1'000'000, 8'000'000}, {200'000, 1'000'000}) == (FrameCapacities{250'000, 1'250'000}));
  CHECK(tightened({1'000'000, 8'000'000}, {400'000, 3'200'000}) == (FrameCapacities{1'000'000, 8'000'000}));
  CHECK(tightened({1'000'000, 100'000}, {0, 0}) == (FrameCapacities{65536, 100'000}));
  CHECK(tightened({1, 1}, {0, 0}) == (FrameCapacities{1, 1}));
  const FrameNeeds needs{200'000, 1'000'000};
  CHECK(fits(needs, tightened({1'000'000, 8'000'000}, needs)));
}

TEST(memory_of_a_frame_stays_small) {
  // 1 million Gaussians at 640 x 480 of which 0.3 million are seen, with 2 million pairs, and a quarter to spare.
  CHECK(lay_out_frame({375'000, 2'500'000}, 1'000'000, 1200, 0).size < 80'000'000);
  CHECK(lay_out_frame(first_capacities(1'000'000), 1'000'000, 1200, 0).size < 90'000'000);
}

TEST(features_are_stored_in_few_widths) {
  for (const auto& [channels, tiles] : {std::pair<std::int64_t, int>{0, 0},
                                        {1, 1},
                                        {8, 1},
                                        {9, 2},
                                        {16, 2},
                                        {17, 4},
                                        {32, 4},
                                        {33, 8},
                                        {kMaxDeviceChannels, 8}}) {
    CHECK_EQUAL(feature_tiles(channels), tiles);
  }
}

TEST(images_are_laid_out_as_named) {
  CHECK_EQUAL(image_position(ImageLayout::kPlanar, 5, 2, 100, 32), 205);
  CHECK_EQUAL(image_position(ImageLayout::kChannelsLast, 5, 2, 100, 32), 162);
  CHECK_EQUAL(image_position(ImageLayout::kChannelsLast8, 5, 2, 100, 3), 42);
  CHECK_EQUAL(image_position(ImageLayout::kChannelsLast8, 5, 2, 100, 16), 82);
}

TEST(warps_share_a_tile_without_gap_or_overlap) {
  std::set<std::pair<int, int>> pixels;
  for (int warp = 0; warp < kSubtiles; ++warp) {
    const Subtile subtile = subtile_of(7, 3, warp);  // tile (1, 2)
    for (int i = 0; i < kSubtileWidth * kSubtileHeight; ++i) {
      pixels.emplace(subtile.left + i % kSubtileWidth, subtile.top + i / kSubtileWidth);
    }
  }
  CHECK_EQUAL(pixels.size(), std::size_t{256});
  CHECK(*pixels.begin() == std::pair(16, 32));
  CHECK(*pixels.rbegin() == std::pair(31, 47));
  std::set<int> gaussians;
  for (int slot = 0; slot < 16; ++slot) gaussians.insert(gaussian_in_slot(slot));
  CHECK(gaussians.size() == 16 && *gaussians.begin() == 0 && *gaussians.rbegin() == 15);
}

/// Ellipses of all shapes: needles, faint ones, centres far outside.
std::vector<std::pair<Ellipse, SmallTileRectangle>> make_ellipses(const FrameView& view, std::size_t hostile_odds) {
  inputs::Gaussians gaussians = inputs::make_gaussians(61, 800, 1, 0, hostile_odds);
  for (std::size_t i = 0; i < gaussians.opacities.size(); ++i) {
    if (i % 3 == 0) gaussians.scales[3 * i] *= 8.0F;
    if (i % 2 == 0) gaussians.scales[3 * i + 1] *= 0.02F;
    if (i % 5 == 0) gaussians.opacities[i] = 1.02F / 255.0F;
  }
  std::vector<std::pair<Ellipse, SmallTileRectangle>> found;
  const rtgs2::GaussianArrays arrays = gaussians.arrays();
  for (std::int64_t i = 0; i < arrays.count; ++i) {
    std::pair<Ellipse, SmallTileRectangle> next;
    if (find_visible(arrays, view, i, next.first, next.second)) found.push_back(next);
  }
  return found;
}

TEST(what_is_culled_reaches_no_pixel) {
  const FrameView view = make_frame_view(inputs::make_camera(100, 70), {});
  for (const std::size_t hostile_odds : {std::size_t{0}, std::size_t{10}}) {
    const auto ellipses = make_ellipses(view, hostile_odds);
    CHECK(ellipses.size() > 100);
    std::size_t kept = 0, culled = 0;
    for (const auto& [ellipse, tiles] : ellipses) {
      const TileSpans spans(ellipse, tiles);
      const EllipseReach reach = reach_of(ellipse, 100.0F, 70.0F);
      for (int row = tiles.top; row < tiles.bottom; ++row) {
        TileColumns columns{0, 0};
        if (spans.top() <= row && row < spans.bottom()) columns = spans.columns(row);
        for (int column = tiles.left; column < tiles.right; ++column) {
          const bool listed = columns.left <= column && column < columns.right;
          for (int warp = 0; warp < kSubtiles; ++warp) {
            const Subtile subtile = subtile_of(row * view.columns + column, view.columns, warp);
            const auto left = static_cast<float>(subtile.left), top = static_cast<float>(subtile.top);
            const bool picked = reaches_box(reach, left, top, left + 7.0F, top + 3.0F);
            ++(listed && picked ? kept : culled);
            if (listed && picked) continue;
            for (int i = 0; i < 32; ++i) {
              const float alpha =
                  counted_alpha(ellipse, left + static_cast<float>(i % 8), top + static_cast<float>(i / 8));
              CHECK(alpha == 0.0F);
            }
          }
        }
      }
    }
    CHECK(culled > kept / 2);  // it is worth something
  }
}

TEST(four_lanes_weigh_like_one_thread) {
  inputs::Random random(62);
  int ended = 0;
  for (int repetition = 0; repetition < 2000; ++repetition) {
    PixelTransmittance one{random.uniform(0.001F, 1.0F)}, four = one;
    if (repetition % 10 == 0) one.end(), four.end();
    const float most = repetition % 2 == 0 ? 0.99F : 0.2F;
    std::array<float, kGaussiansAtOnce> alphas{};
    for (float& alpha : alphas) alpha = random.below(3) == 0 ? 0.0F : random.uniform(1.0F / 255.0F, most);

    float weights[kLanesOfPixel][kLaneGaussians];
    std::vector<LaneProducts> lanes;
    for (std::size_t lane = 0; lane < kLanesOfPixel; ++lane) {
      std::copy_n(alphas.data() + lane * kLaneGaussians, kLaneGaussians, weights[lane]);
      lanes.emplace_back(transmitted(weights[lane]));
    }
    for (const int distance : {1, 2}) {
      const std::vector<LaneProducts> others = lanes;
      for (int lane = 0; lane < kLanesOfPixel; ++lane) {
        lanes[static_cast<std::size_t>(lane)].exchange(lane, distance,
                                                       others[static_cast<std::size_t>(lane ^ distance)].all);
      }
    }
    const float after = four.times(lanes[0].all);
    float end = four.value;
    for (std::size_t lane = 0; lane < kLanesOfPixel; ++lane) {
      CHECK(lanes[lane].all == lanes[0].all);
      const float left = weigh(four.value * lanes[lane].before, weights[lane]);
      end = std::min(end, left_at_end(four, left));
    }
    four.value = ends(four, after) ? -end : after;

    for (std::size_t i = 0; i < alphas.size(); ++i) {
      const float expected = one.alive() ? next_weight(alphas[i], one) : 0.0F;
      CHECK(std::fabs(weights[i / kLaneGaussians][i % kLaneGaussians] - expected) <= 2e-6F * expected);
    }
    CHECK(one.alive() == four.alive());
    CHECK(std::fabs(one.remaining() - four.remaining()) <= 2e-6F * one.remaining());
    ended += one.alive() ? 0 : 1;
  }
  CHECK(ended > 500 && ended < 1800);
}

TEST(pixels_end_and_stay_as_they_are) {
  PixelTransmittance pixel{1.0F};
  CHECK_EQUAL(next_weight(0.5F, pixel), 0.5F);
  CHECK_EQUAL(next_weight(0.0F, pixel), 0.0F);
  CHECK_EQUAL(pixel.value, 0.5F);
  pixel.value = 2e-4F;
  CHECK_EQUAL(next_weight(0.9F, pixel), 0.0F);
  CHECK(!pixel.alive());
  CHECK_EQUAL(pixel.remaining(), 2e-4F);
  CHECK_EQUAL(pixel.times(0.5F), -2e-4F);
  // Once one would have filled it, nothing behind counts, however faint.
  float alphas[kLaneGaussians] = {0.1F, 0.9F, 0.01F, 0.0F};
  CHECK_EQUAL(weigh(2e-4F, alphas), 2e-4F * (1.0F - 0.1F));
  CHECK(alphas[0] > 0.0F && alphas[1] == 0.0F && alphas[2] == 0.0F);
}

TEST(four_pixels_at_a_time_are_labelled_like_rows) {
  inputs::Random random(63);
  for (int repetition = 0; repetition < 12; ++repetition) {
    const auto classes = static_cast<std::int64_t>(1 + random.below(50));
    const auto rows = static_cast<std::int64_t>(1 + random.below(9));
    const auto columns = static_cast<std::int64_t>(1 + random.below(9));
    const std::int64_t height = 4 * rows - repetition % 4, width = 4 * columns - repetition % 3;
    std::vector<float> logits(static_cast<std::size_t>(classes * rows * columns));
    for (float& value : logits) {
      value = random.uniform(-5.0F, 5.0F);
      if (repetition % 3 == 1) value = std::nearbyint(value);  // ties
      if (repetition % 3 == 2) value = random.hostile(value, 9);
    }
    const auto pixels = static_cast<std::size_t>(height * width);
    std::vector<std::uint8_t> labels(pixels), expected(pixels);
    std::vector<float> confidence(pixels), expected_confidence(pixels);
    rtgs2::upsample_argmax_cpu({logits.data(), classes, rows, columns, height, width}, expected.data(),
                               expected_confidence.data(), 1);
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t column = 0; 4 * column < width; ++column) {
        const auto at = rtgs2::argmax::QuadPosition::of(y, column, rows, columns);
        const auto values_of = [&](std::int64_t c, float (&values)[4]) {
          const float* plane = logits.data() + c * rows * columns;
          rtgs2::argmax::interpolate_quad(at, [plane](std::int64_t i) { return plane[i]; }, values);
        };
        rtgs2::argmax::QuadMaximum maximum;
        std::array<float, 4> sums{};
        float values[4];
        for (std::int32_t c = 0; c < classes; ++c) {
          values_of(c, values);
          maximum.take(c, values);
        }
        for (std::int32_t c = 0; c < classes; ++c) {
          values_of(c, values);
          for (std::size_t i = 0; i < 4; ++i) {
            sums[i] += rtgs2::splatting::exp_nonpositive(values[i] - maximum.largest[i]);
          }
        }
        for (std::int64_t i = 0; i < 4 && 4 * column + i < width; ++i) {
          const auto pixel = static_cast<std::size_t>(y * width + 4 * column + i);
          labels[pixel] = static_cast<std::uint8_t>(maximum.label[i]);
          confidence[pixel] = 1.0F / sums[static_cast<std::size_t>(i)];
        }
      }
    }
    CHECK(labels == expected);
    for (std::size_t i = 0; i < pixels; ++i) {
      CHECK(confidence[i] == expected_confidence[i] ||
            (std::isnan(confidence[i]) && std::isnan(expected_confidence[i])));
    }
  }
}

}  // namespace
