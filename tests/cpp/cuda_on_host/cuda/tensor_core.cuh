// In place of csrc/cuda/tensor_core.cuh: the same instructions, written down from the PTX manual (fragments of
// mma.m16n8k16 with .f16, ldmatrix with .trans). Copies come about when they are waited for, not before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cuda_runtime_api.h"
#include "half.h"

namespace rtgs2::cuda {

inline void start_copy(void* shared, const void* global) {
  on_host::Block::now()->copies().push_back({shared, global});
}

inline void finish_copies() {
  auto& copies = on_host::Block::now()->copies();
  for (const auto& copy : copies) std::memcpy(copy.to, copy.from, 16);
  copies.clear();
}

template <std::size_t kMatrices>
void load_transposed(std::uint32_t (&matrices)[kMatrices], const void* row) {
  on_host::Block& block = *on_host::Block::now();
  const std::size_t lane = block.lane();
  block.exchange(block.warp(), row, [&](const auto& row_of) {
    for (std::size_t m = 0; m < kMatrices; ++m) {
      // Of the transposed matrix, row lane / 4 and columns 2 (lane % 4) and the next.
      const auto element = [&](std::size_t r) {
        std::uint16_t bits;
        std::memcpy(&bits, static_cast<const std::byte*>(row_of(8 * m + r)) + 2 * (lane / 4), sizeof(bits));
        return std::uint32_t{bits};
      };
      matrices[m] = element(2 * (lane % 4)) | element(2 * (lane % 4) + 1) << 16U;
    }
    return 0;
  });
}

inline void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  struct Fragments {
    std::array<std::uint32_t, 4> a;
    std::array<std::uint32_t, 2> b;
  };
  on_host::Block& block = *on_host::Block::now();
  const std::size_t group = block.lane() / 4, in_group = block.lane() % 4;
  const auto half_of = [](std::uint32_t pair, std::size_t i) {
    return on_host::half_value(static_cast<std::uint16_t>(pair >> (16 * (i % 2))));
  };
  block.exchange(block.warp(), Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}}, [&](const auto& fragments_of) {
    // a_i of lane 4 g + t: row g for i in 0, 1, 4, 5, else g + 8; column 2 t + i % 2, and 8 more from i = 4 on.
    const auto a_at = [&](std::size_t row, std::size_t column) {
      const std::size_t i = column % 2 + (row >= 8 ? 2 : 0) + (column >= 8 ? 4 : 0);
      return half_of(fragments_of(4 * (row % 8) + column % 8 / 2).a[i / 2], i);
    };
    // b_i of lane 4 g + t: row 2 t + i % 2, and 8 more from i = 2 on; column g.
    const auto b_at = [&](std::size_t row, std::size_t column) {
      const std::size_t i = row % 2 + (row >= 8 ? 2 : 0);
      return half_of(fragments_of(4 * column + row % 8 / 2).b[i / 2], i);
    };
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t row = group + (i < 2 ? 0 : 8), column = 2 * in_group + i % 2;
      for (std::size_t k = 0; k < 16; ++k) sums[i] += a_at(row, k) * b_at(k, column);
    }
    return 0;
  });
}

inline std::uint32_t pack_halves(float first, float second) {
  return std::uint32_t{on_host::half_bits(first)} | std::uint32_t{on_host::half_bits(second)} << 16U;
}

}  // namespace rtgs2::cuda
