// In place of csrc/cuda/launch.cuh: runs kernels on the host.
#pragma once

#include <cstddef>

#include "cuda_runtime_api.h"

namespace rtgs2::cuda {

template <typename... Parameters, typename... Arguments>
void launch(const char*, void (*kernel)(Parameters...), dim3 grid, int threads, cudaStream_t stream,
            const Arguments&... arguments) {
  on_host::run_or_record(stream, [=] {
    on_host::run_grid({grid.x, grid.y, 1}, static_cast<std::size_t>(threads), [&] { kernel(arguments...); });
  });
}

}  // namespace rtgs2::cuda
