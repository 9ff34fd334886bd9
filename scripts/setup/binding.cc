// The binding of @tensorflow/tfjs-node, with what captured functions take besides (trainer/graph/):
//
//   addFunction(definition)    makes a serialized FunctionDef callable: by its name, with `executeOp`
//   removeFunction(name)       forgets one
//   operatorDefinition(name)   the serialized OpDef of an operator
//
// The package's own source is compiled as part of this file, because what its calls share is local to it. Where a later
// version names these things differently, this does not compile.

#include <node_api.h>

// The module is registered at the end of this file, by us.
#undef NAPI_MODULE
#define NAPI_MODULE(name, initialise)
#include "binding/tfjs_binding.cc"

namespace tfnodejs {

// The backend's context is private, and an explicit instantiation is the one place where the language lets others name it.
TFE_Context *TFJSBackend::*ContextOf();
template <TFE_Context *TFJSBackend::*context>
struct Reach {
  friend TFE_Context *TFJSBackend::*ContextOf() { return context; }
};
template struct Reach<&TFJSBackend::tfe_context_>;

// The one argument of a call.
static napi_value Argument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  return argument;
}

static napi_value AddFunction(napi_env env, napi_callback_info info) {
  void *bytes;
  size_t length;
  napi_status status =
      napi_get_typedarray_info(env, Argument(env, info), nullptr, &length, &bytes, nullptr, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, status, nullptr);
  TF_AutoStatus tf_status;
  TFE_Context *context = GetTFJSBackend(env)->*ContextOf();
  TFE_ContextAddFunctionDef(context, static_cast<const char *>(bytes), length, tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  return nullptr;
}

static napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, Argument(env, info), name), nullptr);
  TF_AutoStatus tf_status;
  TFE_Context *context = GetTFJSBackend(env)->*ContextOf();
  TFE_ContextRemoveFunction(context, name.c_str(), tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  return nullptr;
}

static napi_value OperatorDefinition(napi_env env, napi_callback_info info) {
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, Argument(env, info), name), nullptr);
  TF_AutoStatus tf_status;
  std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)> graph(TF_NewGraph(), TF_DeleteGraph);
  std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> buffer(TF_NewBuffer(), TF_DeleteBuffer);
  TF_GraphGetOpDef(graph.get(), name.c_str(), buffer.get(), tf_status.status);
  ENSURE_TF_OK_RETVAL(env, tf_status, nullptr);
  napi_value definition;
  napi_status status = napi_create_buffer_copy(env, buffer->length, buffer->data, nullptr, &definition);
  ENSURE_NAPI_OK_RETVAL(env, status, nullptr);
  return definition;
}

}  // namespace tfnodejs

NAPI_MODULE_INIT() {
  using namespace tfnodejs;
  InitTFNodeJSBinding(env, exports);
  const napi_property_descriptor added[] = {
      {"addFunction", nullptr, AddFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"removeFunction", nullptr, RemoveFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"operatorDefinition", nullptr, OperatorDefinition, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  ENSURE_NAPI_OK_RETVAL(env, napi_define_properties(env, exports, ARRAY_SIZE(added), added), exports);
  return exports;
}
