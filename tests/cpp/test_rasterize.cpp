#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "inputs.h"
#include "rasterize/rasterize.h"
#include "rendering.h"
#include "simd/instruction_set.h"

namespace {

using rtgs2::splatting::Camera;
using Matrix = std::array<std::array<double, 3>, 3>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix b{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) b[i][j] = a[j][i];
  }
  return b;
}

/// A Gaussian on the screen, by the textbook: covariance J W R S S R^T W^T J^T + 0.3 I and its inverse, in double.
struct Ellipse {
  double x, y, z, radius, inverse_xx, inverse_xy, inverse_yy;
  std::array<double, 3> colour;
};

/// False if the Gaussian is behind the near plane. Colour of degree 0.
bool project(const inputs::Gaussians& g, const Camera& camera, std::size_t i, Ellipse& e) {
  const Matrix world_to_view{{{camera.rotation.x.x, camera.rotation.x.y, camera.rotation.x.z},
                              {camera.rotation.y.x, camera.rotation.y.y, camera.rotation.y.z},
                              {camera.rotation.z.x, camera.rotation.z.y, camera.rotation.z.z}}};
  const std::array<double, 3> position{camera.position.x, camera.position.y, camera.position.z};
  std::array<double, 3> view{};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t k = 0; k < 3; ++k) view[r] += world_to_view[r][k] * (g.means[3 * i + k] - position[k]);
  }
  if (view[2] <= 0.2) return false;
  const float* q = g.rotations.data() + 4 * i;
  const double length =
      std::sqrt(double{q[0]} * q[0] + double{q[1]} * q[1] + double{q[2]} * q[2] + double{q[3]} * q[3]);
  const double w = q[0] / length, a = q[1] / length, b = q[2] / length, c = q[3] / length;
  Matrix axes{{{1 - 2 * (b * b + c * c), 2 * (a * b - w * c), 2 * (a * c + w * b)},
               {2 * (a * b + w * c), 1 - 2 * (a * a + c * c), 2 * (b * c - w * a)},
               {2 * (a * c - w * b), 2 * (b * c + w * a), 1 - 2 * (a * a + b * b)}}};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t k = 0; k < 3; ++k) axes[r][k] *= g.scales[3 * i + k];
  }
  const double width = camera.width, height = camera.height;
  const double tx = std::clamp(view[0] / view[2], (-camera.cx - 0.15 * width) / camera.fx,
                               (width - camera.cx + 0.15 * width) / camera.fx);
  const double ty = std::clamp(view[1] / view[2], (-camera.cy - 0.15 * height) / camera.fy,
                               (height - camera.cy + 0.15 * height) / camera.fy);
  const Matrix jacobian{
      {{camera.fx / view[2], 0, -camera.fx * tx / view[2]}, {0, camera.fy / view[2], -camera.fy * ty / view[2]}, {}}};
  const Matrix root = product(product(jacobian, world_to_view), axes);
  const Matrix covariance = product(root, transposed(root));
  const double xx = covariance[0][0] + 0.3, xy = covariance[0][1], yy = covariance[1][1] + 0.3;
  const double determinant = xx * yy - xy * xy, middle = 0.5 * (xx + yy);
  e.x = camera.fx * view[0] / view[2] + camera.cx - 0.5;
  e.y = camera.fy * view[1] / view[2] + camera.cy - 0.5;
  e.z = view[2];
  e.radius = std::ceil(3 * std::sqrt(middle + std::sqrt(std::max(0.1, middle * middle - determinant))));
  e.inverse_xx = yy / determinant;
  e.inverse_xy = -xy / determinant;
  e.inverse_yy = xx / determinant;
  for (std::size_t k = 0; k < 3; ++k) {
    e.colour[k] = std::max(0.0, 0.28209479177387814 * g.sh[3 * static_cast<std::size_t>(g.sh_count) * i + k] + 0.5);
  }
  return true;
}

