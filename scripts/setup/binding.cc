// The binding of @tensorflow/tfjs-node, with what captured functions take besides (trainer/graph/):
//
//   addFunction(definition)    makes a serialized FunctionDef callable: by its name, with `executeOp`
//   removeFunction(name)       forgets one
//   operatorDefinition(name)   the serialized OpDef of an operator
//   inferShapes(graph, name)   the shapes of the outputs of an operation in a serialized GraphDef, which is not run
//
// and what GPUs take (trainer/tensorflow.ts):
//
//   registeredKernels(name)    the serialized KernelList of an operator: for which devices and types it is implemented
//   allowTensorFloat32(flag)   whether float32 products may round their factors to TF32; in the binding for GPUs alone
//
// The package's own source is compiled as part of this file, because what its calls share is local to it. Where a later
// version names these things differently, this does not compile. Operators of our own are in kernels/.

#include <node_api.h>

// The module is registered at the end of this file, by us.
#undef NAPI_MODULE
#define NAPI_MODULE(name, initialise)
#include "binding/tfjs_binding.cc"

namespace descent {
void RegisterKernels(TF_Status *status);
}

#ifdef DESCENT_GPU
// What Python's tf.config.experimental.enable_tensor_float_32_execution calls. It has no place in the C API.
namespace tsl {
void enable_tensor_float_32_execution(bool enabled);
}
#endif

namespace tfnodejs {

// The backend's context is private, and an explicit instantiation is the one place where the language lets others name it.
TFE_Context *TFJSBackend::*ContextOf();
template <TFE_Context *TFJSBackend::*context>
struct Reach {
  friend TFE_Context *TFJSBackend::*ContextOf() { return context; }
};
template struct Reach<&TFJSBackend::tfe_context_>;

// Nothing where the backend is gone: an exception is pending then.
static TFE_Context *ContextIn(napi_env env) {
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (backend) return backend->*ContextOf();
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) NAPI_THROW_ERROR(env, "TensorFlow's backend is gone.");
  return nullptr;
}

// The arguments of a call. False where an exception is pending instead.
template <size_t wanted>
static bool GetArguments(napi_env env, napi_callback_info info, napi_value (&arguments)[wanted]) {
  size_t count = wanted;
  napi_status status = napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, status, false);
  if (count == wanted) return true;
  NAPI_THROW_ERROR(env, "Expecting %zu arguments but got %zu.", wanted, count);
  return false;
}

// The bytes of a Uint8Array. False where an exception is pending instead.
static bool GetBytes(napi_env env, napi_value array, void **bytes, size_t *length) {
  napi_typedarray_type type;
  napi_status status = napi_get_typedarray_info(env, array, &type, length, bytes, nullptr, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, status, false);
  if (type == napi_uint8_array) return true;
  NAPI_THROW_ERROR(env, "Expecting a Uint8Array.");
  return false;
}

static napi_value AddFunction(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  void *bytes;
  size_t length;
  if (!GetArguments(env, info, arguments) || !GetBytes(env, arguments[0], &bytes, &length)) return nullptr;
  TFE_Context *const context = ContextIn(env);
  if (!context) return nullptr;
  TF_AutoStatus tf_status;
  TFE_ContextAddFunctionDef(context, static_cast<const char *>(bytes), length, tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  return nullptr;
}

static napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  if (!GetArguments(env, info, arguments)) return nullptr;
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, arguments[0], name), nullptr);
  TFE_Context *const context = ContextIn(env);
  if (!context) return nullptr;
  TF_AutoStatus tf_status;
  TFE_ContextRemoveFunction(context, name.c_str(), tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  return nullptr;
}

using Graph = std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)>;
using Buffer = std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)>;

static napi_value OperatorDefinition(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  if (!GetArguments(env, info, arguments)) return nullptr;
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, arguments[0], name), nullptr);
  TF_AutoStatus tf_status;
  Graph graph(TF_NewGraph(), TF_DeleteGraph);
  Buffer buffer(TF_NewBuffer(), TF_DeleteBuffer);
  TF_GraphGetOpDef(graph.get(), name.c_str(), buffer.get(), tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  napi_value definition;
  napi_status status = napi_create_buffer_copy(env, buffer->length, buffer->data, nullptr, &definition);
  ENSURE_NAPI_OK_RETVAL(env, status, nullptr);
  return definition;
}

