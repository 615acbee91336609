// Inputs for the core's tests: the same numbers on every machine, and numbers that nobody should send.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "rasterize/rasterize.h"
#include "splatting/camera.h"

namespace inputs {

/// Random numbers that do not depend on the standard library's distributions.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  std::uint32_t bits() { return static_cast<std::uint32_t>(engine_()); }
  /// In [low, high).
  float uniform(float low, float high) { return low + (high - low) * static_cast<float>(bits() >> 8) * 0x1p-24F; }
  std::size_t below(std::size_t count) { return bits() % count; }

  /// One time in `odds` something hostile instead of `value`.
  float hostile(float value, std::size_t odds) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kMost = std::numeric_limits<float>::max();
    constexpr float kLeast = std::numeric_limits<float>::denorm_min();
    constexpr std::array<float, 16> kValues{kNan,    kInfinity, -kInfinity,    kMost,  -kMost,  kLeast,
                                            -kLeast, 0.0F,      -0.0F,         1e-38F, -1e-20F, 1e20F,
                                            -1e10F,  65536.0F,  2147483648.0F, -1e-39F};
    if (below(odds) != 0) return value;
    if (below(4) != 0) return kValues[below(kValues.size())];
    const std::uint32_t any = bits();
    float result;
    std::memcpy(&result, &any, sizeof result);
    return result;
  }

 private:
  std::mt19937 engine_;
};

/// Gaussians that own their arrays.
struct Gaussians {
  std::vector<float> means, scales, rotations, opacities, sh, features;
  std::int64_t count = 0;
  int sh_count = 1;
  std::int64_t feature_channels = 0;

  rtgs2::GaussianArrays arrays() const {
    rtgs2::GaussianArrays all;
    all.count = count;
    all.means = means.data();
    all.scales = scales.data();
    all.rotations = rotations.data();
    all.opacities = opacities.data();
    all.sh = sh.data();
    all.sh_count = sh_count;
    all.features = features.data();
    all.feature_channels = feature_channels;
    return all;
  }
};

/// `count` Gaussians of 1 to 30 cm in a box of 4 x 3 x 4 m in front of the camera at the origin, which looks along +z.
/// With `hostile_odds` one value in so many is hostile.
inline Gaussians make_gaussians(std::uint32_t seed, std::int64_t count, int sh_count, std::int64_t feature_channels,
                                std::size_t hostile_odds = 0) {
  Random random(seed);
  Gaussians g;
  g.count = count;
  g.sh_count = sh_count;
  g.feature_channels = feature_channels;
  const auto add = [&](std::vector<float>& values, float low, float high) {
    const float value = random.uniform(low, high);
    values.push_back(hostile_odds > 0 ? random.hostile(value, hostile_odds) : value);
  };
  for (std::int64_t i = 0; i < count; ++i) {
    add(g.means, -2.0F, 2.0F);
    add(g.means, -1.5F, 1.5F);
    add(g.means, 0.0F, 4.0F);
    for (int k = 0; k < 3; ++k) add(g.scales, 0.01F, 0.3F);
    for (int k = 0; k < 4; ++k) add(g.rotations, -1.0F, 1.0F);
    add(g.opacities, 0.0F, 1.0F);
    for (int k = 0; k < 3 * sh_count; ++k) add(g.sh, -0.7F, 0.7F);
    for (std::int64_t k = 0; k < feature_channels; ++k) add(g.features, -1.0F, 1.0F);
  }
  // So that AddressSanitizer sees what is read behind their last value.
  for (auto* values : {&g.means, &g.scales, &g.rotations, &g.opacities, &g.sh, &g.features}) values->shrink_to_fit();
  return g;
}

/// `count` faint Gaussians of a few millimetres, all in view of make_camera(), which sees them at 256 depths only: so
/// many that sorting and listing them is cut into parts (of 8192), with equal depths in all of them.
inline Gaussians make_layers(std::uint32_t seed, std::int64_t count) {
  Gaussians g = make_gaussians(seed, count, 1, 2);
  Random random(seed + 1);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    // The camera is turned about y: x and z alone make the depth.
    g.means[3 * i] = -0.75F + 0.1F * static_cast<float>(random.below(16));
    g.means[3 * i + 1] = random.uniform(-0.7F, 0.7F);
    g.means[3 * i + 2] = 2.0F + 0.05F * static_cast<float>(random.below(16));
    for (std::size_t k = 0; k < 3; ++k) g.scales[3 * i + k] = random.uniform(0.002F, 0.01F);
    g.opacities[i] = random.uniform(0.05F, 0.3F);
  }
  return g;
}

/// A camera at the origin, a little turned, with its axis off the image's centre.
inline rtgs2::splatting::Camera make_camera(int width, int height) {
  const double angle = 0.1;
  const std::array<double, 16> pose{std::cos(angle),  0, std::sin(angle), 0.05, 0, 1, 0, -0.02,
                                    -std::sin(angle), 0, std::cos(angle), 0.3,  0, 0, 0, 1};
  return rtgs2::splatting::make_camera(width, height, 0.9 * width, 0.95 * width, 0.52 * width, 0.47 * height,
                                       pose.data());
}

/// Calls `function(i)` for i below `count`, each on a thread of its own, all at once.
template <typename Function>
void at_once(int count, const Function& function) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&function, i] { function(i); });
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace inputs