/// Pixel by pixel, from near to far all Gaussians whose square touches the pixel's tile.
Image draw_reference(const inputs::Gaussians& g, const Camera& camera) {
  Image image(camera.width, camera.height, g.feature_channels);
  std::vector<Ellipse> ellipses(static_cast<std::size_t>(g.count));
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < ellipses.size(); ++i) {
    if (project(g, camera, i, ellipses[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ellipses[a].z < ellipses[b].z; });
  const auto pixels = static_cast<std::size_t>(camera.width * camera.height);
  const auto channels = static_cast<std::size_t>(g.feature_channels);
  const auto touches = [](double centre, double radius, int tile) {
    return std::trunc((centre - radius) / 16) <= tile && tile < std::trunc((centre + radius + 15) / 16);
  };
  const auto draw_pixel = [&](int x, int y, const std::vector<std::size_t>& members) {
    const auto pixel = static_cast<std::size_t>(y * camera.width + x);
    double transmittance = 1, depth = 0;
    std::array<double, 3> rgb{};
    std::vector<double> features(channels);
    for (const std::size_t i : members) {
      const Ellipse& e = ellipses[i];
      const double dx = e.x - x, dy = e.y - y;
      const double power = -0.5 * (e.inverse_xx * dx * dx + 2 * e.inverse_xy * dx * dy + e.inverse_yy * dy * dy);
      const double alpha = std::min(0.99, g.opacities[i] * std::exp(power));
      if (alpha < 1.0 / 255) continue;
      if (transmittance * (1 - alpha) < 1e-4) break;
      const double weight = alpha * transmittance;
      for (std::size_t k = 0; k < 3; ++k) rgb[k] += weight * e.colour[k];
      for (std::size_t k = 0; k < channels; ++k) features[k] += weight * g.features[channels * i + k];
      depth += weight * e.z;
      transmittance *= 1 - alpha;
    }
    constexpr std::array<double, 3> kBackground{0.1, 0.2, 0.3};
    for (std::size_t k = 0; k < 3; ++k) {
      image.rgb[k * pixels + pixel] = static_cast<float>(rgb[k] + transmittance * kBackground[k]);
    }
    for (std::size_t k = 0; k < channels; ++k) image.features[k * pixels + pixel] = static_cast<float>(features[k]);
    image.alpha[pixel] = static_cast<float>(1 - transmittance);
    image.depth[pixel] = static_cast<float>(depth);
  };
  std::vector<std::size_t> members;
  for (int row = 0; 16 * row < camera.height; ++row) {
    for (int column = 0; 16 * column < camera.width; ++column) {
      members.clear();
      for (const std::size_t i : order) {
        const Ellipse& e = ellipses[i];
        if (touches(e.x, e.radius, column) && touches(e.y, e.radius, row)) members.push_back(i);
      }
      for (int y = 16 * row; y < std::min(16 * row + 16, camera.height); ++y) {
        for (int x = 16 * column; x < std::min(16 * column + 16, camera.width); ++x) draw_pixel(x, y, members);
      }
    }
  }
  return image;
}

TEST(rasterizer_agrees_with_the_textbook_in_double) {
  for (const auto& [width, height] : {std::pair{75, 50}, std::pair{16, 16}, std::pair{1, 33}}) {
    const inputs::Gaussians gaussians = inputs::make_gaussians(3, 400, 1, 5);
    const Camera camera = inputs::make_camera(width, height);
    const Image found = draw(gaussians, camera, 2);
    const Image expected = draw_reference(gaussians, camera);
    CHECK(*std::max_element(expected.alpha.begin(), expected.alpha.end()) > 0.9F);
    check_close(found.alpha, expected.alpha, 2e-5F, 0.005F);
    check_close(found.rgb, expected.rgb, 5e-5F, 0.01F);
    check_close(found.features, expected.features, 5e-5F, 0.01F);
    check_close(found.depth, expected.depth, 2e-4F, 0.03F);
  }
}

TEST(rasterizer_gives_the_same_bits_for_every_number_of_threads) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(4, 3000, 16, 32);
  const Camera camera = inputs::make_camera(130, 70);
  const Image one = draw(gaussians, camera, 1);
  for (const int threads : {0, 2, 3, 16}) CHECK(draw(gaussians, camera, threads) == one);
}

