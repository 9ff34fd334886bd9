// Attention of tokens to those before them, whose keys and values lie in a cache.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
INLINE Eight LoadEight(const float *from) { return *reinterpret_cast<const Eight *>(from); }

INLINE float Dot(const float *a, const float *b, int64_t size) {
  Eight even = {}, odd = {};
  int64_t at = 0;
  for (; at + 16 <= size; at += 16) {
    even += LoadEight(a + at) * LoadEight(b + at);
    odd += LoadEight(a + at + 8) * LoadEight(b + at + 8);
  }
  if (at + 8 <= size) {
    even += LoadEight(a + at) * LoadEight(b + at);
    at += 8;
  }
  even += odd;
  Four halves[2];
  std::memcpy(halves, &even, sizeof even);
  const Four sums = halves[0] + halves[1];
  float sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  for (; at < size; at++) sum += a[at] * b[at];
  return sum;
}

// Numbers that are read soon, in lines of memory: caches are too large to be near, and no processor foresees where a head's end.
INLINE void Foresee(const float *from, int64_t size) {
  for (int64_t at = 0; at < size; at += 16) __builtin_prefetch(from + at);
}

// Numbers of one head of a token, `stride` apart, turned by its place.
INLINE void TurnColumn(const float *x, int64_t stride, const float *cos, const float *sin, int64_t half, float *y) {
  for (int64_t i = 0; i < half; i++) {
    const float a = x[i * stride], b = x[(i + half) * stride];
    y[i] = cos[i] * a + sin[i] * b;
    y[i + half] = cos[i + half] * b + sin[i + half] * a;
  }
}

// Scores become their e^(score - largest); gives the sum of these. There is room for a multiple of sixteen.
INLINE float Powers(float *scores, int64_t count) {
  for (int64_t at = count; at % width != 0; at++) scores[at] = scores[0];
  Lanes largest = Load(scores);
  for (int64_t at = width; at < count; at += width) largest = Larger(Load(scores + at), largest);
  const float most = LargestOf(largest);
  float total = 0;
  for (int64_t at = 0; at < count; at += width) Store(scores + at, Exponential(Load(scores + at) - most));
  Lanes sums = {};
  int64_t at = 0;
  for (; at + width <= count; at += width) sums += Load(scores + at);
  for (; at < count; at++) total += scores[at];
  return total + SumOf(sums);
}

// Σ p[t] values[t] / total of some numbers of a head, to where they are `stride` apart.
template <typename Vector, int64_t vectors>
INLINE void Mix(const float *p, const float *values, int64_t count, int64_t size, float scale, float *y, int64_t stride,
             const float *next) {
  constexpr int64_t each = sizeof(Vector) / sizeof(float);
  Vector sums[vectors] = {};
  for (int64_t token = 0; token < count; token++) {
    if (next) Foresee(next + token * size, size);
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < vectors; vector++)
      sums[vector] += p[token] * *reinterpret_cast<const Vector *>(values + token * size + vector * each);
  }
  for (int64_t vector = 0; vector < vectors; vector++)
    for (int64_t lane = 0; lane < each; lane++) y[(vector * each + lane) * stride] = sums[vector][lane] * scale;
}

// One head of keys and values of one slot.
struct Head {
  const float *queries, *keys, *values;  // of the latest token, `stride` apart
  float *cachedKeys, *cachedValues;      // of all of its sequence, [capacity, size]
  float *attended;                       // `stride` apart
  const float *next;                     // keys that are read after these; null if there are none
  const float *cos, *sin;
  int64_t stride, group, size, place;
};

FOR_EACH_MULTIPLIER static void AttendHead(const Head &head, float *scratch) {
  const int64_t size = head.size, stride = head.stride, count = head.place + 1;
  TurnColumn(head.keys, stride, head.cos, head.sin, size / 2, head.cachedKeys + head.place * size);
  float *const latest = head.cachedValues + head.place * size;
  for (int64_t i = 0; i < size; i++) latest[i] = head.values[i * stride];
  float *const query = scratch, *const scores = scratch + size;
  for (int64_t index = 0; index < head.group; index++) {
    TurnColumn(head.queries + index * size * stride, stride, head.cos, head.sin, size / 2, query);
    for (int64_t token = 0; token < count; token++) {
      if (index == 0) Foresee(head.cachedValues + token * size, size);
      scores[token] = Dot(query, head.cachedKeys + token * size, size);
    }
    const float scale = 1 / Powers(scores, count);
    float *const y = head.attended + index * size * stride;
    const float *next = index == head.group - 1 ? head.next : nullptr;
    int64_t at = 0;
    for (; at + 4 * width <= size; at += 4 * width, next = nullptr)
      Mix<Lanes, 4>(scores, head.cachedValues + at, count, size, scale, y + at * stride, stride, next);
    for (; at + width <= size; at += width, next = nullptr)
      Mix<Lanes, 1>(scores, head.cachedValues + at, count, size, scale, y + at * stride, stride, next);
    for (; at + 8 <= size; at += 8, next = nullptr)
      Mix<Eight, 1>(scores, head.cachedValues + at, count, size, scale, y + at * stride, stride, next);
    for (; at < size; at++) {
      float sum = 0;
      for (int64_t token = 0; token < count; token++) sum += scores[token] * head.cachedValues[token * size + at];
      y[at * stride] = sum * scale;
    }
  }
}

