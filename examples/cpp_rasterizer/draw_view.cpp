// Draws views of a scene with the core's CPU rasteriser: no Python, no GPU, nothing but the C++ library.
//
//   draw_view INPUTS WIDTH HEIGHT OUTPUT
//
// INPUTS is the folder that examples/cpp/write_inputs.py made of a scene and its cameras. Each view becomes
// OUTPUT/NUMBER.ppm (colour) and OUTPUT/NUMBER.depth (float32, metres, rows from the top, NaN where nothing is).
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "rasterize/rasterize.h"

namespace fs = std::filesystem;

constexpr std::size_t kCameraNumbers = 19;  // fx fy cx cy, rows 0 to 2 of world_to_camera, the background's colour

std::vector<float> read_floats(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<float> values(fs::file_size(path) / sizeof(float));
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file) throw std::runtime_error("cannot read all of " + path.string());
  return values;
}

void write_bytes(const fs::path& path, const std::string& header, const void* data, std::size_t bytes) {
  std::ofstream file(path, std::ios::binary);
  file << header;
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

int pixels(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > rtgs2::kMaxImageSide)
    throw std::runtime_error("not a number of pixels: " + std::string(text));
  return value;
}

rtgs2::splatting::Camera camera_of(const float* numbers, int width, int height) {
  std::array<double, 16> pose{};
  std::copy_n(numbers + 4, 12, pose.begin());
  pose[15] = 1;
  return rtgs2::splatting::make_camera(width, height, numbers[0], numbers[1], numbers[2], numbers[3], pose.data());
}

int main(int count, char** arguments) try {
  if (count != 5) throw std::runtime_error("usage: draw_view INPUTS WIDTH HEIGHT OUTPUT");
  const fs::path inputs = arguments[1], output = arguments[4];
  const int width = pixels(arguments[2]), height = pixels(arguments[3]);
  const std::vector<float> means = read_floats(inputs / "means.bin"), scales = read_floats(inputs / "scales.bin"),
                           rotations = read_floats(inputs / "rotations.bin"),
                           opacities = read_floats(inputs / "opacities.bin"), sh = read_floats(inputs / "sh.bin"),
                           cameras = read_floats(inputs / "camera.bin");
  const std::size_t gaussians = opacities.size();
  if (gaussians == 0 || means.size() != 3 * gaussians || scales.size() != 3 * gaussians ||
      rotations.size() != 4 * gaussians || sh.size() % (3 * gaussians) != 0)
    throw std::runtime_error("the files of " + inputs.string() + " are not of one scene");

  rtgs2::GaussianArrays scene;  // points into the vectors above
  scene.count = static_cast<std::int64_t>(gaussians);
  scene.means = means.data();
  scene.scales = scales.data();
  scene.rotations = rotations.data();
  scene.opacities = opacities.data();
  scene.sh = sh.data();
  scene.sh_count = static_cast<int>(sh.size() / (3 * gaussians));

  fs::create_directories(output);
  const std::size_t area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::vector<float> rgb(3 * area), alpha(area), depth(area);
  std::vector<std::uint8_t> picture(3 * area);
  for (std::size_t view = 0; view < cameras.size() / kCameraNumbers; ++view) {
    const float* numbers = cameras.data() + kCameraNumbers * view;
    rtgs2::RenderTargets targets;
    targets.rgb = rgb.data();
    targets.alpha = alpha.data();
    targets.depth = depth.data();
    rtgs2::rasterize_cpu(scene, camera_of(numbers, width, height), {numbers[16], numbers[17], numbers[18]}, targets, 0);
    for (std::size_t i = 0; i < area; ++i) {
      for (std::size_t channel = 0; channel < 3; ++channel)
        picture[3 * i + channel] =
            static_cast<std::uint8_t>(std::lround(255 * std::clamp(rgb[channel * area + i], 0.0F, 1.0F)));
      depth[i] = alpha[i] > 0 ? depth[i] / alpha[i] : std::numeric_limits<float>::quiet_NaN();
    }
    const std::string name = std::to_string(view), size = std::to_string(width) + " " + std::to_string(height);
    write_bytes(output / (name + ".ppm"), "P6\n" + size + "\n255\n", picture.data(), picture.size());
    write_bytes(output / (name + ".depth"), "", depth.data(), depth.size() * sizeof(float));
  }
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 1;
}
