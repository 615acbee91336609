#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "rasterize/lift.h"
#include "rasterize/rasterize.h"
#include "simd/instruction_set.h"

namespace {

using rtgs2::splatting::Camera;

struct Lifted {
  std::vector<float> sums, weights;
  bool operator==(const Lifted& other) const {
    return inputs::same_bits(sums, other.sums) && inputs::same_bits(weights, other.weights);
  }
};

std::vector<float> make_pixels(std::uint32_t seed, const Camera& camera, std::int64_t channels) {
  inputs::Random random(seed);
  std::vector<float> pixels(static_cast<std::size_t>(camera.width * camera.height * channels));
  for (float& value : pixels) value = random.uniform(-1.0F, 1.0F);
  return pixels;
}

Lifted lift(const inputs::Gaussians& gaussians, const Camera& camera, const std::vector<float>& pixels,
            std::int64_t channels, int threads) {
  Lifted lifted{std::vector<float>(static_cast<std::size_t>(gaussians.count * channels)),
                std::vector<float>(static_cast<std::size_t>(gaussians.count))};
  rtgs2::lift_cpu(gaussians.arrays(), camera, {pixels.data(), channels}, {lifted.sums.data(), lifted.weights.data()},
                  threads);
  return lifted;
}

TEST(lifting_sums_over_pixels_what_drawing_blends) {
  // Drawn with a channel for each Gaussian, 1 for its own, a picture's channels are the Gaussians' weights.
  constexpr std::int64_t kCount = 150;
  for (const std::int64_t channels : {0, 1, 5, 15, 16, 22, 80}) {
    const Camera camera = inputs::make_camera(75, 50);
    const auto pixel_count = static_cast<std::size_t>(camera.width * camera.height);
    inputs::Gaussians gaussians = inputs::make_gaussians(31, kCount, 1, kCount);
    std::fill(gaussians.features.begin(), gaussians.features.end(), 0.0F);
    for (std::size_t i = 0; i < kCount; ++i) gaussians.features[i * kCount + i] = 1.0F;
    std::vector<float> drawn(kCount * pixel_count);
    rtgs2::rasterize_cpu(gaussians.arrays(), camera, {0, 0, 0}, {nullptr, drawn.data(), nullptr, nullptr}, 2);
    const std::vector<float> pixels = make_pixels(32, camera, channels);
    const Lifted found = lift(gaussians, camera, pixels, channels, 2);
    int seen = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      double weight = 0;
      for (std::size_t p = 0; p < pixel_count; ++p) weight += drawn[i * pixel_count + p];
      CHECK(std::fabs(found.weights[i] - weight) <= 2e-6 * (1 + weight));
      seen += weight > 0 ? 1 : 0;
      for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
        double sum = 0;
        for (std::size_t p = 0; p < pixel_count; ++p) {
          sum += double{drawn[i * pixel_count + p]} * pixels[c * pixel_count + p];
        }
        // Sums of up to 3750 values of both signs, in float: their rounding is bounded by the weights.
        CHECK(std::fabs(found.sums[i * static_cast<std::size_t>(channels) + c] - sum) <= 2e-6 * (1 + weight));
      }
    }
    CHECK(seen > 100);
  }
}

TEST(lifting_adds_to_what_is_there) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(33, 300, 1, 0);
  const Camera camera = inputs::make_camera(40, 30);
  const std::vector<float> pixels = make_pixels(34, camera, 3);
  const Lifted once = lift(gaussians, camera, pixels, 3, 1);
  Lifted twice = once;
  rtgs2::lift_cpu(gaussians.arrays(), camera, {pixels.data(), 3}, {twice.sums.data(), twice.weights.data()}, 3);
  for (std::size_t i = 0; i < twice.weights.size(); ++i) {
    CHECK(std::fabs(twice.weights[i] - 2 * once.weights[i]) <= 1e-6F * once.weights[i]);
  }
}