// The cache is written to where it lies, whoever else holds it: nothing but attention reads it while a step runs.
static const Operator attendCached = {
    "DescentAttendCached",
    {"projected: float", "cos: float", "sin: float", "places: int32", "keys: float", "values: float"},
    {"attended: float"},
    {},
    {"heads"},
    [](Call &call) {
      const Input projected = call.input(0), cos = call.input(1), sin = call.input(2), places = call.input(3);
      const Input keys = call.input(4), values = call.input(5);
      if (!call.require(keys.shape.size() == 4 && values.shape == keys.shape && cos.shape.size() == 2)) return;
      const int64_t kvHeads = keys.shape[0], slots = keys.shape[1], capacity = keys.shape[2], size = keys.shape[3];
      const int64_t heads = call.integer(0);
      if (!call.require(kvHeads > 0 && heads % kvHeads == 0 && size % 2 == 0 && cos.shape == sin.shape &&
                        cos.shape[1] == size && places.shape == Shape{slots} &&
                        projected.shape == Shape{(heads + 2 * kvHeads) * size, slots}))
        return;
      const auto *const place = reinterpret_cast<const int32_t *>(places.data);
      const int64_t room = std::min(capacity, cos.shape[0]);
      if (!call.require(std::all_of(place, place + slots, [&](int32_t each) { return each >= 0 && each < room; }))) return;
      float *const attended = call.output(0, {heads * size, slots});
      if (call.failed()) return;
      const int64_t group = heads / kvHeads;
      int64_t seen = 0;
      for (int64_t slot = 0; slot < slots; slot++) seen += place[slot] + 1;
      InStretches(slots * kvHeads, group * size * (seen / std::max<int64_t>(1, slots) + 4), [&](int64_t from, int64_t to) {
        thread_local std::vector<float> scratch;
        scratch.resize(static_cast<size_t>(size + capacity + width));
        for (int64_t index = from; index < to; index++) {
          const int64_t kvHead = index / slots, slot = index % slots;
          const auto row = [&](int64_t head) { return head * size * slots + slot; };
          AttendHead({projected.data + row(kvHead * group), projected.data + row(heads + kvHead),
                      projected.data + row(heads + kvHeads + kvHead),
                      const_cast<float *>(keys.data) + index * capacity * size,
                      const_cast<float *>(values.data) + index * capacity * size, attended + row(kvHead * group),
                      index + 1 < to ? keys.data + (index + 1) * capacity * size : nullptr,
                      cos.data + place[slot] * size, sin.data + place[slot] * size, slots, group, size, place[slot]},
                     scratch.data());
        }
      });
    }};

// Keys, or values, of the beginnings of sequences, [kvHeads, count, time, size], go to where a cache has their slots.
static const Operator fillCache = {
    "DescentFillCache", {"cache: float", "slots: int32", "latest: float"}, {"filled: int32"}, {}, {}, [](Call &call) {
      const Input cache = call.input(0), slots = call.input(1), latest = call.input(2);
      if (!call.require(cache.shape.size() == 4 && latest.shape.size() == 4 && slots.shape == Shape{latest.shape[1]})) return;
      const int64_t kvHeads = cache.shape[0], all = cache.shape[1], capacity = cache.shape[2], size = cache.shape[3];
      const int64_t count = latest.shape[1], time = latest.shape[2];
      const auto *const slot = reinterpret_cast<const int32_t *>(slots.data);
      if (!call.require(latest.shape == Shape{kvHeads, count, time, size} && time <= capacity &&
                        std::all_of(slot, slot + count, [&](int32_t each) { return each >= 0 && each < all; })))
        return;
      int32_t *const filled = call.integers(0, {});
      if (call.failed()) return;
      *filled = static_cast<int32_t>(time);
      // A slot may be named twice, with the same of both: each head is one thread's.
      InStretches(kvHeads, count * time * size, [&](int64_t from, int64_t to) {
        for (int64_t head = from; head < to; head++)
          for (int64_t index = 0; index < count; index++)
            std::memcpy(const_cast<float *>(cache.data) + (head * all + slot[index]) * capacity * size,
                        latest.data + (head * count + index) * time * size,
                        static_cast<size_t>(time * size) * sizeof(float));
      });
    }};

void RegisterCached(TF_Status *status) {
  Register<&attendCached>(status);
  Register<&fillCache>(status);
}

}  // namespace descent
