#include "ply/read_rows.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "parallel/parallel_for.h"

namespace rtgs2::ply {
namespace {

constexpr std::int64_t kReadBytes = 256 << 10;  // stays in the second cache until it is decoded
constexpr std::int64_t kShareBytes = 4 << 20;   // what a thread takes on at a time

}  // namespace

bool read_fully(int file, std::int64_t position, std::byte* buffer, std::int64_t size) {
  while (size > 0) {
    const ssize_t got = ::pread(file, buffer, static_cast<std::size_t>(size), position);
    if (got == 0) return false;
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category());
    }
    buffer += got;
    position += got;
    size -= got;
  }
  return true;
}

bool read_rows(int file, std::int64_t start, Decoder& decoder, std::int64_t first, std::int64_t count, int threads) {
  if (first < 0 || count < 0 || count > decoder.count() - first) throw std::out_of_range("rows outside the arrays");
  const std::int64_t row_bytes = decoder.layout().row_bytes;
  const std::int64_t step = std::max<std::int64_t>(1, kReadBytes / row_bytes);
  const std::int64_t share = std::max(step, kShareBytes / row_bytes);
  std::atomic<bool> complete{true};
  parallel_for(count, share, threads, [&](std::int64_t begin, std::int64_t end) {
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(step * row_bytes));
    for (std::int64_t row = first + begin; row < first + end && complete; row += step) {
      const std::int64_t rows = std::min(step, first + end - row);
      if (!read_fully(file, start + row * row_bytes, buffer.get(), rows * row_bytes)) {
        complete = false;
        return;
      }
      decoder.decode(buffer.get(), row, rows);
    }
  });
  return complete;
}

}  // namespace rtgs2::ply