TEST(rasterizer_sorts_and_lists_in_parts_what_one_thread_does_at_once) {
  const inputs::Gaussians gaussians = inputs::make_layers(11, 70'000);  // parts: as many as threads, up to 8
  const Camera camera = inputs::make_camera(130, 100);
  const Image one = draw(gaussians, camera, 1);
  for (const int threads : {2, 3, 7, 40}) CHECK(draw(gaussians, camera, threads) == one);
  // Bounds as for few Gaussians; up to a hundred are blended in a pixel.
  const Image expected = draw_reference(gaussians, camera);
  CHECK(*std::max_element(expected.alpha.begin(), expected.alpha.end()) > 0.9F);
  check_close(one.alpha, expected.alpha, 2e-5F, 0.005F);
  check_close(one.rgb, expected.rgb, 5e-5F, 0.01F);
  check_close(one.features, expected.features, 5e-5F, 0.01F);
  check_close(one.depth, expected.depth, 2e-4F, 0.03F);
}

TEST(rasterizer_gives_the_same_bits_with_every_instruction_set) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(9, 3000, 4, 5, 50);
  const Camera camera = inputs::make_camera(133, 71);
  const auto forced = rtgs2::forced_instruction_set();
  const Image expected = draw(gaussians, camera, 2);
  for (const rtgs2::InstructionSet set : rtgs2::available_instruction_sets()) {
    rtgs2::force_instruction_set(set);
    CHECK(draw(gaussians, camera, 2) == expected);
  }
  rtgs2::force_instruction_set(forced);
}

TEST(rasterizer_serves_several_callers_at_once) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(5, 800, 4, 8);
  std::vector<Camera> cameras;
  std::vector<Image> alone, together;
  for (int i = 0; i < 4; ++i) {
    cameras.push_back(inputs::make_camera(40 + 13 * i, 64 - 9 * i));
    alone.push_back(draw(gaussians, cameras.back(), 1));
    together.emplace_back(cameras.back().width, cameras.back().height, gaussians.feature_channels);
  }
  inputs::at_once(4, [&](int i) {
    const auto view = static_cast<std::size_t>(i);
    for (int repetition = 0; repetition < 3; ++repetition) together[view] = draw(gaussians, cameras[view], 2);
  });
  for (std::size_t i = 0; i < alone.size(); ++i) CHECK(together[i] == alone[i]);
}

TEST(rasterizer_draws_only_what_is_asked_for) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(6, 300, 9, 3);
  const Camera camera = inputs::make_camera(48, 32);
  const Image all = draw(gaussians, camera, 1);
  Image some(48, 32, 3);
  rtgs2::rasterize_cpu(gaussians.arrays(), camera, {0.1F, 0.2F, 0.3F}, {nullptr, nullptr, nullptr, some.depth.data()},
                       1);
  CHECK(inputs::same_bits(some.depth, all.depth));
  rtgs2::rasterize_cpu(gaussians.arrays(), camera, {0.1F, 0.2F, 0.3F},
                       {nullptr, some.features.data(), nullptr, nullptr}, 1);
  CHECK(inputs::same_bits(some.features, all.features));
}

TEST(rasterizer_reads_no_further_than_the_arrays_reach) {
  // All are drawn, the last one too, whose values end where the arrays do: AddressSanitizer looks on.
  const Camera camera = inputs::make_camera(40, 30);
  for (const int sh_count : {1, 4, 9, 16}) {
    for (const std::int64_t count : {1, 3, 16, 17, 257}) {
      inputs::Gaussians gaussians = inputs::make_gaussians(12, count, sh_count, count % 6);
      for (std::size_t i = 0; i < gaussians.opacities.size(); ++i) {
        for (std::size_t k = 0; k < 3; ++k) gaussians.means[3 * i + k] = k == 2 ? 2.0F : 0.0F;
        gaussians.opacities[i] = 0.1F;
      }
      const Image image = draw(gaussians, camera, 2);
      CHECK(*std::max_element(image.alpha.begin(), image.alpha.end()) > 0.09F);
    }
  }
}

