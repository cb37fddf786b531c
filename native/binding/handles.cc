#include "handles.h"

#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <utility>

#include "convert.h"
#include "environment.h"
#include "errors.h"
#include "tagged_wrap.h"

namespace langevin::binding {
namespace {

struct Counter {
  std::atomic<std::size_t> handles{0};
  std::atomic<std::size_t> bytes{0};
};
Counter tensorCounter;
Counter networkCounter;

// What both classes share: the reference, its description, and the bytes V8 has been told of.
template <class Ref, class Description>
class Owned {
 public:
  explicit Owned(Counter& counter) : counter_(counter) {}

  void adopt(Napi::Env env, const Ref& ref, Description description) {
    ref_ = ref;
    description_ = std::move(description);
    ++counter_.handles;
    counter_.bytes += description_.bytes;
    told_ = description_.bytes;
    Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(told_));
  }

  // Idempotent; also the finaliser's way. A job that still uses the object keeps it alive through its own reference.
  void release(Napi::BasicEnv env) {
    if (!ref_) return;
    ref_.reset();
    --counter_.handles;
    counter_.bytes -= told_;
    Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<std::int64_t>(told_));
  }

  const Ref& ref() const { return ref_; }
  const Description& description() const { return description_; }

 private:
  Counter& counter_;
  Ref ref_;
  Description description_;
  std::size_t told_ = 0;
};

Napi::Value sizesToJs(Napi::Env env, const std::vector<std::int64_t>& sizes) {
  return guarded(env, [&] { return Napi::Value(env, toJs(env, langevin::Value(List(sizes.begin(), sizes.end())))); });
}

class NativeTensor : public TaggedWrap<NativeTensor> {
 public:
  static constexpr napi_type_tag kTag = {0x6c616e676576696eULL, 0x7465e5a9b1c04d01ULL};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "NativeTensor",
        {InstanceAccessor<&NativeTensor::kind>("kind"), InstanceAccessor<&NativeTensor::shape>("shape"),
         InstanceAccessor<&NativeTensor::dtype>("dtype"), InstanceAccessor<&NativeTensor::device>("device"),
         InstanceAccessor<&NativeTensor::bytes>("bytes"), InstanceAccessor<&NativeTensor::disposed>("disposed"),
         InstanceMethod<&NativeTensor::dispose>("dispose")});
  }

  // Without a reference, as `new handle.constructor()` makes it, the object is a disposed handle.
  explicit NativeTensor(const Napi::CallbackInfo& info) : TaggedWrap<NativeTensor>(info) {}
  void Finalize(Napi::BasicEnv env) override { owned.release(env); }

  Owned<TensorRef, TensorDescription> owned{tensorCounter};

 private:
  Napi::Value kind(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), "tensor"); }
  Napi::Value shape(const Napi::CallbackInfo& info) { return sizesToJs(info.Env(), owned.description().shape); }
  Napi::Value dtype(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), owned.description().dtype); }
  Napi::Value device(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), owned.description().device);
  }
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(owned.description().bytes));
  }
  Napi::Value disposed(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), !owned.ref()); }
  void dispose(const Napi::CallbackInfo& info) { owned.release(info.Env()); }
};

[[noreturn]] void refuseDisposed(const char* what, const std::string& path) {
  throw Error(Code::Disposed,
              (path.empty() ? std::string("this ") : path + ": the ") + what +
                  " has been disposed; make the call before dispose(), or let `using` end later",
              {{"path", path}});
}

struct Busy {
  std::mutex mutex;
  std::set<const Network*> networks;
  std::multiset<const Network*> written;  // several jobs may wait to change one
};
// Never destroyed: a worker's environment may still release its jobs while static destructors run.
Busy& busy() {
  static Busy* table = new Busy;
  return *table;
}

bool isBusy(const NetworkRef& network) {
  std::lock_guard lock(busy().mutex);
  return busy().networks.count(network.get()) > 0;
}

