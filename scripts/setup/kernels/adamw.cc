// An update of AdamW.

#include <cmath>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

struct AdamW {
  float beta1, rest1, beta2, rest2, size, floor, decay, clip;
};

FOR_EACH_PROCESSOR static void AdamWStretch(const AdamW &set, const float *theta, const float *m, const float *v,
                                            const float *g, float *newTheta, float *newM, float *newV, int64_t count) {
  SIDE_BY_SIDE
  for (int64_t i = 0; i < count; i++) {
    const float gradient = g[i] * set.clip;
    const float first = m[i] * set.beta1 + gradient * set.rest1;
    const float second = v[i] * set.beta2 + gradient * gradient * set.rest2;
    newM[i] = first;
    newV[i] = second;
    newTheta[i] = theta[i] * set.decay - set.size * (first / (std::sqrt(second) + set.floor));
  }
}

static const Operator adamW = {
    "DescentAdamW",
    {"theta: float", "m: float", "v: float", "gradient: float", "rates: float", "clip: float"},
    {"new_theta: float", "new_m: float", "new_v: float"},
    {"beta1", "rest1", "beta2", "rest2"},
    {},
    [](Call &call) {
      const Input theta = call.input(0), m = call.input(1), v = call.input(2), g = call.input(3);
      const Input rates = call.input(4), clip = call.input(5);
      if (!call.require(m.shape == theta.shape && v.shape == theta.shape && g.shape == theta.shape &&
                        rates.size() == 3 && clip.size() == 1))
        return;
      float *const newTheta = call.output(0, theta.shape, 3);
      float *const newM = call.output(1, theta.shape), *const newV = call.output(2, theta.shape);
      if (call.failed()) return;
      const AdamW set = {call.number(0), call.number(1), call.number(2), call.number(3),
                         rates.data[0],  rates.data[1],  rates.data[2],  clip.data[0]};
      InStretches(theta.size(), 1, [&](int64_t from, int64_t to) {
        AdamWStretch(set, theta.data + from, m.data + from, v.data + from, g.data + from, newTheta + from, newM + from,
                     newV + from, to - from);
      });
    }};

void RegisterAdamW(TF_Status *status) {
  Register<&adamW>(status);
}

}  // namespace descent
