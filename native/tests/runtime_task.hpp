// A task of the runtime thread that the tests write as a function.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "native/binding/runtime_thread.hpp"

namespace langevin::test {

using namespace std::chrono_literals;
using langevin::binding::RuntimeTask;
using langevin::binding::RuntimeThread;

// Long enough that only a hang exceeds it on a busy machine.
constexpr auto kDeadline = 20s;

class Task : public RuntimeTask {
 public:
  explicit Task(std::function<void(Task&)> body, const void* owner = nullptr) : body_(std::move(body)), owner_(owner) {}

  void run() noexcept override {
    started.store(true);
    body_(*this);
    ended.set_value();
  }
  void cancelled() noexcept override {
    wasCancelled.store(true);
    ended.set_value();
  }
  void requestAbort() noexcept override { aborted.store(true); }
  const void* owner() const noexcept override { return owner_; }
  bool isShort() const noexcept override { return brief; }
  bool conflictsWith(const RuntimeTask& other) const noexcept override {
    return topic != 0 && topic == static_cast<const Task&>(other).topic;
  }

  bool brief = false;
  int topic = 0;  // tasks of one topic conflict, but for those of topic 0
  bool finished() { return end.wait_for(kDeadline) == std::future_status::ready; }
  void spinUntilAborted() {
    while (!aborted.load()) std::this_thread::sleep_for(1ms);
  }

  std::atomic<bool> started{false};
  std::atomic<bool> wasCancelled{false};
  std::atomic<bool> aborted{false};
  std::promise<void> ended;
  std::future<void> end = ended.get_future();

 private:
  std::function<void(Task&)> body_;
  const void* owner_;
};

inline std::shared_ptr<Task> task(std::function<void(Task&)> body, const void* owner = nullptr) {
  return std::make_shared<Task>(std::move(body), owner);
}

inline std::shared_ptr<Task> shortTask(std::function<void(Task&)> body, int topic = 0, const void* owner = nullptr) {
  auto t = task(std::move(body), owner);
  t->brief = true;
  t->topic = topic;
  return t;
}

inline std::shared_ptr<Task> longTask(std::function<void(Task&)> body, int topic = 0) {
  auto t = task(std::move(body));
  t->topic = topic;
  return t;
}

inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace langevin::test
