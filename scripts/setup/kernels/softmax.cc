// The softmax of causal attention and its gradient.

#include <cstring>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

// Row i of a block of queries sees all keys but the last block - 1 - i.
INLINE int64_t Seen(int64_t row, int64_t block, int64_t keys) { return keys - block + 1 + row % block; }

FOR_EACH_PROCESSOR static void SoftmaxRows(const float *scores, float *p, int64_t first, int64_t rows, int64_t block,
                                           int64_t keys) {
  for (int64_t row = first; row < first + rows; row++, scores += keys, p += keys) {
    const int64_t seen = Seen(row, block, keys);
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
    std::memset(p + seen, 0, static_cast<size_t>(keys - seen) * sizeof(float));
  }
}

FOR_EACH_PROCESSOR static void SoftmaxGradientRows(const float *p, const float *dp, float *ds, int64_t first,
                                                   int64_t rows, int64_t block, int64_t keys) {
  for (int64_t row = first; row < first + rows; row++, p += keys, dp += keys, ds += keys) {
    const int64_t seen = Seen(row, block, keys);
    Lanes products = {};
    int64_t at = 0;
    for (; at + width <= seen; at += width) products += Load(p + at) * Load(dp + at);
    float along = SumOf(products);
    for (; at < seen; at++) along += p[at] * dp[at];
    SIDE_BY_SIDE
    for (at = 0; at < seen; at++) ds[at] = p[at] * (dp[at] - along);
    std::memset(ds + seen, 0, static_cast<size_t>(keys - seen) * sizeof(float));
  }
}

static const Operator causalSoftmax = {
    "DescentCausalSoftmax", {"scores: float"}, {"p: float"}, {}, {"block"}, [](Call &call) {
      const Input scores = call.input(0);
      const int64_t block = call.integer(0);
      if (!call.require(scores.shape.size() >= 2 && block > 0 && scores.shape.back() >= block &&
                        scores.shape[scores.shape.size() - 2] % block == 0))
        return;
      const int64_t keys = scores.shape.back();
      float *const p = call.output(0, scores.shape, 0);
      if (call.failed()) return;
      InStretches(scores.size() / keys, keys, [&](int64_t from, int64_t to) {
        SoftmaxRows(scores.data + from * keys, p + from * keys, from, to - from, block, keys);
      });
    }};

static const Operator causalSoftmaxGradient = {
    "DescentCausalSoftmaxGradient", {"p: float", "dp: float"}, {"ds: float"}, {}, {"block"}, [](Call &call) {
      const Input p = call.input(0), dp = call.input(1);
      const int64_t block = call.integer(0);
      if (!call.require(p.shape.size() >= 2 && dp.shape == p.shape && block > 0 && p.shape.back() >= block &&
                        p.shape[p.shape.size() - 2] % block == 0))
        return;
      const int64_t keys = p.shape.back();
      float *const ds = call.output(0, p.shape, 1);
      if (call.failed()) return;
      InStretches(p.size() / keys, keys, [&](int64_t from, int64_t to) {
        SoftmaxGradientRows(p.data + from * keys, dp.data + from * keys, ds + from * keys, from, to - from, block, keys);
      });
    }};

void RegisterSoftmax(TF_Status *status) {
  Register<&causalSoftmax>(status);
  Register<&causalSoftmaxGradient>(status);
}

}  // namespace descent
