#include <iostream>

#include "check.h"
#include "simd/instruction_set.h"

// All tests with every instruction set that this machine can run.
int main() {
  int result = 0;
  for (const rtgs2::InstructionSet set : rtgs2::available_instruction_sets()) {
    std::cout << "instruction set: " << rtgs2::instruction_set_name(set) << std::endl;
    rtgs2::force_instruction_set(set);
    result |= check::run_all();
  }
  return result;
}
