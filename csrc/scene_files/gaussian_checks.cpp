#include "scene_files/gaussian_checks.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include "parallel/parallel_for.h"
#include "ply/stored_values.h"

namespace rtgs2::scene_files {
namespace {

constexpr std::int64_t kBlock = 1024;  // Gaussians that stay in the cache from one check to the next
constexpr std::int64_t kShare = 1 << 15;

bool is_finite(float value) { return (std::bit_cast<std::int32_t>(value) & 0x7fffffff) < 0x7f800000; }

}  // namespace

void GaussianChecks::check(std::int64_t first, std::int64_t rows) {
  if (first < 0 || rows < 0 || rows > gaussians_.count - first) throw std::out_of_range("rows outside the arrays");
  float* scales = gaussians_.scales + 3 * first;
  float* rotations = gaussians_.rotations + 4 * first;
  check_finite(Check::kFiniteMeans, gaussians_.means, 3, first, rows);
  check_finite(Check::kFiniteScales, gaussians_.scales, 3, first, rows);
  check_finite(Check::kFiniteOpacities, gaussians_.opacities, 1, first, rows);
  check_finite(Check::kFiniteSh, gaussians_.sh, gaussians_.sh_width, first, rows);
  check_finite(Check::kFiniteRotations, gaussians_.rotations, 4, first, rows);

  std::uint32_t any_below = 0, any_zero = 0;
  for (std::int64_t i = 0; i < 3 * rows; ++i) {
    any_below |= static_cast<std::uint32_t>(scales[i] < 0);
    any_zero |= static_cast<std::uint32_t>(scales[i] == 0);
  }
  if (any_below != 0) {
    record(Check::kNegativeScales, first, rows,
           [&](std::int64_t i) { return scales[3 * i] < 0 || scales[3 * i + 1] < 0 || scales[3 * i + 2] < 0; });
  }
  if (any_zero != 0) {
    for (std::int64_t i = 0; i < 3 * rows; ++i) {
      if (scales[i] == 0) scales[i] = std::numeric_limits<float>::min();
    }
  }

  bool any_without_norm = false;
  for (std::int64_t i = 0; i < rows; ++i) any_without_norm |= ply::normalise_quaternion(rotations + 4 * i);
  if (any_without_norm) {
    record(Check::kZeroRotations, first, rows, [&](std::int64_t i) {
      const float* q = rotations + 4 * i;
      return q[0] == 0 && q[1] == 0 && q[2] == 0 && q[3] == 0;
    });
  }
}

void GaussianChecks::check_finite(Check check, const float* values, std::int64_t width, std::int64_t first,
                                  std::int64_t rows) {
  const float* begin = values + first * width;
  std::uint32_t bad = 0;
  for (std::int64_t i = 0; i < rows * width; ++i) bad |= static_cast<std::uint32_t>(!is_finite(begin[i]));
  if (bad == 0) return;
  record(check, first, rows, [&](std::int64_t i) {
    return !std::all_of(begin + i * width, begin + (i + 1) * width, [](float value) { return is_finite(value); });
  });
}

template <typename IsFaulty>
void GaussianChecks::record(Check check, std::int64_t first, std::int64_t rows, const IsFaulty& is_faulty) {
  const std::lock_guard lock(mutex_);
  ply::Fault& fault = faults_[static_cast<std::size_t>(check)];
  if (unusable_.empty()) unusable_.resize(static_cast<std::size_t>(gaussians_.count));
  for (std::int64_t i = 0; i < rows; ++i) {
    if (!is_faulty(i)) continue;
    ++fault.count;
    fault.first = std::min(fault.first, first + i);
    unusable_[static_cast<std::size_t>(first + i)] = 1;
  }
}

void check_all(GaussianChecks& checks, int threads) {
  parallel_for(checks.gaussians().count, kShare, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += kBlock) checks.check(first, std::min(kBlock, end - first));
  });
}

}  // namespace rtgs2::scene_files
