// Rounding to bfloat16.

#include <cstring>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

// To the nearest number of eight significant bits, of two to the one whose last bit is 0; what is none stays none.
FOR_EACH_PROCESSOR static void RoundStretch(const float *x, float *y, int64_t count) {
  SIDE_BY_SIDE
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
    const uint32_t kept = (bits & 0x7FFFFFFFu) > 0x7F800000u ? bits | 0x00400000u : rounded;
    std::memcpy(y + i, &kept, sizeof kept);
  }
}

static const Operator roundToBfloat16 = {
    "DescentRoundToBfloat16", {"x: float"}, {"y: float"}, {}, {}, [](Call &call) {
      const Input x = call.input(0);
      float *const y = call.output(0, x.shape, 0);
      if (call.failed()) return;
      InStretches(x.size(), 1, [&](int64_t from, int64_t to) { RoundStretch(x.data + from, y + from, to - from); });
    }};

void RegisterBfloat16(TF_Status *status) {
  Register<&roundToBfloat16>(status);
}

}  // namespace descent