class NativeNetwork : public TaggedWrap<NativeNetwork> {
 public:
  static constexpr napi_type_tag kTag = {0x6c616e676576696eULL, 0x656e65726779c202ULL};

  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "NativeNetwork",
        {InstanceAccessor<&NativeNetwork::kind>("kind"), InstanceAccessor<&NativeNetwork::dtype>("dtype"),
         InstanceAccessor<&NativeNetwork::device>("device"), InstanceAccessor<&NativeNetwork::bytes>("bytes"),
         InstanceAccessor<&NativeNetwork::parameterCount>("parameterCount"),
         InstanceAccessor<&NativeNetwork::inputWidth>("inputWidth"),
         InstanceAccessor<&NativeNetwork::inputShape>("inputShape"), InstanceAccessor<&NativeNetwork::busyNow>("busy"),
         InstanceAccessor<&NativeNetwork::disposed>("disposed"), InstanceMethod<&NativeNetwork::dispose>("dispose"),
         InstanceMethod<&NativeNetwork::energyInto>("energyInto"),
         InstanceMethod<&NativeNetwork::scoreInto>("scoreInto")});
  }

  explicit NativeNetwork(const Napi::CallbackInfo& info) : TaggedWrap<NativeNetwork>(info) {}
  void Finalize(Napi::BasicEnv env) override { owned.release(env); }

  Owned<NetworkRef, NetworkDescription> owned{networkCounter};

 private:
  Napi::Value number(const Napi::CallbackInfo& info, double v) { return Napi::Number::New(info.Env(), v); }
  Napi::Value kind(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), owned.description().isEnergy ? "energy" : "network");
  }
  Napi::Value dtype(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), owned.description().dtype); }
  Napi::Value device(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), owned.description().device);
  }
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return number(info, static_cast<double>(owned.description().bytes));
  }
  Napi::Value parameterCount(const Napi::CallbackInfo& info) {
    return number(info, static_cast<double>(owned.description().parameterCount));
  }
  Napi::Value inputWidth(const Napi::CallbackInfo& info) {
    return number(info, static_cast<double>(owned.description().inputWidth));
  }
  Napi::Value inputShape(const Napi::CallbackInfo& info) {
    return sizesToJs(info.Env(), owned.description().inputShape);
  }
  Napi::Value busyNow(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), owned.ref() && isBusy(owned.ref()));
  }
  Napi::Value disposed(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), !owned.ref()); }
  void dispose(const Napi::CallbackInfo& info) { owned.release(info.Env()); }

  Napi::Value energyInto(const Napi::CallbackInfo& info) { return into(info, Plain::Energy); }
  Napi::Value scoreInto(const Napi::CallbackInfo& info) { return into(info, Plain::Score); }

  // (x: Float32Array, out: Float32Array, most?: number) -> true once `out` is filled, false where it takes the general way.
  Napi::Value into(const Napi::CallbackInfo& info, Plain what) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const NetworkRef network = owned.ref();
      if (!network) refuseDisposed("network", "");
      requireSettled({network});
      std::size_t numbers = 0, room = 0;
      const float* x = floatsOf(info.Env(), info[0], numbers);
      float* out = floatsOf(info.Env(), info[1], room);
      const auto width = static_cast<std::size_t>(owned.description().inputWidth);
      const std::size_t rows = width > 0 ? numbers / width : 0;
      const bool fits = x && out && rows * width == numbers && room == (what == Plain::Energy ? rows : numbers);
      const double most = info[2].IsNumber() ? info[2].As<Napi::Number>().DoubleValue() : HUGE_VAL;
      return Napi::Boolean::New(info.Env(),
                                fits && evaluatePlain(network, what, x, static_cast<std::int64_t>(rows), out, most));
    });
  }

  // Null for anything but a Float32Array with numbers.
  static float* floatsOf(Napi::Env env, napi_value value, std::size_t& length) {
    bool isTyped = false;
    napi_is_typedarray(env, value, &isTyped);
    if (!isTyped) return nullptr;
    napi_typedarray_type type = napi_int8_array;
    void* data = nullptr;
    napi_value buffer = nullptr;
    std::size_t offset = 0;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset) != napi_ok) return nullptr;
    return type == napi_float32_array ? static_cast<float*>(data) : nullptr;
  }
};