static napi_value RegisteredKernels(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  if (!GetArguments(env, info, arguments)) return nullptr;
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, arguments[0], name), nullptr);
  TF_AutoStatus tf_status;
  Buffer buffer(TF_GetRegisteredKernelsForOp(name.c_str(), tf_status.status), TF_DeleteBuffer);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  napi_value kernels;
  napi_status status = napi_create_buffer_copy(env, buffer->length, buffer->data, nullptr, &kernels);
  ENSURE_NAPI_OK_RETVAL(env, status, nullptr);
  return kernels;
}

#ifdef DESCENT_GPU
static napi_value AllowTensorFloat32(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  bool allowed;
  if (!GetArguments(env, info, arguments)) return nullptr;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_bool(env, arguments[0], &allowed), nullptr);
  tsl::enable_tensor_float_32_execution(allowed);
  return nullptr;
}
#endif

// The shape of a tensor of a graph as an array, -1 a length that is not known; null where not even their number is.
// Nothing where an exception is pending instead.
static napi_value ShapeOf(napi_env env, TF_Graph *graph, TF_Output tensor) {
  TF_AutoStatus tf_status;
  const int rank = TF_GraphGetTensorNumDims(graph, tensor, tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  napi_value shape;
  if (rank < 0) {
    ENSURE_NAPI_OK_RETVAL(env, napi_get_null(env, &shape), nullptr);
    return shape;
  }
  std::vector<int64_t> lengths(rank);
  TF_GraphGetTensorShape(graph, tensor, lengths.data(), rank, tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_create_array_with_length(env, rank, &shape), nullptr);
  for (int axis = 0; axis < rank; axis++) {
    napi_value length;
    ENSURE_NAPI_OK_RETVAL(env, napi_create_int64(env, lengths[axis], &length), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_set_element(env, shape, axis, length), nullptr);
  }
  return shape;
}

static napi_value InferShapes(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  void *bytes;
  size_t length;
  if (!GetArguments(env, info, arguments) || !GetBytes(env, arguments[0], &bytes, &length)) return nullptr;
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, arguments[1], name), nullptr);
  TF_AutoStatus tf_status;
  Graph graph(TF_NewGraph(), TF_DeleteGraph);
  Buffer buffer(TF_NewBufferFromString(bytes, length), TF_DeleteBuffer);
  std::unique_ptr<TF_ImportGraphDefOptions, decltype(&TF_DeleteImportGraphDefOptions)> options(
      TF_NewImportGraphDefOptions(), TF_DeleteImportGraphDefOptions);
  TF_GraphImportGraphDef(graph.get(), buffer.get(), options.get(), tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  TF_Operation *const operation = TF_GraphOperationByName(graph.get(), name.c_str());
  if (!operation) {
    NAPI_THROW_ERROR(env, "There is no operation %s in this graph.", name.c_str());
    return nullptr;
  }
  const int count = TF_OperationNumOutputs(operation);
  napi_value shapes;
  ENSURE_NAPI_OK_RETVAL(env, napi_create_array_with_length(env, count, &shapes), nullptr);
  for (int index = 0; index < count; index++) {
    const napi_value shape = ShapeOf(env, graph.get(), {operation, index});
    if (!shape) return nullptr;
    ENSURE_NAPI_OK_RETVAL(env, napi_set_element(env, shapes, index, shape), nullptr);
  }
  return shapes;
}

}  // namespace tfnodejs

NAPI_MODULE_INIT() {
  using namespace tfnodejs;
  InitTFNodeJSBinding(env, exports);
  const napi_property_descriptor added[] = {
      {"addFunction", nullptr, AddFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"removeFunction", nullptr, RemoveFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"operatorDefinition", nullptr, OperatorDefinition, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"inferShapes", nullptr, InferShapes, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"registeredKernels", nullptr, RegisteredKernels, nullptr, nullptr, nullptr, napi_default, nullptr},
#ifdef DESCENT_GPU
      {"allowTensorFloat32", nullptr, AllowTensorFloat32, nullptr, nullptr, nullptr, napi_default, nullptr},
#endif
  };
  ENSURE_NAPI_OK_RETVAL(env, napi_define_properties(env, exports, ARRAY_SIZE(added), added), exports);
  // Once a process, however many threads load the module.
  static const std::string failure = [] {
    TF_AutoStatus tf_status;
    descent::RegisterKernels(tf_status.status);
    return std::string(TF_GetCode(tf_status.status) == TF_OK ? "" : TF_Message(tf_status.status));
  }();
  if (!failure.empty()) NAPI_THROW_ERROR(env, "Descent's operators cannot be registered: %s", failure.c_str());
  return exports;
}
