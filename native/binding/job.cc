#include "job.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "convert.h"
#include "environment.h"
#include "tagged_wrap.h"

namespace langevin::binding {

const FunctionInfo& functionNamed(const std::string& name) {
  static const auto table = [] {
    std::unordered_map<std::string, FunctionInfo> map;
    for (FunctionInfo& f : langevin::functions()) map.emplace(f.name, std::move(f));
    return map;
  }();
  const auto it = table.find(name);
  if (it == table.end())
    fail(Code::Internal, "the addon has no function '", name, "'; addon and package are of different versions");
  return it->second;
}

NativeTask::NativeTask(const void* owner, RuntimeThread& thread, TaskTraits traits, std::string name, Value arguments,
                       std::shared_ptr<Mailbox> box)
    : owner_(owner),
      thread_(thread),
      traits_(std::move(traits)),
      name_(std::move(name)),
      arguments_(std::move(arguments)),
      box_(std::move(box)) {}

bool NativeTask::conflictsWith(const RuntimeTask& given) const noexcept {
  const TaskTraits& other = static_cast<const NativeTask&>(given).traits_;  // the queues hold nothing else
  const auto share = [](const std::vector<const Network*>& a, const std::vector<const Network*>& b) {
    return std::any_of(a.begin(), a.end(),
                       [&](const Network* n) { return std::find(b.begin(), b.end(), n) != b.end(); });
  };
  return share(traits_.written, other.used) || share(other.written, traits_.used);
}

void NativeTask::abortFromOutside() {
  abort();
  if (thread_.withdraw(this)) cancelled();
}

void NativeTask::progress(Map values) { Mailbox::post(box_, {Message::Kind::Progress, Value(std::move(values)), {}}); }

void NativeTask::emit(Map event) { Mailbox::post(box_, {Message::Kind::Event, Value(std::move(event)), {}}); }

void NativeTask::run() noexcept {
  state_ = State::Running;
  // Nobody asks a short job whether it has started, and waking JavaScript costs about as much as one row.
  if (!traits_.isShort) Mailbox::post(box_, {Message::Kind::Start, {}, {}});
  try {
    initialiseThread();  // a job of the device's other thread may have set LibTorch's threads
    check();             // aborted or paused while it was queued
    Value result = call(name_, arguments_, *this);
    end({Message::Kind::Done, std::move(result), {}});
  } catch (...) {
    end({Message::Kind::Error, {}, currentFailure()});
  }
}

void NativeTask::cancelled() noexcept {
  end({Message::Kind::Error, {}, {codeName(Code::Aborted), "the run was aborted before it started", {}}});
}

void NativeTask::end(Message message) noexcept {
  // The arguments go first: who awaits the end may count on their memory being free.
  arguments_ = Value();
  state_ = State::Ended;
  Mailbox::post(box_, std::move(message));
}

// A paused job may be waited for by several of the core's threads at once; the turn is given up by the first and taken
// back by the last.
void NativeTask::parked() {
  std::lock_guard lock(parkMutex_);
  if (parkedThreads_++ == 0) thread_.yieldTurn(this);
}

void NativeTask::unparked() {
  std::lock_guard lock(parkMutex_);
  if (--parkedThreads_ == 0) thread_.takeTurn(this);
}

namespace {

class NativeJob : public TaggedWrap<NativeJob> {
 public:
  static constexpr napi_type_tag kTag = {0x6c616e676576696eULL, 0x6a6f62a7105ec303ULL};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeJob",
                       {InstanceAccessor<&NativeJob::state>("state"), InstanceMethod<&NativeJob::abort>("abort"),
                        InstanceMethod<&NativeJob::pause>("pause"), InstanceMethod<&NativeJob::resume>("resume"),
                        InstanceMethod<&NativeJob::requestCheckpoint>("requestCheckpoint")});
  }
  explicit NativeJob(const Napi::CallbackInfo& info) : TaggedWrap<NativeJob>(info) {}

  std::shared_ptr<NativeTask> task;

 private:
  Napi::Value state(const Napi::CallbackInfo& info) {
    static constexpr const char* names[] = {"queued", "running", "ended"};
    const auto s = task ? task->state() : NativeTask::State::Ended;
    return Napi::String::New(info.Env(), names[static_cast<int>(s)]);
  }
  void abort(const Napi::CallbackInfo&) {
    if (task) task->abortFromOutside();
  }
  void pause(const Napi::CallbackInfo&) {
    if (task) task->pause();
  }
  void resume(const Napi::CallbackInfo&) {
    if (task) task->resume();
  }
  void requestCheckpoint(const Napi::CallbackInfo&) {
    if (task) task->requestCheckpoint();
  }
};

