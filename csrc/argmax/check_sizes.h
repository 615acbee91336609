// Which sizes of logits and label images go together.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "argmax/upsample_argmax.h"

namespace rtgs2::argmax {

/// Throws std::invalid_argument if logits of these sizes cannot be labelled.
template <typename Label>
void check_sizes(std::int64_t classes, std::int64_t rows, std::int64_t columns, std::int64_t height,
                 std::int64_t width) {
  const auto message = [](const std::string& problem) {
    return std::invalid_argument("logits cannot be upsampled: " + problem);
  };
  if (classes < 1 || classes > kMaxClasses) {
    throw message(std::to_string(classes) + " classes, use 1 to " + std::to_string(kMaxClasses));
  }
  if (classes - 1 > std::numeric_limits<Label>::max()) throw message("too many classes for the type of labels");
  if (rows < 0 || columns < 0 || height < 0 || width < 0 || (height + kUpsampling - 1) / kUpsampling > rows ||
      (width + kUpsampling - 1) / kUpsampling > columns) {
    throw message("labels of " + std::to_string(height) + " rows and " + std::to_string(width) +
                  " columns from logits of " + std::to_string(rows) + " rows and " + std::to_string(columns) +
                  " columns, use at most 4 times as many");
  }
}

}  // namespace rtgs2::argmax
