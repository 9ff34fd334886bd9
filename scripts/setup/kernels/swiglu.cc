// SwiGLU and its gradient.

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

INLINE Lanes Sigmoid(Lanes x) { return 1.0f / (1.0f + Exponential(-x)); }

INLINE Lanes GatedLanes(Lanes a, Lanes u) { return a * Sigmoid(a) * u; }

FOR_EACH_PROCESSOR static void GatedRows(const float *au, float *product, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; row++, au += 2 * size, product += size) {
    int64_t at = 0;
    for (; at + width <= size; at += width) Store(product + at, GatedLanes(Load(au + at), Load(au + size + at)));
    if (at < size) {
      const int64_t count = size - at;
      StoreSome(product + at, GatedLanes(LoadSome(au + at, count, 0), LoadSome(au + size + at, count, 0)), count);
    }
  }
}

struct GatedGradient {
  Lanes da, du;
};
INLINE GatedGradient GatedGradientLanes(Lanes dy, Lanes a, Lanes u) {
  const Lanes sigma = Sigmoid(a);
  return {dy * u * (sigma + a * sigma * (1.0f - sigma)), dy * (a * sigma)};
}

FOR_EACH_PROCESSOR static void GatedGradientRows(const float *dy, const float *au, float *dau, int64_t rows,
                                                 int64_t size) {
  for (int64_t row = 0; row < rows; row++, dy += size, au += 2 * size, dau += 2 * size) {
    int64_t at = 0;
    for (; at + width <= size; at += width) {
      const GatedGradient d = GatedGradientLanes(Load(dy + at), Load(au + at), Load(au + size + at));
      Store(dau + at, d.da);
      Store(dau + size + at, d.du);
    }
    if (at < size) {
      const int64_t count = size - at;
      const GatedGradient d = GatedGradientLanes(LoadSome(dy + at, count, 0), LoadSome(au + at, count, 0),
                                                 LoadSome(au + size + at, count, 0));
      StoreSome(dau + at, d.da, count);
      StoreSome(dau + size + at, d.du, count);
    }
  }
}

static const Operator swiGlu = {
    "DescentSwiGlu", {"au: float"}, {"product: float"}, {}, {}, [](Call &call) {
      const Input au = call.input(0);
      if (!call.require(au.shape.size() == 3 && au.shape[1] == 2)) return;
      const int64_t rows = au.shape[0], size = au.shape[2];
      float *const product = call.output(0, {rows, size});
      if (call.failed()) return;
      InStretches(rows, 2 * size, [&](int64_t from, int64_t to) {
        GatedRows(au.data + from * 2 * size, product + from * size, to - from, size);
      });
    }};

static const Operator swiGluGradient = {
    "DescentSwiGluGradient", {"dproduct: float", "au: float"}, {"dau: float"}, {}, {}, [](Call &call) {
      const Input dy = call.input(0), au = call.input(1);
      if (!call.require(au.shape.size() == 3 && au.shape[1] == 2 && dy.shape == Shape{au.shape[0], au.shape[2]})) return;
      const int64_t rows = au.shape[0], size = au.shape[2];
      float *const dau = call.output(0, au.shape, 1);
      if (call.failed()) return;
      InStretches(rows, 2 * size, [&](int64_t from, int64_t to) {
        GatedGradientRows(dy.data + from * size, au.data + from * 2 * size, dau + from * 2 * size, to - from, size);
      });
    }};

void RegisterSwiGlu(TF_Status *status) {
  Register<&swiGlu>(status);
  Register<&swiGluGradient>(status);
}

}  // namespace descent