// The device whose thread runs the call: that of its energies, else of its tensors, else the one it names.
std::string deviceOf(const Arguments& arguments) {
  for (const NetworkRef& n : arguments.networks)
    if (const std::string device = describe(n).device; device != "cpu") return device;
  for (const TensorRef& t : arguments.tensors)
    if (const std::string device = describe(t).device; device != "cpu") return device;
  if (!arguments.networks.empty()) return "cpu";
  const Map& map = *arguments.value.map();
  const auto it = map.find("device");
  const auto* device = it == map.end() ? nullptr : it->second.get<std::string>();
  if (!device || device->rfind("cuda", 0) != 0) return "cpu";
  return *device == "cuda" ? "cuda:0" : *device;
}

// Only on the CPU have short jobs a thread of their own: two threads that drive one CUDA device are untried.
TaskTraits traitsOf(const FunctionInfo& function, const Arguments& arguments, bool exclusive,
                    const std::string& device) {
  const auto pointers = [](const std::vector<NetworkRef>& networks) {
    std::vector<const Network*> result;
    for (const NetworkRef& n : networks) result.push_back(n.get());
    return result;
  };
  TaskTraits traits;
  traits.isShort = function.lane == Lane::Short && device == "cpu";
  if (function.access != Access::Peeks) traits.used = pointers(arguments.networks);
  if (function.access == Access::Writes) traits.written = traits.used;
  if (exclusive) traits.written = pointers(arguments.ownNetworks);
  return traits;
}

const char* kindName(Message::Kind kind) {
  static constexpr const char* names[] = {"start", "progress", "event", "done", "error"};
  return names[static_cast<int>(kind)];
}

void deliver(Napi::Env env, const Napi::Function& listener, const Message& message, Tensors tensors) {
  const Napi::HandleScope scope(env);
  try {
    const Napi::Value payload = message.kind == Message::Kind::Error
                                    ? toErrorValue(env, message.failure)
                                    : Napi::Value(env, toJs(env, message.payload, tensors));
    listener.Call({Napi::String::New(env, kindName(message.kind)), payload});
  } catch (const Napi::Error& error) {
    // A listener that throws is a mistake in the package: as loud as any uncaught exception. While a worker is being
    // terminated this has no effect, and there is no listener any more.
    napi_fatal_exception(env, error.Value());
  }
}

}  // namespace

Napi::Function defineJobClass(Napi::Env env) { return NativeJob::define(env); }

Napi::Value submitJob(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    Environment& here = Environment::of(env);
    if (info.Length() < 4 || !info[0].IsString() || !info[2].IsObject() || !info[3].IsFunction())
      fail(Code::Internal, "submit takes a name, arguments, options and a listener");
    if (here.closing) fail(Code::Aborted, "the process is exiting: no new work is taken");
    const std::string name = info[0].As<Napi::String>();
    const FunctionInfo& function = functionNamed(name);
    Arguments arguments = fromJs(env, info[1]);
    if (function.access != Access::Peeks) requireFree(arguments.networks);
    const auto options = info[2].As<Napi::Object>();
    const bool exclusive = options.Get("exclusive").ToBoolean();
    OpenJob open;
    if (exclusive) open.hold = ExclusiveHold(arguments.ownNetworks);
    if (function.access == Access::Writes) open.written = WriteHold(arguments.networks);

    const std::string device = deviceOf(arguments);
    RuntimeThread& thread = runtimeThreadOf(device, initialiseThread);
    const std::uint64_t id = here.nextJob++;
    auto task = std::make_shared<NativeTask>(&here, thread, traitsOf(function, arguments, exclusive, device), name,
                                             std::move(arguments.value), std::make_shared<Mailbox>(id, here.bridge));
    const Napi::Object object = here.jobClass.New({});
    NativeJob::Unwrap(object)->task = task;
    open.tensors = options.Get("numbers").ToBoolean() ? Tensors::Numbers : Tensors::Handles;
    open.task = task;
    open.listener = Napi::Persistent(info[3].As<Napi::Function>());
    here.jobs.emplace(id, std::move(open));
    here.bridge->jobOpened(env);
    thread.submit(std::move(task));
    return object;
  });
}

void drainJobs(Napi::Env env) {
  Environment& here = Environment::of(env);
  for (const auto& box : here.bridge->takeAnnounced()) {
    const auto it = here.jobs.find(box->id);
    if (it == here.jobs.end()) continue;
    const Napi::HandleScope scope(env);
    const Napi::Function listener = it->second.listener.Value();
    const Tensors tensors = it->second.tensors;
    for (const Message& message : box->take()) {
      if (message.kind == Message::Kind::Done || message.kind == Message::Kind::Error) {
        // Closed before the listener hears of it: what it does next must find the energy free.
        here.jobs.erase(box->id);
        here.bridge->jobClosed(env);
      }
      deliver(env, listener, message, tensors);
    }
  }
}

}  // namespace langevin::binding
