// The rasteriser's kernels for AVX2.
#define RTGS2_LANES 8
#include "rasterize/kernels_in_lanes.h"

namespace rtgs2::rasterize {

const Kernels& avx2_kernels() { return kKernels; }

}  // namespace rtgs2::rasterize