std::optional<HandleRef> tagged(Napi::Env env, napi_value value, const std::string& path) {
  const Napi::Object object(env, value);
  if (NativeTensor::holds(object)) {
    const TensorRef& ref = NativeTensor::Unwrap(object)->owned.ref();
    if (!ref) refuseDisposed("tensor", path);
    return HandleRef{ref, nullptr};
  }
  if (NativeNetwork::holds(object)) {
    const NetworkRef& ref = NativeNetwork::Unwrap(object)->owned.ref();
    if (!ref) refuseDisposed("network", path);
    return HandleRef{nullptr, ref};
  }
  return std::nullopt;
}

}  // namespace

HandleCounts handleCounts() {
  return {tensorCounter.handles, tensorCounter.bytes, networkCounter.handles, networkCounter.bytes};
}

Napi::Function defineTensorClass(Napi::Env env) { return NativeTensor::define(env); }
Napi::Function defineNetworkClass(Napi::Env env) { return NativeNetwork::define(env); }

napi_value newTensor(Napi::Env env, const TensorRef& tensor) {
  TensorDescription description = describe(tensor);
  const Napi::Object object = Environment::of(env).tensorClass.New({});
  NativeTensor::Unwrap(object)->owned.adopt(env, tensor, std::move(description));
  return object;
}

napi_value newNetwork(Napi::Env env, const NetworkRef& network) {
  NetworkDescription description = describe(network);
  const Napi::Object object = Environment::of(env).networkClass.New({});
  NativeNetwork::Unwrap(object)->owned.adopt(env, network, std::move(description));
  return object;
}

std::optional<HandleRef> handleIn(Napi::Env env, napi_value value, const std::string& path) {
  if (auto own = tagged(env, value, path)) return own;
  const Napi::Value carried = Napi::Object(env, value).Get(Environment::of(env).handleSymbol.Value());
  if (!carried.IsObject()) return std::nullopt;
  return tagged(env, carried, path);
}

void requireFree(const std::vector<NetworkRef>& networks) {
  for (const NetworkRef& n : networks)
    if (isBusy(n))
      fail(Code::Busy,
           "the energy is being trained: take a copy with `run.snapshot()`, wait for `await run.done`, or abort the "
           "run");
}

void requireSettled(const std::vector<NetworkRef>& networks) {
  requireFree(networks);
  std::lock_guard lock(busy().mutex);
  for (const NetworkRef& n : networks)
    if (busy().written.count(n.get()) > 0)
      fail(Code::Busy, "a call that changes the parameters has not ended: await setParameters() first");
}

WriteHold::WriteHold(std::vector<NetworkRef> networks) : networks_(std::move(networks)) {
  std::lock_guard lock(busy().mutex);
  for (const NetworkRef& n : networks_) busy().written.insert(n.get());
}

WriteHold::WriteHold(WriteHold&& other) noexcept : networks_(std::exchange(other.networks_, {})) {}

WriteHold& WriteHold::operator=(WriteHold&& other) noexcept {
  if (this != &other) {
    release();
    networks_ = std::exchange(other.networks_, {});
  }
  return *this;
}

WriteHold::~WriteHold() { release(); }

void WriteHold::release() noexcept {
  if (networks_.empty()) return;
  std::lock_guard lock(busy().mutex);
  for (const NetworkRef& n : networks_) busy().written.erase(busy().written.find(n.get()));
  networks_.clear();
}

ExclusiveHold::ExclusiveHold(std::vector<NetworkRef> networks) {
  std::lock_guard lock(busy().mutex);
  for (const NetworkRef& n : networks)
    if (busy().networks.count(n.get()) > 0)
      fail(Code::Busy, "another run trains this energy: wait for its `done`, or abort it first");
  for (const NetworkRef& n : networks) busy().networks.insert(n.get());
  networks_ = std::move(networks);
}

ExclusiveHold::ExclusiveHold(ExclusiveHold&& other) noexcept : networks_(std::exchange(other.networks_, {})) {}

ExclusiveHold& ExclusiveHold::operator=(ExclusiveHold&& other) noexcept {
  if (this != &other) {
    release();
    networks_ = std::exchange(other.networks_, {});
  }
  return *this;
}

ExclusiveHold::~ExclusiveHold() { release(); }

void ExclusiveHold::release() noexcept {
  if (networks_.empty()) return;
  std::lock_guard lock(busy().mutex);
  for (const NetworkRef& n : networks_) busy().networks.erase(n.get());
  networks_.clear();
}

}  // namespace langevin::binding
