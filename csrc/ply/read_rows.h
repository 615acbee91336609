// Rows of a PLY file, read and decoded by threads.
#pragma once

#include <cstdint>

#include "ply/decoder.h"

namespace rtgs2::ply {

/// Decodes all rows of `decoder` from the open file `file`, where they begin `start` bytes from its beginning. Reads a
/// few hundred KiB a thread at a time, at positions of its own (the file's is not touched), so that a file that shrinks
/// meanwhile is an early end and nothing worse.
///
/// Returns whether the file held all rows. Throws std::system_error if it cannot be read.
bool read_rows(int file, std::int64_t start, Decoder& decoder, int threads);

}  // namespace rtgs2::ply
