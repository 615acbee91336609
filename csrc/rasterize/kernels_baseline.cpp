// The rasteriser's kernels for the least that every CPU of this architecture has (SSE2 or NEON).
#define RTGS2_LANES 4
#include "rasterize/kernels_in_lanes.h"

namespace rtgs2::rasterize {

const Kernels& baseline_kernels() { return kKernels; }

}  // namespace rtgs2::rasterize