TEST(lifting_gives_the_same_bits_for_every_number_of_threads_and_instruction_set) {
  // 16 channels and more than 64 MiB of rows: tiles are worked on in parts. Hostile values do not change that.
  const auto forced = rtgs2::forced_instruction_set();
  const std::vector<inputs::Gaussians> scenes{inputs::make_gaussians(35, 4000, 1, 0, 50),
                                              inputs::make_layers(36, 60'000)};
  for (const inputs::Gaussians& gaussians : scenes) {
    for (const std::int64_t channels : {3, 16, 40}) {
      const Camera camera = inputs::make_camera(133, 71);
      const std::vector<float> pixels = make_pixels(37, camera, channels);
      const Lifted one = lift(gaussians, camera, pixels, channels, 1);
      CHECK(*std::max_element(one.weights.begin(), one.weights.end()) > 0.1F);
      for (const int threads : {0, 2, 3, 16}) CHECK(lift(gaussians, camera, pixels, channels, threads) == one);
      for (const rtgs2::InstructionSet set : rtgs2::available_instruction_sets()) {
        rtgs2::force_instruction_set(set);
        CHECK(lift(gaussians, camera, pixels, channels, 2) == one);
      }
      rtgs2::force_instruction_set(forced);
    }
  }
}

TEST(lifting_in_parts_is_lifting_at_once) {
  // Each of 1200 Gaussians covers all 1024 tiles: 1.2 million rows of 64 bytes, which are more than fit at once. All
  // are faint, so that each pixel sees the first ones only; nothing of a Gaussian may be lost where the tiles are cut.
  inputs::Gaussians gaussians = inputs::make_gaussians(38, 1200, 1, 0);
  for (std::size_t i = 0; i < gaussians.opacities.size(); ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      gaussians.means[3 * i + k] = k == 2 ? 2.0F + 0.001F * static_cast<float>(i) : 0.0F;
      gaussians.scales[3 * i + k] = 1e3F;
    }
    gaussians.opacities[i] = 0.1F;
  }
  const Camera camera = inputs::make_camera(512, 512);
  const std::vector<float> pixels(512 * 512, 1.0F);
  const Lifted lifted = lift(gaussians, camera, pixels, 1, 3);
  double transmittance = 1;
  for (std::size_t i = 0; i < gaussians.opacities.size(); ++i) {
    const double expected = transmittance * 0.9 < 1e-4 ? 0.0 : 0.1 * transmittance * 512 * 512;
    CHECK(std::fabs(lifted.weights[i] - expected) <= 1e-4 * expected);
    CHECK(lifted.sums[i] == lifted.weights[i]);
    transmittance *= 0.9;
  }
}

TEST(lifting_carries_a_nan_to_the_gaussians_that_show_it_only) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(39, 200, 1, 0);
  const Camera camera = inputs::make_camera(48, 32);
  std::vector<float> pixels = make_pixels(40, camera, 2);
  const Lifted clean = lift(gaussians, camera, pixels, 2, 1);
  pixels[5 * 48 + 7] = std::numeric_limits<float>::quiet_NaN();
  const Lifted found = lift(gaussians, camera, pixels, 2, 1);
  int touched = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    touched += std::isnan(found.sums[2 * i]) ? 1 : 0;
    CHECK(std::isnan(found.sums[2 * i]) || found.sums[2 * i] == clean.sums[2 * i]);
    CHECK(found.sums[2 * i + 1] == clean.sums[2 * i + 1]);
  }
  CHECK(touched > 0 && touched < 200);
  CHECK(inputs::same_bits(found.weights, clean.weights));
}

TEST(lifting_refuses_impossible_sizes_before_anything_is_added) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(41, 2, 1, 0);
  const auto run = [&](int width, std::int64_t channels) {
    rtgs2::lift_cpu(gaussians.arrays(), inputs::make_camera(width, 8), {nullptr, channels}, {}, 1);
  };
  CHECK_THROWS(run(-1, 1), std::invalid_argument, "-1 x 8");
  CHECK_THROWS(run(8, -1), std::invalid_argument, "-1 values a pixel");
  CHECK_THROWS(run(8, 65536), std::invalid_argument, "65536 values a pixel");
  run(0, 4);
}

}  // namespace
