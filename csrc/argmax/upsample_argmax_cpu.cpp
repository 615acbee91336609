// Upsampling, then argmax or softmax, on the CPU, row by row: only one interpolated line of one class exists at a time.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "argmax/check_sizes.h"
#include "argmax/upsample_argmax.h"
#include "parallel/parallel_for.h"
#include "splatting/exponential.h"

namespace rtgs2 {
namespace {

/// The four pixels along one logit ("phases") lie 3/8 and 1/8 before and 1/8 and 3/8 after its centre: the first two
/// mix it with the logit before, the others with the one after.
struct Phase {
  int before;          // offset of the first of the two logits
  float weight_after;  // of the second
};
constexpr std::array<Phase, kUpsampling> kPhases{{{-1, 0.625F}, {-1, 0.875F}, {0, 0.125F}, {0, 0.375F}}};

float mix(float before, float after, float weight_after) {
  return (1.0F - weight_after) * before + weight_after * after;
}

/// Labels of one row of the image at a time. Values are kept by phase, not by pixel, so that loops run over
/// neighbours in memory.
class RowLabeller {
 public:
  explicit RowLabeller(const QuarterLogits& logits)
      : logits_(logits),
        columns_(static_cast<std::size_t>(logits.columns)),
        line_(columns_ + 2),
        best_(columns_ * kUpsampling),
        winner_(columns_ * kUpsampling),
        sum_(columns_ * kUpsampling) {}

  /// Finds the largest logit of every pixel of row `y`.
  void find_labels(std::int64_t y) {
    std::fill(best_.begin(), best_.end(), -std::numeric_limits<float>::infinity());
    std::fill(winner_.begin(), winner_.end(), 0);
    for (std::int64_t c = 0; c < logits_.classes; ++c) {
      interpolate_rows(y, c);
      const auto label = static_cast<std::int32_t>(c);
      for_each_phase([&](const float* before, float weight_after, std::size_t first) {
        float* best = best_.data() + first;
        std::int32_t* winner = winner_.data() + first;
        for (std::size_t x = 0; x < columns_; ++x) {
          const float value = mix(before[x], before[x + 1], weight_after);
          // A mask, not a condition: compilers make a branch of that, and no SIMD.
          const std::int32_t better = -static_cast<std::int32_t>(value > best[x]);
          winner[x] = (better & label) | (~better & winner[x]);
          best[x] = value > best[x] ? value : best[x];
        }
      });
    }
  }

  /// Sums exp(logit - largest) over the classes, after find_labels() of the same row.
  void sum_exponentials(std::int64_t y) {
    std::fill(sum_.begin(), sum_.end(), 0.0F);
    for (std::int64_t c = 0; c < logits_.classes; ++c) {
      interpolate_rows(y, c);
      for_each_phase([&](const float* before, float weight_after, std::size_t first) {
        const float* best = best_.data() + first;
        float* sum = sum_.data() + first;
        for (std::size_t x = 0; x < columns_; ++x) {
          sum[x] += splatting::exp_nonpositive(mix(before[x], before[x + 1], weight_after) - best[x]);
        }
      });
    }
  }

  /// Fills row `y` of each class's plane with its probabilities, after sum_exponentials() of the same row.
  void write_probabilities(std::int64_t y, float* planes) {
    const auto width = static_cast<std::size_t>(logits_.width);
    for (std::int64_t c = 0; c < logits_.classes; ++c) {
      interpolate_rows(y, c);
      float* row = planes + (c * logits_.height + y) * logits_.width;
      for (std::size_t p = 0; p < kUpsampling; ++p) {
        const float* before = line_.data() + 1 + kPhases[p].before;
        const float* best = best_.data() + p * columns_;
        const float* sum = sum_.data() + p * columns_;
        for (std::size_t x = p, i = 0; x < width; x += kUpsampling, ++i) {
          row[x] =
              splatting::exp_nonpositive(mix(before[i], before[i + 1], kPhases[p].weight_after) - best[i]) / sum[i];
        }
      }
    }
  }

  std::int32_t label(std::size_t x) const { return winner_[position(x)]; }
  float confidence(std::size_t x) const { return 1.0F / sum_[position(x)]; }

 private:
  std::size_t position(std::size_t x) const { return x % kUpsampling * columns_ + x / kUpsampling; }

  /// Fills line_ with class `c` at image row `y`, both ends repeated once.
  void interpolate_rows(std::int64_t y, std::int64_t c) {
    const Phase phase = kPhases[static_cast<std::size_t>(y % kUpsampling)];
    const std::int64_t row = y / kUpsampling + phase.before;
    const float* plane = logits_.values + c * logits_.rows * logits_.columns;
    const float* before = plane + std::max<std::int64_t>(row, 0) * logits_.columns;
    const float* after = plane + std::min(row + 1, logits_.rows - 1) * logits_.columns;
    for (std::size_t x = 0; x < columns_; ++x) line_[x + 1] = mix(before[x], after[x], phase.weight_after);
    line_[0] = line_[1];
    line_[columns_ + 1] = line_[columns_];
  }

  template <typename Function>
  void for_each_phase(const Function& function) const {
    for (std::size_t p = 0; p < kUpsampling; ++p) {
      function(line_.data() + 1 + kPhases[p].before, kPhases[p].weight_after, p * columns_);
    }
  }

  const QuarterLogits& logits_;
  std::size_t columns_;
  std::vector<float> line_;
  std::vector<float> best_;  // by phase, then column; so the next two
  std::vector<std::int32_t> winner_;
  std::vector<float> sum_;
};

}  // namespace

template <typename Label>
void upsample_argmax_cpu(const QuarterLogits& logits, Label* labels, float* confidence, int threads) {
  argmax::check_sizes<Label>(logits.classes, logits.rows, logits.columns, logits.height, logits.width);
  if (logits.width == 0) return;
  constexpr std::int64_t kRowsAtOnce = 8;
  parallel_for(logits.height, kRowsAtOnce, threads, [&](std::int64_t top, std::int64_t bottom) {
    RowLabeller row(logits);
    const auto width = static_cast<std::size_t>(logits.width);
    for (std::int64_t y = top; y < bottom; ++y) {
      const auto first = static_cast<std::size_t>(y) * width;
      row.find_labels(y);
      for (std::size_t x = 0; x < width; ++x) labels[first + x] = static_cast<Label>(row.label(x));
      if (confidence == nullptr) continue;
      row.sum_exponentials(y);
      for (std::size_t x = 0; x < width; ++x) confidence[first + x] = row.confidence(x);
    }
  });
}

void upsample_softmax_cpu(const QuarterLogits& logits, float* probabilities, int threads) {
  argmax::check_sizes<std::uint16_t>(logits.classes, logits.rows, logits.columns, logits.height, logits.width);
  if (logits.width == 0) return;
  constexpr std::int64_t kRowsAtOnce = 8;
  parallel_for(logits.height, kRowsAtOnce, threads, [&](std::int64_t top, std::int64_t bottom) {
    RowLabeller row(logits);
    for (std::int64_t y = top; y < bottom; ++y) {
      row.find_labels(y);
      row.sum_exponentials(y);
      row.write_probabilities(y, probabilities);
    }
  });
}

template void upsample_argmax_cpu(const QuarterLogits&, std::uint8_t*, float*, int);
template void upsample_argmax_cpu(const QuarterLogits&, std::uint16_t*, float*, int);

}  // namespace rtgs2
