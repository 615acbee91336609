// Whether this machine's GPU can run this build.
#pragma once

#include <string>

namespace rtgs2::cuda {

/// Why the current device cannot be used (no driver, too old a one, no GPU, no code for it), in one sentence that says
/// what to do; empty if it can.
std::string device_problem();

}  // namespace rtgs2::cuda
