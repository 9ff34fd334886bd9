// Sixteen numbers side by side, and what makes loops over numbers fast on the processor that they run on.
#pragma once

#include <cstdint>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
// Compiled for each, and chosen by the processor that it runs on: a cache folder may be shared.
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
// The same of what multiplies and adds in one: there are processors that have AVX2 and not that.
#define FOR_EACH_MULTIPLIER __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define FOR_EACH_PROCESSOR
#define FOR_EACH_MULTIPLIER
#endif
#define INLINE __attribute__((always_inline)) static inline
// Of a loop whose rounds have nothing to do with each other, though what is written may be where something was read.
#if defined(__clang__)
#define SIDE_BY_SIDE _Pragma("clang loop vectorize(assume_safety)")
#else
#define SIDE_BY_SIDE _Pragma("GCC ivdep")
#endif
#pragma GCC diagnostic ignored "-Wpsabi"

namespace descent {

// Sixteen numbers side by side, wherever they lie.
constexpr int64_t width = 16;
typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t IntegerLanes __attribute__((vector_size(64), aligned(4), may_alias));

INLINE Lanes Load(const float *from) { return *reinterpret_cast<const Lanes *>(from); }
INLINE void Store(float *to, Lanes lanes) { *reinterpret_cast<Lanes *>(to) = lanes; }
INLINE Lanes All(float value) { return Lanes{} + value; }

// The first `count` lanes; the others are `rest`.
INLINE Lanes LoadSome(const float *from, int64_t count, float rest) {
  float lanes[width];
  for (int64_t lane = 0; lane < width; lane++) lanes[lane] = lane < count ? from[lane] : rest;
  return Load(lanes);
}
INLINE void StoreSome(float *to, Lanes lanes, int64_t count) {
  for (int64_t lane = 0; lane < count; lane++) to[lane] = lanes[lane];
}

INLINE float SumOf(Lanes lanes) {
  float sum = 0;
  for (int64_t lane = 0; lane < width; lane++) sum += lanes[lane];
  return sum;
}
INLINE Lanes Larger(Lanes a, Lanes b) { return a > b ? a : b; }
INLINE float LargestOf(Lanes lanes) {
  float largest = lanes[0];
  for (int64_t lane = 1; lane < width; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
  return largest;
}

// e^x to two units in the last place: x = n ln 2 + r with |r| <= ln(2)/2, and the polynomial of Cephes' expf for e^r.
INLINE Lanes Exponential(Lanes x) {
  x = x < All(-87.0f) ? All(-87.0f) : x;
  x = x > All(88.0f) ? All(88.0f) : x;
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  const Lanes shifted = x * 1.44269504088896341f + 12582912.0f;
  const Lanes n = shifted - 12582912.0f;
  const Lanes r = x - n * 0.693359375f - n * -2.12194440e-4f;
  Lanes p = All(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const IntegerLanes exponent = (reinterpret_cast<const IntegerLanes &>(shifted) - 0x4B400000 + 127) << 23;
  return p * reinterpret_cast<const Lanes &>(exponent);
}

}  // namespace descent
