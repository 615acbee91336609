// Prints a digest of every result of the core that is the same, bit for bit, on every machine: run on two, compare.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "argmax/upsample_argmax.h"
#include "inputs.h"
#include "plan/geometry_plan.h"
#include "rasterize/lift.h"
#include "rendering.h"

namespace {

/// FNV-1a.
class Digest {
 public:
  void add(const void* data, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      value_ = (value_ ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3;
    }
  }
  template <typename T>
  void add(const std::vector<T>& values) {
    add(values.data(), values.size() * sizeof(T));
  }
  void print(const char* name) const { std::printf("%s %016llx\n", name, static_cast<unsigned long long>(value_)); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

void plan() {
  const inputs::Gaussians gaussians = inputs::make_gaussians(21, 20000, 1, 0);
  const rtgs2::GeometryPlan plan =
      rtgs2::build_geometry_plan(gaussians.means.data(), gaussians.opacities.data(), gaussians.count, {});
  Digest digest;
  for (const auto& [name, array] : plan.arrays) {
    digest.add(array.values.get(), static_cast<std::size_t>(array.size()) * sizeof(std::int32_t));
  }
  digest.print("plan");
}

void argmax() {
  inputs::Random random(22);
  std::vector<float> logits(46 * 30 * 40);
  for (float& value : logits) value = random.uniform(-9.0F, 9.0F);
  std::vector<std::uint8_t> labels(120 * 160);
  std::vector<float> confidence(120 * 160);
  rtgs2::upsample_argmax_cpu({logits.data(), 46, 30, 40, 120, 160}, labels.data(), confidence.data(), 0);
  Digest label_digest, confidence_digest;
  label_digest.add(labels);
  confidence_digest.add(confidence);
  label_digest.print("labels");
  confidence_digest.print("confidence");
}

void print_digest(const Image& image, const char* name) {
  Digest digest;
  for (const auto* values : {&image.rgb, &image.features, &image.alpha, &image.depth}) digest.add(*values);
  digest.print(name);
}

void rasterize() {
  print_digest(draw(inputs::make_gaussians(23, 4000, 16, 32), inputs::make_camera(160, 120), 0), "rendering");
  // Sorted and listed in parts, however few cores there are.
  print_digest(draw(inputs::make_layers(24, 70'000), inputs::make_camera(160, 120), 5), "layers");
}

void lift() {
  const inputs::Gaussians gaussians = inputs::make_gaussians(25, 4000, 1, 0);
  inputs::Random random(26);
  std::vector<float> pixels(22 * 160 * 120), sums(22 * 4000), weights(4000);
  for (float& value : pixels) value = random.uniform(0.0F, 1.0F);
  rtgs2::lift_cpu(gaussians.arrays(), inputs::make_camera(160, 120), {pixels.data(), 22}, {sums.data(), weights.data()},
                  0);
  Digest digest;
  digest.add(sums);
  digest.add(weights);
  digest.print("lifted");
}

}  // namespace

int main() {
  plan();
  argmax();
  rasterize();
  lift();
}
