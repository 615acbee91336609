#include "simd/instruction_set.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.h"

namespace rtgs2::bindings {

namespace nb = nanobind;

void bind_instruction_set(nb::module_& module) {
  module.def(
      "instruction_sets",
      [] {
        std::vector<std::string> names;
        for (const InstructionSet set : available_instruction_sets()) names.emplace_back(instruction_set_name(set));
        return names;
      },
      "Names of the instruction sets that can be used here, the best last.");
  module.def(
      "instruction_set", [] { return std::string(instruction_set_name(current_instruction_set())); },
      "Name of the one in use. ValueError if RTGS2_INSTRUCTION_SET names none that can be used.");
  module.def(
      "forced_instruction_set",
      []() -> std::optional<std::string> {
        const auto set = forced_instruction_set();
        if (!set) return std::nullopt;
        return std::string(instruction_set_name(*set));
      },
      "Name of the one that was forced, or None.");
  module.def(
      "force_instruction_set",
      [](const std::optional<std::string>& name) {
        force_instruction_set(name ? std::optional(find_instruction_set(*name)) : std::nullopt);
      },
      nb::arg("name").none(), "Use this one from now on; None goes back to the environment's or the best. ValueError.");
}

}  // namespace rtgs2::bindings
