// A vector of floats of one instruction set, for files that are compiled once for each of them.
//
// The including file defines RTGS2_LANES (4, 8 or 16) and is compiled with the matching flags. Everything here has a
// name of its own for each width or is inlined always: no two files may leave different machine code under one name.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "splatting/host_device.h"
#include "splatting/vector.h"

#if !defined(RTGS2_LANES)
#error "define RTGS2_LANES before including simd/lanes.h"
#endif

namespace rtgs2::simd {

inline constexpr int kLanes = RTGS2_LANES;

// The compiler's own vectors: + - * / < & ? : work lane by lane, and round as float does.
using Float = float __attribute__((vector_size(4 * RTGS2_LANES)));
using Int = std::int32_t __attribute__((vector_size(4 * RTGS2_LANES)));
using Unsigned = std::uint32_t __attribute__((vector_size(4 * RTGS2_LANES)));

/// The vector at `values`, which need not be aligned.
[[gnu::always_inline]] inline Float load(const float* values) {
  Float result;
  __builtin_memcpy(&result, values, sizeof(result));
  return result;
}

[[gnu::always_inline]] inline void store(float* values, Float vector) {
  __builtin_memcpy(values, &vector, sizeof(vector));
}

[[gnu::always_inline]] inline Float broadcast(float value) { return value - Float{}; }

// A condition a lane.
#if RTGS2_LANES == 16
using Mask = __mmask16;

[[gnu::always_inline]] inline Mask at_least(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
[[gnu::always_inline]] inline Mask less(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
/// `value` where the condition holds, else 0.
[[gnu::always_inline]] inline Float keep(Mask mask, Float value) { return _mm512_maskz_mov_ps(mask, value); }
[[gnu::always_inline]] inline Float select(Mask mask, Float yes, Float no) { return _mm512_mask_mov_ps(no, mask, yes); }
[[gnu::always_inline]] inline Mask both(Mask a, Mask b) { return static_cast<Mask>(a & b); }
[[gnu::always_inline]] inline Mask either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
/// `a` where `b` does not hold.
[[gnu::always_inline]] inline Mask without(Mask a, Mask b) { return static_cast<Mask>(a & ~b); }
/// Bit i is lane i.
[[gnu::always_inline]] inline std::uint32_t bits(Mask mask) { return mask; }

#else
using Mask = Int;

[[gnu::always_inline]] inline Mask at_least(Float a, Float b) { return a >= b; }
[[gnu::always_inline]] inline Mask less(Float a, Float b) { return a < b; }
/// `value` where the condition holds, else 0.
[[gnu::always_inline]] inline Float keep(Mask mask, Float value) {
  return reinterpret_cast<Float>(reinterpret_cast<Int>(value) & mask);
}
[[gnu::always_inline]] inline Float select(Mask mask, Float yes, Float no) { return mask ? yes : no; }
[[gnu::always_inline]] inline Mask both(Mask a, Mask b) { return a & b; }
[[gnu::always_inline]] inline Mask either(Mask a, Mask b) { return a | b; }
/// `a` where `b` does not hold.
[[gnu::always_inline]] inline Mask without(Mask a, Mask b) { return a & ~b; }
/// Bit i is lane i.
[[gnu::always_inline]] inline std::uint32_t bits(Mask mask) {
#if RTGS2_LANES == 8
  return static_cast<std::uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#elif defined(__x86_64__)
  return static_cast<std::uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(mask)));
#elif defined(__aarch64__)
  constexpr Unsigned kLaneBits{1, 2, 4, 8};
  return vaddvq_u32(reinterpret_cast<uint32x4_t>(reinterpret_cast<Unsigned>(mask) & kLaneBits));
#else
  std::uint32_t result = 0;
  for (int i = 0; i < RTGS2_LANES; ++i) result |= static_cast<std::uint32_t>(mask[i] & 1) << i;
  return result;
#endif
}
#endif

[[gnu::always_inline]] inline Float square_root(Float value) {
#if RTGS2_LANES == 16
  return _mm512_maskz_sqrt_ps(0xFFFF, value);  // the plain one makes GCC 12 warn of its own header
#elif RTGS2_LANES == 8
  return _mm256_sqrt_ps(value);
#elif defined(__x86_64__)
  return _mm_sqrt_ps(value);
#elif defined(__aarch64__)
  return reinterpret_cast<Float>(vsqrtq_f32(reinterpret_cast<float32x4_t>(value)));
#else
  for (int i = 0; i < RTGS2_LANES; ++i) value[i] = sqrtf(value[i]);
  return value;
#endif
}

}  // namespace rtgs2::simd

namespace rtgs2::splatting {

template <>
struct RealTraits<simd::Float> {
  using Integer = simd::Int;
  using Bits = simd::Unsigned;

  [[gnu::always_inline]] static inline simd::Float broadcast(float value) { return simd::broadcast(value); }

  [[gnu::always_inline]] static inline simd::Float square_root(simd::Float value) { return simd::square_root(value); }

  [[gnu::always_inline]] static inline simd::Float round_up(simd::Float value) {
    // From 2^23 on every float is whole; NaN stays as it is too.
    const simd::Int fits = (value < simd::broadcast(8388608.0F)) & (value > simd::broadcast(-8388608.0F));
    const simd::Float inner = fits ? value : simd::broadcast(0.0F);
    const simd::Float down = __builtin_convertvector(__builtin_convertvector(inner, simd::Int), simd::Float);
    const simd::Float up = down < inner ? down + 1.0F : down;
    return fits ? up : value;
  }

  /// Towards zero; for values that fit.
  [[gnu::always_inline]] static inline simd::Int truncate(simd::Float value) {
    return __builtin_convertvector(value, simd::Int);
  }
};

}  // namespace rtgs2::splatting
