// Launching a kernel. The tests of the core put another file in this one's place, which runs kernels on the host.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/error.h"

namespace rtgs2::cuda {

/// `doing` names it in errors.
template <typename... Parameters, typename... Arguments>
void launch(const char* doing, void (*kernel)(Parameters...), dim3 grid, int threads, cudaStream_t stream,
            const Arguments&... arguments) {
  kernel<<<grid, static_cast<unsigned>(threads), 0, stream>>>(arguments...);
  check(cudaGetLastError(), doing);
}

}  // namespace rtgs2::cuda
