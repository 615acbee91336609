// Rows of a PLY file, read and decoded by threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ply/decoder.h"

namespace rtgs2::ply {

/// Fills `buffer` with the `size` bytes of an open file from `position` on, which leaves the file's own position alone;
/// false at the end of the file. Throws std::system_error if it cannot be read.
bool read_fully(int file, std::int64_t position, std::byte* buffer, std::int64_t size);

/// Decodes `count` rows of `decoder` from row `first` on from the open file `file`, in which row 0 begins `start` bytes
/// from its beginning. Reads a few hundred KiB a thread at a time, at positions of its own (the file's is not touched),
/// so that a file that shrinks meanwhile is an early end and nothing worse.
///
/// Returns whether the file held these rows. Throws std::system_error if it cannot be read, std::out_of_range for rows
/// outside the arrays.
bool read_rows(int file, std::int64_t start, Decoder& decoder, std::int64_t first, std::int64_t count, int threads);

}  // namespace rtgs2::ply
