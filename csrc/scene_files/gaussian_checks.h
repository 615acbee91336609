// What every reader of scene files asks of the Gaussians that it has decoded, whatever their format.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "ply/decoder.h"

namespace rtgs2::scene_files {

/// Arrays of `count` Gaussians in C order, which a reader fills.
struct Gaussians {
  std::int64_t count;
  float* means;           ///< (count, 3)
  float* scales;          ///< (count, 3), linear
  float* rotations;       ///< (count, 4)
  float* opacities;       ///< (count)
  float* sh;              ///< (count, sh_width)
  std::int64_t sh_width;  ///< numbers a Gaussian: three times the coefficients
};

enum class Check : std::uint8_t {
  kFiniteMeans,
  kFiniteScales,
  kFiniteOpacities,
  kFiniteSh,
  kFiniteRotations,
  kNegativeScales,
  kZeroRotations
};
inline constexpr int kChecks = 7;

/// Normalises quaternions, makes scales of 0 the least normal float, and remembers which Gaussians cannot be used.
class GaussianChecks {
 public:
  explicit GaussianChecks(const Gaussians& gaussians) : gaussians_(gaussians) {}

  /// Checks and changes `rows` Gaussians from `first` on. Threads may check different rows at the same time.
  ///
  /// Throws std::out_of_range for rows outside the arrays.
  void check(std::int64_t first, std::int64_t rows);

  /// The faults of what has been checked, by Check; the same in whatever order it was.
  const std::array<ply::Fault, kChecks>& faults() const { return faults_; }

  /// Whether each Gaussian (1) has a fault; empty if none has.
  const std::vector<std::uint8_t>& unusable() const { return unusable_; }

  const Gaussians& gaussians() const { return gaussians_; }

 private:
  template <typename IsFaulty>
  void record(Check check, std::int64_t first, std::int64_t rows, const IsFaulty& is_faulty);
  void check_finite(Check check, const float* values, std::int64_t width, std::int64_t first, std::int64_t rows);

  Gaussians gaussians_;
  std::array<ply::Fault, kChecks> faults_;
  std::vector<std::uint8_t> unusable_;
  std::mutex mutex_;  // of the two above
};

/// All of them, by at most `threads` threads (0: all that the machine has).
void check_all(GaussianChecks& checks, int threads);

}  // namespace rtgs2::scene_files
