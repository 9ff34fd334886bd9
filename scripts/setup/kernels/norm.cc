// RMSNorm and its gradient.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

FOR_EACH_PROCESSOR static void NormRows(const float *x, const float *gain, float *y, float *r, int64_t rows,
                                        int64_t size, float epsilon) {
  for (int64_t row = 0; row < rows; row++, x += size, y += size) {
    Lanes squares = {};
    int64_t at = 0;
    for (; at + width <= size; at += width) squares += Load(x + at) * Load(x + at);
    if (at < size) {
      const Lanes rest = LoadSome(x + at, size - at, 0);
      squares += rest * rest;
    }
    const float scale = 1 / std::sqrt(SumOf(squares) / static_cast<float>(size) + epsilon);
    r[row] = scale;
    SIDE_BY_SIDE
    for (int64_t i = 0; i < size; i++) y[i] = gain[i] * (x[i] * scale);
  }
}

FOR_EACH_PROCESSOR static void NormGradientRows(const float *dy, const float *x, const float *gain, const float *r,
                                                const float *residual, float *dx, float *dGain, int64_t rows,
                                                int64_t size) {
  for (int64_t row = 0; row < rows; row++, dy += size, x += size, dx += size) {
    const float scale = r[row];
    Lanes along = {};
    int64_t at = 0;
    for (; at + width <= size; at += width) along += Load(dy + at) * Load(gain + at) * (Load(x + at) * scale);
    if (at < size) {
      const int64_t count = size - at;
      along += LoadSome(dy + at, count, 0) * LoadSome(gain + at, count, 0) * (LoadSome(x + at, count, 0) * scale);
    }
    const float mean = SumOf(along) / static_cast<float>(size);
    SIDE_BY_SIDE
    for (int64_t i = 0; i < size; i++) {
      const float n = x[i] * scale;
      dGain[i] += dy[i] * n;
      dx[i] = scale * (dy[i] * gain[i] - n * mean) + (residual ? residual[i] : 0);
    }
    if (residual) residual += size;
  }
}

static const Operator rmsNorm = {
    "DescentRmsNorm", {"x: float", "gain: float"}, {"y: float", "r: float"}, {"epsilon"}, {}, [](Call &call) {
      const Input x = call.input(0), gain = call.input(1);
      if (!call.require(x.shape.size() == 2 && gain.size() == x.shape[1])) return;
      const int64_t size = x.shape[1];
      float *const y = call.output(0, x.shape), *const r = call.output(1, {x.shape[0]});
      if (call.failed()) return;
      InStretches(x.shape[0], size, [&](int64_t from, int64_t to) {
        NormRows(x.data + from * size, gain.data, y + from * size, r + from, to - from, size, call.number(0));
      });
    }};

static const Operator rmsNormGradient = {
    "DescentRmsNormGradient",
    {"dy: float", "x: float", "gain: float", "r: float", "residuals: count * float"},
    {"dx: float", "dgain: float"},
    {},
    {"count"},
    [](Call &call) {
      const Input dy = call.input(0), x = call.input(1), gain = call.input(2), r = call.input(3);
      const Input residual = call.integer(0) > 0 ? call.input(4) : Input{nullptr, {}};
      if (!call.require(x.shape.size() == 2 && dy.shape == x.shape && gain.size() == x.shape[1] &&
                        r.size() == x.shape[0] && call.integer(0) <= 1 &&
                        (call.integer(0) == 0 || residual.shape == x.shape)))
        return;
      const int64_t size = x.shape[1];
      float *const dx = call.output(0, x.shape, 0), *const dGain = call.output(1, {size});
      if (call.failed()) return;
      // Sums over rows: of so many at a time, then of those.
      constexpr int64_t together = 64;
      const int64_t sums = (x.shape[0] + together - 1) / together;
      std::vector<float> partial(static_cast<size_t>(sums * size), 0.0f);
      InStretches(sums, together * size, [&](int64_t from, int64_t to) {
        for (int64_t sum = from; sum < to; sum++) {
          const int64_t row = sum * together, rows = std::min(together, x.shape[0] - row);
          NormGradientRows(dy.data + row * size, x.data + row * size, gain.data, r.data + row,
                           residual.data ? residual.data + row * size : nullptr, dx + row * size,
                           partial.data() + sum * size, rows, size);
        }
      });
      std::memset(dGain, 0, static_cast<size_t>(size) * sizeof(float));
      for (int64_t sum = 0; sum < sums; sum++)
        for (int64_t i = 0; i < size; i++) dGain[i] += partial[static_cast<size_t>(sum * size + i)];
    }};

void RegisterNorm(TF_Status *status) {
  Register<&rmsNorm>(status);
  Register<&rmsNormGradient>(status);
}

}  // namespace descent
