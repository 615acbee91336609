#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "argmax/upsample_argmax.h"
#include "check.h"
#include "inputs.h"

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Logits {
  std::vector<float> values;
  std::int64_t classes, rows, columns;

  Logits(std::int64_t c, std::int64_t h, std::int64_t w)
      : values(static_cast<std::size_t>(c * h * w)), classes(c), rows(h), columns(w) {}
  rtgs2::QuarterLogits view(std::int64_t height, std::int64_t width) const {
    return {values.data(), classes, rows, columns, height, width};
  }
};

Logits random_logits(std::uint32_t seed, std::int64_t classes, std::int64_t rows, std::int64_t columns,
                     std::size_t hostile_odds) {
  Logits logits(classes, rows, columns);
  inputs::Random random(seed);
  for (float& value : logits.values) {
    value = random.uniform(-5.0F, 5.0F);
    if (hostile_odds > 0) value = random.hostile(value, hostile_odds);
  }
  return logits;
}

/// Bilinear interpolation of PyTorch, align_corners=False, in double.
double at(const Logits& logits, std::int64_t c, std::int64_t y, std::int64_t x) {
  const auto source = [](std::int64_t pixel, std::int64_t size, std::int64_t& low, std::int64_t& high) {
    const double position = std::max((static_cast<double>(pixel) + 0.5) / 4.0 - 0.5, 0.0);
    low = static_cast<std::int64_t>(position);
    high = std::min(low + 1, size - 1);
    return position - static_cast<double>(low);
  };
  std::int64_t y0, y1, x0, x1;
  const double wy = source(y, logits.rows, y0, y1), wx = source(x, logits.columns, x0, x1);
  const auto value = [&](std::int64_t row, std::int64_t column) {
    return double{logits.values[static_cast<std::size_t>((c * logits.rows + row) * logits.columns + column)]};
  };
  return (1 - wy) * ((1 - wx) * value(y0, x0) + wx * value(y0, x1)) +
         wy * ((1 - wx) * value(y1, x0) + wx * value(y1, x1));
}

template <typename Label>
struct Answer {
  std::vector<Label> labels;
  std::vector<float> confidence;

  bool operator==(const Answer& other) const {
    return labels == other.labels && inputs::same_bits(confidence, other.confidence);
  }
};

template <typename Label>
Answer<Label> label(const Logits& logits, std::int64_t height, std::int64_t width, int threads) {
  const auto pixels = static_cast<std::size_t>(height * width);
  Answer<Label> answer{std::vector<Label>(pixels), std::vector<float>(pixels)};
  rtgs2::upsample_argmax_cpu(logits.view(height, width), answer.labels.data(), answer.confidence.data(), threads);
  return answer;
}

TEST(argmax_agrees_with_interpolation_in_double) {
  const Logits logits = random_logits(1, 13, 9, 7, 0);
  const std::int64_t height = 35, width = 26;
  const Answer<std::uint8_t> answer = label<std::uint8_t>(logits, height, width, 2);
  int near_ties = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const auto pixel = static_cast<std::size_t>(y * width + x);
      std::int64_t best = 0;
      for (std::int64_t c = 1; c < logits.classes; ++c) {
        if (at(logits, c, y, x) > at(logits, best, y, x)) best = c;
      }
      const double most = at(logits, best, y, x);
      double sum = 0;
      for (std::int64_t c = 0; c < logits.classes; ++c) sum += std::exp(at(logits, c, y, x) - most);
      CHECK(std::fabs(answer.confidence[pixel] - 1 / sum) < 1e-5);
      if (answer.labels[pixel] == best) continue;
      ++near_ties;
      CHECK(most - at(logits, answer.labels[pixel], y, x) < 1e-5);
    }
  }
  CHECK(near_ties <= 1);
}

TEST(argmax_gives_ties_to_the_lowest_class_and_never_nan) {
  Logits logits(3, 1, 1);
  logits.values = {kNan, 2.0F, 2.0F};
  CHECK_EQUAL(int{label<std::uint8_t>(logits, 4, 4, 1).labels[5]}, 1);
  logits.values = {-kInfinity, -kInfinity, kNan};
  CHECK_EQUAL(int{label<std::uint8_t>(logits, 4, 4, 1).labels[5]}, 0);
  CHECK(std::isnan(label<std::uint8_t>(logits, 4, 4, 1).confidence[5]));
}

TEST(argmax_of_many_classes_is_16_bits_wide) {
  Logits logits(300, 1, 1);
  logits.values[299] = 1.0F;
  CHECK_EQUAL(label<std::uint16_t>(logits, 3, 2, 1).labels[0], 299);
  CHECK_THROWS(label<std::uint8_t>(logits, 3, 2, 1), std::invalid_argument, "too many classes for the type of labels");
}

TEST(argmax_refuses_impossible_sizes) {
  const Logits logits(2, 3, 3);
  std::uint8_t labels = 0;
  const auto run = [&](const rtgs2::QuarterLogits& view) { rtgs2::upsample_argmax_cpu(view, &labels, nullptr, 1); };
  CHECK_THROWS(run(logits.view(13, 4)), std::invalid_argument, "labels of 13 rows");
  CHECK_THROWS(run(logits.view(4, -1)), std::invalid_argument, "-1 columns");
  CHECK_THROWS(run({nullptr, 0, 3, 3, 4, 4}), std::invalid_argument, "0 classes");
  CHECK_THROWS(run({nullptr, 65536, 3, 3, 4, 4}), std::invalid_argument, "65536 classes");
  run(logits.view(0, 4));
  run(logits.view(4, 0));
}

TEST(argmax_of_hostile_logits_is_the_same_for_every_number_of_threads) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Logits logits = random_logits(seed, 5, 11, 10, 3);
    const Answer<std::uint8_t> one = label<std::uint8_t>(logits, 43, 37, 1);
    CHECK(*std::max_element(one.labels.begin(), one.labels.end()) < 5);
    CHECK(one == label<std::uint8_t>(logits, 43, 37, 5));
  }
}

TEST(argmax_serves_several_callers_at_once) {
  const Logits logits = random_logits(7, 6, 12, 16, 0);
  const Answer<std::uint8_t> alone = label<std::uint8_t>(logits, 48, 64, 1);
  std::vector<Answer<std::uint8_t>> answers(4);
  inputs::at_once(4, [&](int i) { answers[static_cast<std::size_t>(i)] = label<std::uint8_t>(logits, 48, 64, 3); });
  for (const auto& answer : answers) CHECK(answer == alone);
}

}  // namespace
