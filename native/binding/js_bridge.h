// From the runtime thread to JavaScript: one channel per environment, one mailbox per job.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "errors.h"
#include "napi_setup.h"

namespace langevin::binding {

class Bridge;

struct Message {
  enum class Kind { Start, Progress, Event, Done, Error };
  Kind kind;
  Value payload;
  Failure failure;
};

/// What a job has to say, in order. Of progress only the latest unread one is kept, and JavaScript is woken for it at
/// most every 20 ms (a later message takes it along); everything else is kept and announced at once.
class Mailbox {
 public:
  Mailbox(std::uint64_t id, std::weak_ptr<Bridge> bridge) : id(id), bridge_(std::move(bridge)) {}
  const std::uint64_t id;

  static void post(const std::shared_ptr<Mailbox>& box, Message message);
  std::deque<Message> take();

 private:
  std::weak_ptr<Bridge> bridge_;
  std::mutex mutex_;
  std::deque<Message> messages_;
  bool announced_ = false;
  bool ended_ = false;
  std::chrono::steady_clock::time_point lastProgress_{};
};

/// Owns the environment's thread-safe function. It is unref'ed at birth: only jobs in flight keep the event loop alive.
class Bridge {
 public:
  using Drain = void (*)(Napi::Env env);

  /// JavaScript thread. `drain` is called there whenever mailboxes have been announced.
  static std::shared_ptr<Bridge> open(Napi::Env env, Drain drain);
  ~Bridge();

  /// JavaScript thread, in the cleanup hook: nothing is sent any more.
  void close();
  void jobOpened(Napi::Env env);
  void jobClosed(Napi::Env env);

  /// Any thread; without effect after close().
  void announce(const std::shared_ptr<Mailbox>& box);
  std::vector<std::shared_ptr<Mailbox>> takeAnnounced();

 private:
  Bridge() = default;
  static void onCall(napi_env env, napi_value callback, void* context, void* data);

  std::mutex mutex_;
  napi_threadsafe_function function_ = nullptr;
  std::vector<std::shared_ptr<Mailbox>> announced_;
  std::size_t openJobs_ = 0;
  Drain drain_ = nullptr;
};

}  // namespace langevin::binding
