#include "simd/instruction_set.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace rtgs2 {
namespace {

constexpr int kNotForced = -1;
std::atomic<int> forced{kNotForced};

std::vector<InstructionSet> detect() {
#if defined(__x86_64__)
  std::vector<InstructionSet> sets{InstructionSet::kBaseline};
  // Includes whether the operating system saves the registers.
  if (__builtin_cpu_supports("avx2")) {
    sets.push_back(InstructionSet::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      sets.push_back(InstructionSet::kAvx512);
    }
  }
  return sets;
#elif defined(__aarch64__)
  return {InstructionSet::kNeon};
#else
  return {InstructionSet::kBaseline};
#endif
}

std::string from_environment() {
  const char* value = std::getenv(kInstructionSetVariable);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string_view instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kAvx512:
      return "avx512";
    case InstructionSet::kNeon:
      return "neon";
    case InstructionSet::kBaseline:
      break;
  }
  return "baseline";
}

const std::vector<InstructionSet>& available_instruction_sets() {
  static const std::vector<InstructionSet> sets = detect();
  return sets;
}

InstructionSet find_instruction_set(std::string_view name) {
  std::string names;
  for (const InstructionSet set : available_instruction_sets()) {
    if (instruction_set_name(set) == name) return set;
    names += (names.empty() ? "" : ", ") + std::string(instruction_set_name(set));
  }
  throw std::invalid_argument("there is no instruction set '" + std::string(name) + "' here: use one of " + names);
}

InstructionSet current_instruction_set() {
  const int set = forced.load(std::memory_order_relaxed);
  if (set != kNotForced) return static_cast<InstructionSet>(set);
  static const std::string name = from_environment();
  if (name.empty()) return available_instruction_sets().back();
  try {
    return find_instruction_set(name);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string(kInstructionSetVariable) + ": " + error.what());
  }
}

void force_instruction_set(std::optional<InstructionSet> set) {
  if (!set) {
    forced.store(kNotForced, std::memory_order_relaxed);
    return;
  }
  find_instruction_set(instruction_set_name(*set));
  forced.store(static_cast<int>(*set), std::memory_order_relaxed);
}

std::optional<InstructionSet> forced_instruction_set() {
  const int set = forced.load(std::memory_order_relaxed);
  if (set == kNotForced) return std::nullopt;
  return static_cast<InstructionSet>(set);
}

}  // namespace rtgs2
