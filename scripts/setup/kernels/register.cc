// Operators of our own for the processor: what a training step does between its products of matrices, each in one pass
// over memory, and what a step of decoding does (trainer/fused/ and trainer/decode/ have their formulas, and the same in
// TensorFlow's operators).
//
// All are on float32. Each number is computed by one thread in an order that depends on shapes alone, so that bytes do not
// depend on how many threads there are.

#include <initializer_list>

#include "tensorflow/c/c_api.h"

namespace descent {

void RegisterNorm(TF_Status *);
void RegisterSwiGlu(TF_Status *);
void RegisterSoftmax(TF_Status *);
void RegisterHeads(TF_Status *);
void RegisterAdamW(TF_Status *);
void RegisterBfloat16(TF_Status *);
void RegisterColumns(TF_Status *);
void RegisterCached(TF_Status *);

// Makes the operators known to TensorFlow, once a process.
void RegisterKernels(TF_Status *status) {
  for (const auto registers : {RegisterNorm, RegisterSwiGlu, RegisterSoftmax, RegisterHeads, RegisterAdamW,
                               RegisterBfloat16, RegisterColumns, RegisterCached})
    registers(status);
}

}  // namespace descent
