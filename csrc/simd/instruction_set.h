// Which instruction set the core's kernels use: picked when the program runs, inspectable and forcible.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rtgs2 {

enum class InstructionSet { kBaseline, kAvx2, kAvx512, kNeon };

/// The environment variable that forces an instruction set by its name.
inline constexpr const char* kInstructionSetVariable = "RTGS2_INSTRUCTION_SET";

/// "baseline", "avx2", "avx512" or "neon".
std::string_view instruction_set_name(InstructionSet set);

/// Those that this build has and this machine can run, the best last; never empty. On aarch64 NEON alone, which all
/// such machines have.
const std::vector<InstructionSet>& available_instruction_sets();

/// The available one of that name; std::invalid_argument, with the names to choose from, if there is none.
InstructionSet find_instruction_set(std::string_view name);

/// What the kernels use: the forced one, else the one that kInstructionSetVariable named when the program first asked,
/// else the best. Throws std::invalid_argument if the variable names none that is available.
InstructionSet current_instruction_set();

/// Forces an available instruction set for the whole process, from the next call of a kernel on; nothing undoes it.
/// Throws std::invalid_argument if it is not available.
void force_instruction_set(std::optional<InstructionSet> set);

/// The forced one, if any.
std::optional<InstructionSet> forced_instruction_set();

}  // namespace rtgs2
