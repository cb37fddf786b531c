// What belongs to one JavaScript environment (the main thread or a worker): constructors, its channel for
// messages, its jobs.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "convert.h"
#include "handles.h"
#include "job.h"
#include "js_bridge.h"
#include "napi_setup.h"

namespace langevin::binding {

/// A job as the JavaScript thread knows it, until its end has been delivered.
struct OpenJob {
  std::shared_ptr<NativeTask> task;
  Napi::FunctionReference listener;
  Tensors tensors = Tensors::Handles;  // of its result
  ExclusiveHold hold;
  WriteHold written;
};

struct Environment {
  Napi::FunctionReference tensorClass;
  Napi::FunctionReference networkClass;
  Napi::FunctionReference jobClass;
  Napi::Reference<Napi::Symbol> handleSymbol;
  std::shared_ptr<Bridge> bridge;
  std::unordered_map<std::uint64_t, OpenJob> jobs;
  std::uint64_t nextJob = 1;
  bool closing = false;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

}  // namespace langevin::binding
