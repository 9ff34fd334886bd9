// The softmax of causal attention and its gradient.

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

// Which keys a row of scores sees. Row i of a block of queries sees all but the last block - 1 - i; where documents are
// packed, none before the first of its own document. Rows are those of [.., batch, rows, keys]; `begins`, [batch, time], has
// where the document of each token begins, and is null where a sequence is one document.
struct Keys {
  int64_t block, keys, rows, batch, time;
  const int32_t *begins;
};

INLINE int64_t EndOf(const Keys &visible, int64_t row) {
  return visible.keys - visible.block + 1 + row % visible.block;
}
INLINE int64_t BeginOf(const Keys &visible, int64_t row) {
  if (!visible.begins) return 0;
  const int64_t place = EndOf(visible, row) - 1, sequence = row / visible.rows % visible.batch;
  return std::clamp<int64_t>(visible.begins[sequence * visible.time + place], 0, place);
}

// Zero for what is not seen.
INLINE void Clear(float *row, int64_t begin, int64_t end, int64_t keys) {
  std::memset(row, 0, static_cast<size_t>(begin) * sizeof(float));
  std::memset(row + end, 0, static_cast<size_t>(keys - end) * sizeof(float));
}

FOR_EACH_PROCESSOR static void SoftmaxRows(const float *allScores, float *all, int64_t first, int64_t last,
                                           const Keys &visible) {
  const int64_t keys = visible.keys;
  for (int64_t row = first; row < last; row++) {
    const int64_t begin = BeginOf(visible, row), end = EndOf(visible, row), seen = end - begin;
    const float *const scores = allScores + row * keys + begin;
    float *const p = all + row * keys + begin;
    const int64_t whole = seen / width * width, rest = seen - whole;
    Lanes largest = LoadSome(scores + whole, rest, scores[0]);
    for (int64_t at = 0; at < whole; at += width) largest = Larger(largest, Load(scores + at));
    const float shift = LargestOf(largest);
    Lanes sums = {};
    for (int64_t at = 0; at < whole; at += width) {
      const Lanes e = Exponential(Load(scores + at) - shift);
      sums += e;
      Store(p + at, e);
    }
    float sum = SumOf(sums);
    if (rest > 0) {
      const Lanes e = Exponential(LoadSome(scores + whole, rest, 0) - shift);
      for (int64_t lane = 0; lane < rest; lane++) sum += p[whole + lane] = e[lane];
    }
    const float scale = 1 / sum;
    SIDE_BY_SIDE
    for (int64_t at = 0; at < seen; at++) p[at] *= scale;
    Clear(all + row * keys, begin, end, keys);
  }
}

FOR_EACH_PROCESSOR static void SoftmaxGradientRows(const float *allP, const float *allDp, float *all, int64_t first,
                                                   int64_t last, const Keys &visible) {
  const int64_t keys = visible.keys;
  for (int64_t row = first; row < last; row++) {
    const int64_t begin = BeginOf(visible, row), end = EndOf(visible, row), seen = end - begin;
    const float *const p = allP + row * keys + begin, *const dp = allDp + row * keys + begin;
    float *const ds = all + row * keys + begin;
    Lanes products = {};
    int64_t at = 0;
    for (; at + width <= seen; at += width) products += Load(p + at) * Load(dp + at);
    float along = SumOf(products);
    for (; at < seen; at++) along += p[at] * dp[at];
    SIDE_BY_SIDE
    for (at = 0; at < seen; at++) ds[at] = p[at] * (dp[at] - along);
    Clear(all + row * keys, begin, end, keys);
  }
}

// What scores of this shape see, by the attributes of an operator and its input `index`, if it has one. Fails where they do
// not go together.
static Keys KeysOf(Call &call, const Shape &scores, int index) {
  const int64_t block = call.integer(0), rank = static_cast<int64_t>(scores.size());
  if (!call.require(rank >= 2 && block > 0 && scores.back() >= block && scores[static_cast<size_t>(rank) - 2] % block == 0))
    return {};
  Keys visible = {block, scores.back(), scores[static_cast<size_t>(rank) - 2], 1, 0, nullptr};
  if (call.integer(1) == 0) return visible;
  const Input begins = call.input(index);
  if (!call.require(rank >= 3 && begins.shape.size() == 2 && begins.shape[0] == scores[static_cast<size_t>(rank) - 3] &&
                    begins.shape[1] >= visible.keys))
    return {};
  visible.batch = begins.shape[0];
  visible.time = begins.shape[1];
  visible.begins = reinterpret_cast<const int32_t *>(begins.data);
  return visible;
}

static const Operator causalSoftmax = {
    "DescentCausalSoftmax", {"scores: float", "begins: count * int32"}, {"p: float"}, {}, {"block", "count"},
    [](Call &call) {
      const Input scores = call.input(0);
      const Keys visible = KeysOf(call, scores.shape, 1);
      if (call.failed()) return;
      float *const p = call.output(0, scores.shape, 0);
      if (call.failed()) return;
      InStretches(scores.size() / visible.keys, visible.keys,
                  [&](int64_t from, int64_t to) { SoftmaxRows(scores.data, p, from, to, visible); });
    }};

static const Operator causalSoftmaxGradient = {
    "DescentCausalSoftmaxGradient", {"p: float", "dp: float", "begins: count * int32"}, {"ds: float"}, {},
    {"block", "count"}, [](Call &call) {
      const Input p = call.input(0), dp = call.input(1);
      if (!call.require(dp.shape == p.shape)) return;
      const Keys visible = KeysOf(call, p.shape, 2);
      if (call.failed()) return;
      float *const ds = call.output(0, p.shape, 1);
      if (call.failed()) return;
      InStretches(p.size() / visible.keys, visible.keys,
                  [&](int64_t from, int64_t to) { SoftmaxGradientRows(p.data, dp.data, ds, from, to, visible); });
    }};

void RegisterSoftmax(TF_Status *status) {
  Register<&causalSoftmax>(status);
  Register<&causalSoftmaxGradient>(status);
}

}  // namespace descent
