// The addon's entry: what it exports is src/native/contract.ts, name by name.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "convert.h"
#include "environment.h"
#include "langevin_build_info.hpp"

namespace langevin::binding {
namespace {

// CONTRACT_VERSION of src/native/contract.ts.
constexpr int kContractVersion = 4;

const char* laneName(Lane lane) {
  static constexpr const char* names[] = {"immediate", "short", "queued"};
  return names[static_cast<int>(lane)];
}

Napi::Value functionTable(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    List rows;
    for (const FunctionInfo& f : langevin::functions())
      rows.emplace_back(Map{{"name", f.name}, {"lane", laneName(f.lane)}});
    return Napi::Value(info.Env(), toJs(info.Env(), Value(std::move(rows))));
  });
}

Napi::Value callNow(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    if (info.Length() < 2 || !info[0].IsString()) fail(Code::Internal, "callNow takes a name and arguments");
    const std::string name = info[0].As<Napi::String>();
    const FunctionInfo& function = functionNamed(name);
    if (function.lane != Lane::Immediate)
      fail(Code::Internal, "'", name, "' is a long-running function and must be submitted as a job");
    const Arguments arguments = fromJs(env, info[1]);
    function.access == Access::Evaluates ? requireSettled(arguments.networks) : requireFree(arguments.networks);
    Job job;
    return Napi::Value(env, toJs(env, langevin::call(name, arguments.value, job)));
  });
}

std::vector<std::int64_t> shapeOf(Napi::Env env, const Napi::Value& value) {
  if (!value.IsArray()) fail(Code::Shape, "a shape is a list of sizes");
  const Napi::Array list = value.As<Napi::Array>();
  std::vector<std::int64_t> shape;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(env);
    const Napi::Value item = list.Get(i);
    const double size = item.IsNumber() ? item.As<Napi::Number>().DoubleValue() : -1;
    if (!(size >= 0) || size != std::floor(size) || size > 9007199254740991.0)
      fail(Code::Shape, "a shape is a list of whole numbers of at least 0");
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return shape;
}

Napi::Value createTensor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    if (info.Length() < 3 || !info[2].IsString()) fail(Code::Internal, "createTensor takes data, shape and dtype");
    const std::vector<std::int64_t> shape = shapeOf(env, info[1]);
    // After everything that may run JavaScript (a getter in `shape` could detach the buffer).
    const Bytes bytes = bytesOf(env, info[0], "the data");
    return Napi::Value(env, newTensor(env, makeTensor(bytes.data, bytes.size, info[2].As<Napi::String>(), shape)));
  });
}

Napi::Value copyTensorTo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    if (info.Length() < 2 || !info[0].IsObject()) fail(Code::Internal, "copyTensor takes a tensor and a view");
    const auto handle = handleIn(env, info[0], "");
    if (!handle || !handle->tensor) fail(Code::InvalidOption, "copyTensor takes a tensor");
    const Bytes target = bytesOf(env, info[1], "the target");
    copyTensor(handle->tensor, target.data, target.size);
    return env.Undefined();
  });
}

Napi::Value memory(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const HandleCounts counts = handleCounts();
    const auto n = [](std::size_t v) { return Value(static_cast<double>(v)); };
    return Napi::Value(info.Env(), toJs(info.Env(), Map{{"tensors", n(counts.tensors)},
                                                        {"tensorBytes", n(counts.tensorBytes)},
                                                        {"energies", n(counts.networks)},
                                                        {"energyBytes", n(counts.networkBytes)},
                                                        {"jobsQueued", n(queuedTasks())},
                                                        {"jobsRunning", n(runningTasks())}}));
  });
}

Napi::Value shutDown(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Environment& here = Environment::of(info.Env());
    here.closing = true;
    const double patience = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0.0;
    const bool all = abortTasksOf(
        &here, std::chrono::milliseconds(std::clamp<std::int64_t>(static_cast<std::int64_t>(patience), 0, 60'000)));
    return Napi::Value(Napi::Boolean::New(info.Env(), all));
  });
}

Map buildInfo() {
  return {{"version", LANGEVIN_BUILD_VERSION},
          {"compiler", LANGEVIN_BUILD_COMPILER},
          {"cmake", LANGEVIN_BUILD_CMAKE},
          {"type", LANGEVIN_BUILD_TYPE},
          {"libtorch", LANGEVIN_BUILD_LIBTORCH_VERSION},
          {"libtorchSource", LANGEVIN_BUILD_LIBTORCH_SOURCE},
          {"libtorchPrefix", LANGEVIN_BUILD_LIBTORCH_PREFIX},
          {"cuda", LANGEVIN_BUILD_CUDA != 0}};
}

// A job that is still in LibTorch when the process runs its static destructors would use what they free. Jobs are asked
// to leave; when one does not in time, the process ends without the destructors.
void leaveProcess(int status, void*) {
  if (shutDownAll(std::chrono::milliseconds(500))) return;
  std::fflush(nullptr);
  _exit(status);
}

// The environment ends (a worker exits or is terminated, the main thread is done).
void closeEnvironment(void* data) {
  auto* here = static_cast<Environment*>(data);
  here->closing = true;
  here->bridge->close();
  // Jobs hold nothing of the environment but their closed mailbox, so one that is slow to leave may do so later.
  abortTasksOf(here, std::chrono::milliseconds(1000));
  here->jobs.clear();
}

}  // namespace

Napi::Object initialiseAddon(Napi::Env env, Napi::Object exports) {
  return guarded(env, [&] {
    langevin::initialise();
    langevin::initialiseThread();
    static std::once_flag once;
    std::call_once(once, [] { on_exit(leaveProcess, nullptr); });

    auto* here = new Environment;
    env.SetInstanceData(here);
    here->tensorClass = Napi::Persistent(defineTensorClass(env));
    here->networkClass = Napi::Persistent(defineNetworkClass(env));
    here->jobClass = Napi::Persistent(defineJobClass(env));
    here->handleSymbol = Napi::Reference<Napi::Symbol>::New(Napi::Symbol::For(env, "langevin.handle"), 1);
    here->bridge = Bridge::open(env, drainJobs);
    // After the bridge: hooks run in reverse order, and this one must find Node's thread-safe function alive.
    if (napi_add_env_cleanup_hook(env, closeEnvironment, here) != napi_ok) throw Napi::Error::New(env);

    exports.Set("contractVersion", Napi::Number::New(env, kContractVersion));
    exports.Set("build", Napi::Value(env, toJs(env, Value(buildInfo()))));
    exports.Set("functions", Napi::Function::New(env, functionTable, "functions"));
    exports.Set("callNow", Napi::Function::New(env, callNow, "callNow"));
    exports.Set("submit", Napi::Function::New(env, submitJob, "submit"));
    exports.Set("createTensor", Napi::Function::New(env, createTensor, "createTensor"));
    exports.Set("copyTensor", Napi::Function::New(env, copyTensorTo, "copyTensor"));
    exports.Set("memory", Napi::Function::New(env, memory, "memory"));
    exports.Set("shutdown", Napi::Function::New(env, shutDown, "shutdown"));
    return exports;
  });
}

}  // namespace langevin::binding

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  return langevin::binding::initialiseAddon(env, exports);
}
NODE_API_MODULE(langevin, initialise)
