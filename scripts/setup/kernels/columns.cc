// What decoding does between tokens' columns: activations [width, N], a column a token. Numbers of sixteen tokens stand side
// by side, so that a token's own do not depend on which others there are.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

// Columns that are multiplied at once: two times sixteen, the last ones filled up with zeros to a multiple of sixteen.
constexpr int64_t together = 2 * width;

// Rows of a weight that are multiplied at once: as many sums as there are registers for.
constexpr int64_t tall = 12;

static int64_t LanesOf(int64_t columns) { return std::min(together, (columns + width - 1) / width * width); }

// Some columns of x, [in, stride], one row of all of them after the other; divided by sqrt(mean(x²) + epsilon) if epsilon is
// not 0.
FOR_EACH_MULTIPLIER static void PackColumns(const float *x, int64_t stride, int64_t in, int64_t columns, int64_t lanes,
                                            float epsilon, float *packed) {
  for (int64_t i = 0; i < in; i++) {
    float *const row = packed + i * lanes;
    for (int64_t column = 0; column < columns; column++) row[column] = x[i * stride + column];
    for (int64_t column = columns; column < lanes; column++) row[column] = 0;
  }
  if (epsilon == 0) return;
  for (int64_t lane = 0; lane < lanes; lane += width) {
    Lanes squares = {};
    for (int64_t i = 0; i < in; i++) squares += Load(packed + i * lanes + lane) * Load(packed + i * lanes + lane);
    float scales[width];
    for (int64_t each = 0; each < width; each++)
      scales[each] = 1 / std::sqrt(squares[each] / static_cast<float>(in) + epsilon);
    for (int64_t i = 0; i < in; i++) {
      float *const at = packed + i * lanes + lane;
      Store(at, Load(at) * Load(scales));
    }
  }
}

// Sums over i of weight[row][i] x[i][lane], in the order of i, of so many rows and lanes.
template <int64_t rows, int64_t vectors>
INLINE void Sums(const float *weight, const float *x, int64_t in, int64_t lanes, float *sums) {
  Lanes sum[rows][vectors] = {};
  for (int64_t i = 0; i < in; i++) {
    __builtin_prefetch(weight + rows * (in + i));  // of the rows that come next, which no processor foresees
    Lanes column[vectors];
#pragma GCC unroll 2
    for (int64_t vector = 0; vector < vectors; vector++) column[vector] = Load(x + i * lanes + vector * width);
#pragma GCC unroll 12
    for (int64_t row = 0; row < rows; row++) {
      const float factor = weight[row * in + i];
#pragma GCC unroll 2
      for (int64_t vector = 0; vector < vectors; vector++) sum[row][vector] += factor * column[vector];
    }
  }
  for (int64_t row = 0; row < rows; row++)
    for (int64_t vector = 0; vector < vectors; vector++)
      Store(sums + row * together + vector * width, sum[row][vector]);
}

// The same of up to `tall` rows. How many are taken at once is what the processor has registers for.
FOR_EACH_MULTIPLIER static void Multiply(const float *weight, const float *x, int64_t in, int64_t rows, int64_t lanes,
                                         bool manyRegisters, float *sums) {
  int64_t row = 0;
  if (manyRegisters && rows == tall) {
    if (lanes == together)
      Sums<tall, 2>(weight, x, in, lanes, sums);
    else
      Sums<tall, 1>(weight, x, in, lanes, sums);
    return;
  }
  for (; row + 6 <= rows; row += 6)
    for (int64_t lane = 0; lane < lanes; lane += width)
      Sums<6, 1>(weight + row * in, x + lane, in, lanes, sums + row * together + lane);
  for (; row < rows; row++)
    for (int64_t lane = 0; lane < lanes; lane += width)
      Sums<1, 1>(weight + row * in, x + lane, in, lanes, sums + row * together + lane);
}

static bool HasManyRegisters() {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has = __builtin_cpu_supports("avx512f");
  return has;
#else
  return false;
#endif
}

// sums = silu(sums) * ups
FOR_EACH_MULTIPLIER static void Gate(float *sums, const float *ups, int64_t rows) {
  for (int64_t at = 0; at < rows * together; at += width) {
    const Lanes a = Load(sums + at);
    Store(sums + at, a / (1.0f + Exponential(-a)) * Load(ups + at));
  }
}

// Memory of this thread's, for as long as nothing else of it asks for some.
static float *Scratch(int64_t numbers) {
  thread_local std::unique_ptr<float[]> memory;
  thread_local int64_t size = 0;
  if (size < numbers) {
    memory.reset(new float[static_cast<size_t>(numbers + width)]);
    size = numbers;
  }
  const auto address = reinterpret_cast<uintptr_t>(memory.get());
  return memory.get() + ((64 - address % 64) % 64) / sizeof(float);
}

