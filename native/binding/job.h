// A queued call of the core: the task the runtime thread runs, and the NativeJob object that steers it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "api.hpp"
#include "js_bridge.h"
#include "napi_setup.h"
#include "runtime_thread.hpp"

namespace langevin::binding {

class NativeTask final : public langevin::Job, public RuntimeTask, public std::enable_shared_from_this<NativeTask> {
 public:
  enum class State { Queued, Running, Ended };

  NativeTask(const void* owner, RuntimeThread& thread, std::string name, Value arguments, std::shared_ptr<Mailbox> box);

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

 protected:
  void parked() override;
  void unparked() override;

 private:
  void end(Message message) noexcept;

  const void* owner_;
  RuntimeThread& thread_;
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
