// "Device memory" of the host comes from aligned_alloc(), which nothing else calls; this one is also what the plugin's
// library calls, since a program's symbols go before those of the C library.
#include <atomic>
#include <cstddef>
#include <cstdlib>

#include "allocations.h"

namespace {
std::atomic<int> count{0};
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  ++count;
  void* pointer = nullptr;
  return posix_memalign(&pointer, alignment, bytes) == 0 ? pointer : nullptr;
}

int device_allocations() { return count; }
