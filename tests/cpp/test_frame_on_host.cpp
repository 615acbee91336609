// The GPU's frame, drawn on the host, against the CPU rasteriser.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "frame_on_host.h"
#include "inputs.h"
#include "rasterize/rasterize.h"
#include "rendering.h"

namespace {

using frame_on_host::Blend;
using frame_on_host::Frame;
using rtgs2::rasterize::FrameCapacities;
using rtgs2::rasterize::FrameNeeds;

constexpr FrameCapacities kAmple{4096, 1U << 18};

/// Equal to the last bit, but that any NaN is as good as another.
bool same_values(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

bool same_picture(const Image& a, const Image& b) {
  return same_values(a.rgb, b.rgb) && same_values(a.features, b.features) && same_values(a.alpha, b.alpha) &&
         same_values(a.depth, b.depth);
}

TEST(frame_of_the_gpu_gives_the_bits_of_the_cpu) {
  const std::array<int, 4> sh_counts{1, 4, 9, 16};
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(30 + seed, 1500, sh_counts[seed], 5);
    const auto camera = inputs::make_camera(75 + 16 * static_cast<int>(seed), 50);
    Frame frame(gaussians, camera, kAmple);
    CHECK(same_picture(frame.draw(Blend::kPlain), draw(gaussians, camera, 1)));
    CHECK(frame.needs().visible > 500);
  }
}

TEST(frame_of_the_gpu_survives_hostile_gaussians) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(seed, 300, 4, 3, seed % 2 == 0 ? 4 : 40);
    const auto camera = inputs::make_camera(67, 43);
    CHECK(same_picture(Frame(gaussians, camera, kAmple).draw(Blend::kPlain), draw(gaussians, camera, 1)));
  }
}

TEST(frame_of_the_gpu_survives_hostile_cameras) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(8, 200, 4, 3);
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    inputs::Random random(seed);
    std::array<double, 16> pose{};
    for (double& value : pose) value = random.hostile(random.uniform(-1.0F, 1.0F), 5);
    const double fx = random.hostile(40.0F, 3), fy = random.hostile(40.0F, 3);
    const auto camera = rtgs2::splatting::make_camera(33, 35, fx, fy, random.hostile(20.0F, 3), 18, pose.data());
    CHECK(same_picture(Frame(gaussians, camera, kAmple).draw(Blend::kPlain), draw(gaussians, camera, 1)));
  }
}

TEST(blending_on_tensor_cores_agrees_with_the_cpu) {
  for (const std::int64_t channels : {0, 5, 8, 32}) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(50, 2500, 4, channels);
    const auto camera = inputs::make_camera(83, 61);
    const Image found = Frame(gaussians, camera, kAmple).draw(Blend::kTensorCores);
    const Image expected = draw(gaussians, camera, 1);
    CHECK(*std::max_element(expected.alpha.begin(), expected.alpha.end()) > 0.99F);
    // Sums of float32 in another order.
    check_close(found.alpha, expected.alpha, 2e-6F, 0.01F);
    check_close(found.rgb, expected.rgb, 5e-6F, 0.01F);
    check_close(found.depth, expected.depth, 2e-5F, 0.03F);
    // Features below 1 and weights that sum up to 1 at most, both rounded to half: 2^-12 each.
    check_close(found.features, expected.features, 0x1p-11F, 0.01F);
  }
}

TEST(tensor_cores_draw_colours_that_are_not_finite_only_where_they_reach) {
  inputs::Gaussians gaussians = inputs::make_gaussians(51, 300, 1, 0);
  for (std::size_t i = 0; i < gaussians.sh.size(); i += 90) {
    gaussians.sh[i] = std::numeric_limits<float>::infinity();
  }
  const auto camera = inputs::make_camera(60, 40);
  const Image found = Frame(gaussians, camera, kAmple).draw(Blend::kTensorCores);
  const Image expected = draw(gaussians, camera, 1);
  std::size_t infinite = 0, different = 0;
  for (std::size_t i = 0; i < found.rgb.size(); ++i) {
    infinite += std::isfinite(expected.rgb[i]) ? 0 : 1;
    different += std::isfinite(expected.rgb[i]) != std::isfinite(found.rgb[i]) ? 1 : 0;
  }
  CHECK(infinite > 100 && infinite < found.rgb.size());
  CHECK(different <= 2);
}

TEST(frame_that_does_not_fit_says_so_and_fits_after_growth) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(52, 2000, 1, 2);
  const auto camera = inputs::make_camera(90, 70);
  const Image expected = draw(gaussians, camera, 1);
  for (const FrameCapacities& first :
       {FrameCapacities{1, 1}, FrameCapacities{50, 100}, FrameCapacities{4096, 10}, FrameCapacities{300, 1U << 18}}) {
    FrameCapacities capacities = first;
    int frames = 0;
    for (;; ++frames) {
      Frame frame(gaussians, camera, capacities);
      const Image image = frame.draw(Blend::kPlain);
      const FrameNeeds needs = frame.needs();
      if (fits(needs, capacities)) {
        CHECK(same_picture(image, expected));
        break;
      }
      CHECK(frames < 3);
      const FrameCapacities next = grown(capacities, needs, gaussians.count);
      CHECK(next.visible >= capacities.visible && next.pairs >= capacities.pairs && !(next == capacities));
      capacities = next;
    }
    CHECK(frames >= 1);
  }
}

TEST(frame_of_nothing_is_the_background) {
  inputs::Gaussians none;
  none.feature_channels = 2;
  for (const Blend blend : {Blend::kPlain, Blend::kTensorCores}) {
    CHECK(same_picture(Frame(none, inputs::make_camera(20, 20), {1, 1}).draw(blend),
                       draw(none, inputs::make_camera(20, 20), 1)));
  }
}

}  // namespace