TEST(rasterizer_draws_nothing_where_nothing_is) {
  inputs::Gaussians none;
  none.feature_channels = 2;
  const Image image = draw(none, inputs::make_camera(20, 20), 3);
  CHECK_EQUAL(image.rgb[0], 0.1F);
  CHECK_EQUAL(image.alpha[399], 0.0F);
  CHECK_EQUAL(image.features[799], 0.0F);
  draw(inputs::make_gaussians(1, 10, 1, 0), inputs::make_camera(0, 10), 1);
}

TEST(rasterizer_survives_hostile_gaussians) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const std::array<int, 4> sh_counts{1, 4, 9, 16};
    const inputs::Gaussians gaussians =
        inputs::make_gaussians(seed, 300, sh_counts[seed % 4], seed % 7, seed % 2 == 0 ? 4 : 40);
    const Camera camera = inputs::make_camera(67, 43);
    const Image one = draw(gaussians, camera, 1);
    CHECK(one == draw(gaussians, camera, 4));
    // A shape that is not finite is not drawn: coverage is always a number from 0 to 1.
    CHECK(std::all_of(one.alpha.begin(), one.alpha.end(), [](float alpha) { return 0.0F <= alpha && alpha <= 1.0F; }));
  }
}

TEST(rasterizer_survives_hostile_cameras) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(8, 200, 4, 3);
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    inputs::Random random(seed);
    std::array<double, 16> pose{};
    for (double& value : pose) value = random.hostile(random.uniform(-1.0F, 1.0F), 5);
    const double fx = random.hostile(40.0F, 3), fy = random.hostile(40.0F, 3);
    const double cx = random.hostile(20.0F, 3), cy = random.hostile(20.0F, 3);
    const Image image = draw(gaussians, rtgs2::splatting::make_camera(33, 35, fx, fy, cx, cy, pose.data()), 2);
    CHECK(std::all_of(image.alpha.begin(), image.alpha.end(),
                      [](float alpha) { return 0.0F <= alpha && alpha <= 1.0F; }));
  }
}

TEST(rasterizer_refuses_impossible_sizes) {
  const inputs::Gaussians gaussians = inputs::make_gaussians(9, 2, 1, 0);
  rtgs2::GaussianArrays arrays = gaussians.arrays();
  const auto run = [&](int width) { rtgs2::rasterize_cpu(arrays, inputs::make_camera(width, 8), {0, 0, 0}, {}, 1); };
  CHECK_THROWS(run(-1), std::invalid_argument, "-1 x 8");
  CHECK_THROWS(run(16385), std::invalid_argument, "16385 x 8");
  arrays.sh_count = 5;
  CHECK_THROWS(run(8), std::invalid_argument, "5 spherical-harmonics coefficients");
  arrays.sh_count = 1;
  arrays.count = -1;
  CHECK_THROWS(run(8), std::invalid_argument, "-1 Gaussians");
  arrays.count = std::int64_t{1} << 32;
  CHECK_THROWS(run(8), std::invalid_argument, "4294967296 Gaussians");
  arrays.count = 2;
  arrays.feature_channels = -1;
  CHECK_THROWS(run(8), std::invalid_argument, "feature channels is negative");
}

TEST(rasterizer_refuses_gaussians_that_touch_too_many_tiles) {
  // 1100 Gaussians that each cover all 1024 x 1024 tiles: over 2^30 pairs, which would take 4 GiB to list.
  inputs::Gaussians gaussians = inputs::make_gaussians(10, 1100, 1, 0);
  for (std::size_t i = 0; i < gaussians.opacities.size(); ++i) {
    gaussians.means[3 * i + 2] = 2.0F;
    gaussians.opacities[i] = 0.5F;
    for (std::size_t k = 0; k < 3; ++k) gaussians.scales[3 * i + k] = 1e4F;
  }
  const rtgs2::GaussianArrays arrays = gaussians.arrays();
  CHECK_THROWS(rtgs2::rasterize_cpu(arrays, inputs::make_camera(16384, 16384), {0, 0, 0}, {}, 2), std::length_error,
               "scales are linear");
}

}  // namespace