// The product of a weight [out, in] and columns [in, N], normalised or not; of its halves one gated by the other, or with
// residuals added.
static void Product(Call &call, bool gated) {
  const Input weight = call.input(0), x = call.input(1);
  const Input residual = !gated && call.integer(0) > 0 ? call.input(2) : Input{nullptr, {}};
  if (!call.require(weight.shape.size() == 2 && x.shape.size() == 2 && weight.shape[1] == x.shape[0])) return;
  const int64_t out = weight.shape[0] / (gated ? 2 : 1), in = weight.shape[1], count = x.shape[1];
  if (!call.require(out * (gated ? 2 : 1) == weight.shape[0] &&
                    (residual.data == nullptr || residual.shape == Shape{out, count})))
    return;
  float *const y = call.output(0, {out, count});
  if (call.failed() || count == 0) return;
  const int64_t panels = (count + together - 1) / together;
  float *const packed = Scratch(panels * in * together);
  for (int64_t panel = 0; panel < panels; panel++) {
    const int64_t first = panel * together, columns = std::min(together, count - first);
    PackColumns(x.data + first, count, in, columns, LanesOf(columns), call.number(0), packed + panel * in * together);
  }
  const bool manyRegisters = HasManyRegisters();
  // Each piece is of many rows that follow each other, so that what is fetched ahead is for who fetches it.
  constexpr int64_t worthwhile = 256 * 1024, most = 16;
  const int64_t tiles = (out + tall - 1) / tall, multiplications = weight.size() * panels * together;
  const int64_t pieces = std::min(tiles, std::clamp<int64_t>(multiplications / worthwhile, 1, most));
  SideBySide(pieces, [&](int64_t piece) {
    const int64_t from = tiles * piece / pieces, to = tiles * (piece + 1) / pieces;
    alignas(64) float sums[tall * together], ups[tall * together];
    for (int64_t row = from * tall; row < std::min(out, to * tall); row += tall) {
      const int64_t rows = std::min(tall, out - row);
      for (int64_t panel = 0; panel < panels; panel++) {
        const int64_t first = panel * together, columns = std::min(together, count - first), lanes = LanesOf(columns);
        const float *const factors = packed + panel * in * together;
        Multiply(weight.data + row * in, factors, in, rows, lanes, manyRegisters, sums);
        if (gated) {
          Multiply(weight.data + (out + row) * in, factors, in, rows, lanes, manyRegisters, ups);
          Gate(sums, ups, rows);
        }
        for (int64_t each = 0; each < rows; each++) {
          const int64_t at = (row + each) * count + first;
          const float *const sum = sums + each * together;
          if (residual.data == nullptr)
            std::memcpy(y + at, sum, static_cast<size_t>(columns) * sizeof(float));
          else
            for (int64_t column = 0; column < columns; column++) y[at + column] = residual.data[at + column] + sum[column];
        }
      }
    }
  });
}

static const Operator columnProduct = {"DescentColumnProduct",
                                       {"weight: float", "x: float", "residuals: count * float"},
                                       {"y: float"},
                                       {"epsilon"},
                                       {"count"},
                                       [](Call &call) { Product(call, false); }};

static const Operator gatedColumnProduct = {"DescentGatedColumnProduct",
                                            {"weight: float", "x: float"},
                                            {"y: float"},
                                            {"epsilon"},
                                            {},
                                            [](Call &call) { Product(call, true); }};

static const Operator columnsOf = {
    "DescentColumns", {"table: float", "rows: int32"}, {"columns: float"}, {}, {}, [](Call &call) {
      const Input table = call.input(0), rows = call.input(1);
      const auto *const row = reinterpret_cast<const int32_t *>(rows.data);
      if (!call.require(table.shape.size() == 2 && rows.shape.size() == 1)) return;
      const int64_t size = table.shape[1], count = rows.size();
      if (!call.require(std::all_of(row, row + count, [&](int32_t each) { return each >= 0 && each < table.shape[0]; })))
        return;
      float *const y = call.output(0, {size, count});
      if (call.failed()) return;
      for (int64_t i = 0; i < size; i++)
        for (int64_t column = 0; column < count; column++) y[i * count + column] = table.data[row[column] * size + i];
    }};

// The largest score of each column and the first row that has it; and the sum of e^(score - largest).
FOR_EACH_MULTIPLIER static void LargestOfColumns(const float *scores, int64_t rows, int64_t stride, int64_t columns,
                                                 int32_t *largest, float *totals) {
  const auto row = [&](int64_t index) __attribute__((always_inline)) {
    return columns == width ? Load(scores + index * stride) : LoadSome(scores + index * stride, columns, 0);
  };
  Lanes most = row(0), total = {};
  IntegerLanes place = {};
  for (int64_t index = 1; index < rows; index++) {
    const Lanes score = row(index);
    place = score > most ? IntegerLanes{} + static_cast<int32_t>(index) : place;
    most = Larger(score, most);
  }
  for (int64_t index = 0; index < rows; index++) total += Exponential(row(index) - most);
  for (int64_t column = 0; column < columns; column++) {
    largest[column] = place[column];
    totals[column] = total[column];
  }
}

static const Operator likeliest = {
    "DescentLikeliest", {"scores: float"}, {"tokens: int32", "log_probs: float"}, {}, {}, [](Call &call) {
      const Input scores = call.input(0);
      if (!call.require(scores.shape.size() == 2 && scores.shape[0] > 0)) return;
      const int64_t rows = scores.shape[0], count = scores.shape[1];
      int32_t *const tokens = call.integers(0, {count});
      float *const logProbs = call.output(1, {count});
      if (call.failed()) return;
      InStretches((count + width - 1) / width, 2 * rows * width, [&](int64_t from, int64_t to) {
        for (int64_t first = from * width; first < std::min(count, to * width); first += width) {
          const int64_t columns = std::min(width, count - first);
          LargestOfColumns(scores.data + first, rows, count, columns, tokens + first, logProbs + first);
          for (int64_t column = first; column < first + columns; column++) logProbs[column] = -std::log(logProbs[column]);
        }
      });
    }};

void RegisterColumns(TF_Status *status) {
  Register<&columnProduct>(status);
  Register<&gatedColumnProduct>(status);
  Register<&columnsOf>(status);
  Register<&likeliest>(status);
}

}  // namespace descent
