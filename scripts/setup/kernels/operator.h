// An operator of our own: what it is called, takes and gives, and how one execution of it reads and writes.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"

// What is used of tensorflow/c/kernels.h and tensorflow/c/ops.h, which would draw in the headers of device plugins.
extern "C" {
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_KernelBuilder;
struct TF_OpDefinitionBuilder;
struct TF_ShapeInferenceContext;
TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *name);
void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *, const char *specification);
void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *, const char *specification);
void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *, const char *specification);
void TF_OpDefinitionBuilderSetShapeInferenceFunction(TF_OpDefinitionBuilder *,
                                                     void (*)(TF_ShapeInferenceContext *, TF_Status *));
void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *, TF_Status *);
void TF_ShapeInferenceContextSetUnknownShape(TF_ShapeInferenceContext *, TF_Status *);
TF_KernelBuilder *TF_NewKernelBuilder(const char *name, const char *device, void *(*create)(TF_OpKernelConstruction *),
                                      void (*compute)(void *, TF_OpKernelContext *), void (*destroy)(void *));
void TF_RegisterKernelBuilder(const char *name, TF_KernelBuilder *, TF_Status *);
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *, const char *name, int32_t *value, TF_Status *);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction *, const char *name, float *value, TF_Status *);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *, TF_Status *);
int TF_NumInputs(TF_OpKernelContext *);
void TF_GetInput(TF_OpKernelContext *, int index, TF_Tensor **, TF_Status *);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int index, TF_DataType, const int64_t *shape, int rank, size_t bytes,
                             TF_Status *);
TF_Tensor *TF_ForwardInputOrAllocateOutput(TF_OpKernelContext *, const int *candidates, int candidatesCount, int index,
                                           const int64_t *shape, int rank, int *forwarded, TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);
}

namespace descent {

using Shape = std::vector<int64_t>;

inline int64_t SizeOf(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

struct Operator {
  const char *name;
  std::vector<const char *> inputs, outputs;
  std::vector<const char *> floats, integers;
  void (*compute)(class Call &);
};

struct Kernel {
  std::vector<float> floats;
  std::vector<int32_t> integers;
};

// An input, or an output, in memory.
struct Input {
  const float *data;
  Shape shape;
  int64_t size() const { return SizeOf(shape); }
};

// One execution of an operator. After a failure there is memory to write to no longer: `failed` says so.
class Call {
 public:
  Call(const Kernel &kernel, TF_OpKernelContext *context)
      : kernel_(kernel), context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor *const tensor : tensors_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  Call(const Call &) = delete;

  int inputs() const { return TF_NumInputs(context_); }
  float number(size_t index) const { return kernel_.floats[index]; }
  int64_t integer(size_t index) const { return kernel_.integers[index]; }

  // Of an input only its place is kept: the context holds it for as long as it is executed, and a reference of our own would
  // be one that keeps its memory from being written to.
  Input input(int index) {
    TF_Tensor *tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    Input input = {nullptr, {}};
    if (tensor) {
      input.shape.resize(static_cast<size_t>(TF_NumDims(tensor)));
      for (size_t axis = 0; axis < input.shape.size(); axis++) input.shape[axis] = TF_Dim(tensor, static_cast<int>(axis));
      input.data = static_cast<const float *>(TF_TensorData(tensor));
      TF_DeleteTensor(tensor);
    }
    if (TF_GetCode(status_) != TF_OK) Fail();
    return input;
  }

  // With the memory of an input (-1: of none) where nobody else needs that.
  float *output(int index, const Shape &shape, int from = -1) {
    const int rank = static_cast<int>(shape.size());
    const size_t bytes = static_cast<size_t>(SizeOf(shape)) * sizeof(float);
    int forwarded;
    TF_Tensor *const tensor =
        from < 0 ? TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), rank, bytes, status_)
                 : TF_ForwardInputOrAllocateOutput(context_, &from, 1, index, shape.data(), rank, &forwarded, status_);
    return Keep(tensor) ? static_cast<float *>(TF_TensorData(tensor)) : nullptr;
  }

  // The same of whole numbers.
  int32_t *integers(int index, const Shape &shape) {
    const size_t bytes = static_cast<size_t>(SizeOf(shape)) * sizeof(int32_t);
    const int rank = static_cast<int>(shape.size());
    TF_Tensor *const tensor = TF_AllocateOutput(context_, index, TF_INT32, shape.data(), rank, bytes, status_);
    return Keep(tensor) ? static_cast<int32_t *>(TF_TensorData(tensor)) : nullptr;
  }

  // Whether to give up: what could not be had was told to TensorFlow.
  bool failed() const { return failed_; }

  // Gives up unless the shapes are what the operator takes.
  bool require(bool holds) {
    if (holds || failed_) return !failed_;
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, "the shapes of the inputs do not go together");
    Fail();
    return false;
  }

 private:
  bool Keep(TF_Tensor *tensor) {
    if (tensor) tensors_.push_back(tensor);
    if (TF_GetCode(status_) != TF_OK) Fail();
    return !failed_;
  }
  void Fail() {
    if (!failed_) TF_OpKernelContext_Failure(context_, status_);
    failed_ = true;
  }

  const Kernel &kernel_;
  TF_OpKernelContext *const context_;
  TF_Status *const status_;
  std::vector<TF_Tensor *> tensors_;
  bool failed_ = false;
};

template <const Operator *op>
void *Create(TF_OpKernelConstruction *construction) {
  auto *const kernel = new Kernel;
  TF_Status *const status = TF_NewStatus();
  for (const char *const name : op->floats) {
    kernel->floats.push_back(0);
    if (TF_GetCode(status) == TF_OK)
      TF_OpKernelConstruction_GetAttrFloat(construction, name, &kernel->floats.back(), status);
  }
  for (const char *const name : op->integers) {
    kernel->integers.push_back(0);
    if (TF_GetCode(status) == TF_OK)
      TF_OpKernelConstruction_GetAttrInt32(construction, name, &kernel->integers.back(), status);
  }
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return kernel;
}

template <const Operator *op>
void Compute(void *kernel, TF_OpKernelContext *context) {
  Call call(*static_cast<const Kernel *>(kernel), context);
  op->compute(call);
}

inline void Destroy(void *kernel) { delete static_cast<Kernel *>(kernel); }

template <const Operator *op>
void Register(TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) return;
  TF_OpDefinitionBuilder *const definition = TF_NewOpDefinitionBuilder(op->name);
  for (const char *const name : op->floats)
    TF_OpDefinitionBuilderAddAttr(definition, (std::string(name) + ": float").c_str());
  for (const char *const name : op->integers)
    TF_OpDefinitionBuilderAddAttr(definition, (std::string(name) + ": int >= 0").c_str());
  for (const char *const input : op->inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char *const output : op->outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  // The shapes of what they give are written in trainer/fused/native.ts, where attributes can be read.
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, TF_ShapeInferenceContextSetUnknownShape);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) != TF_OK) return;
  TF_RegisterKernelBuilder(op->name, TF_NewKernelBuilder(op->name, "CPU", Create<op>, Compute<op>, Destroy), status);
}

}  // namespace descent
