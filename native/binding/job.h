// A queued call of the core: the task the runtime thread runs, and the NativeJob object that steers it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api.hpp"
#include "js_bridge.h"
#include "napi_setup.h"
#include "runtime_thread.hpp"

namespace langevin::binding {

/// The function of this name in the core's table; ERR_LANGEVIN_INTERNAL where there is none.
const FunctionInfo& functionNamed(const std::string& name);

/// Where a task runs, and beside which others it may.
struct TaskTraits {
  bool isShort = false;
  std::vector<const Network*> used;     // every network in the arguments
  std::vector<const Network*> written;  // of these, the ones whose parameters it changes
};

class NativeTask final : public langevin::Job, public RuntimeTask, public std::enable_shared_from_this<NativeTask> {
 public:
  enum class State { Queued, Running, Ended };

  NativeTask(const void* owner, RuntimeThread& thread, TaskTraits traits, std::string name, Value arguments,
             std::shared_ptr<Mailbox> box);

  State state() const { return state_.load(); }
  /// From JavaScript: takes a queued task out, asks a running one to stop.
  void abortFromOutside();

  // langevin::Job, on the runtime thread or its helpers
  void progress(Map values) override;
  void emit(Map event) override;

  // RuntimeTask
  void run() noexcept override;
  void cancelled() noexcept override;
  void requestAbort() noexcept override { abort(); }
  const void* owner() const noexcept override { return owner_; }
  bool isShort() const noexcept override { return traits_.isShort; }
  bool conflictsWith(const RuntimeTask& other) const noexcept override;

 protected:
  void parked() override;
  void unparked() override;

 private:
  void end(Message message) noexcept;

  const void* owner_;
  RuntimeThread& thread_;
  const TaskTraits traits_;
  const std::string name_;
  Value arguments_;
  const std::shared_ptr<Mailbox> box_;
  std::atomic<State> state_{State::Queued};
  std::mutex parkMutex_;
  int parkedThreads_ = 0;
};

Napi::Function defineJobClass(Napi::Env env);

/// submit(name, args, options, listener)
Napi::Value submitJob(const Napi::CallbackInfo& info);
/// Delivers what jobs have announced to their listeners.
void drainJobs(Napi::Env env);

}  // namespace langevin::binding
