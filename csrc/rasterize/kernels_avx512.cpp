// The rasteriser's kernels for AVX-512 (F, BW, DQ, VL).
#define RTGS2_LANES 16
#include "rasterize/kernels_in_lanes.h"

namespace rtgs2::rasterize {

const Kernels& avx512_kernels() { return kKernels; }

}  // namespace rtgs2::rasterize
