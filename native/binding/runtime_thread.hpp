// The jobs of one device: a queue, and long-lived threads that work on it. Long tasks run one after the other in the
// order they came; short ones have threads of their own, so that they never wait for a long one. Short tasks of one owner
// run one after the other too, those of several owners (worker threads of Node) side by side. Nothing of Node and
// nothing of the core in here: native/tests links it alone, also under ThreadSanitizer.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace langevin::binding {

/// A unit of work. The queue holds it by shared_ptr, so it may outlive whoever submitted it.
class RuntimeTask {
 public:
  virtual ~RuntimeTask() = default;
  /// On the runtime thread; must not throw.
  virtual void run() noexcept = 0;
  /// Instead of run(), when the task was taken out of the queue by abortAll(); on the thread that called it.
  virtual void cancelled() noexcept = 0;
  /// Asks a running task to leave soon; any thread.
  virtual void requestAbort() noexcept = 0;
  /// Who the task belongs to (an environment): abortAll() goes by it.
  virtual const void* owner() const noexcept = 0;
  /// Which threads run it. Constant, as is conflictsWith().
  virtual bool isShort() const noexcept { return false; }
  /// True when one of the two writes what the other uses: they then run one after the other, in the order they came.
  virtual bool conflictsWith(const RuntimeTask&) const noexcept { return false; }
};

class RuntimeThread {
 public:
  /// `prepare` runs once on every thread before its first task; at most `shortTasks` short tasks run at a time.
  explicit RuntimeThread(std::function<void()> prepare, int shortTasks = 1);
  /// Cancels what is queued, aborts what runs and waits for it without limit.
  ~RuntimeThread();
  RuntimeThread(const RuntimeThread&) = delete;
  RuntimeThread& operator=(const RuntimeThread&) = delete;

  /// Starts the task's thread at the first call. After shutDown() the task is cancelled at once.
  void submit(std::shared_ptr<RuntimeTask> task);
  /// Takes a task that is still queued out; true when it will never run (cancelled() is not called).
  bool withdraw(const RuntimeTask* task);
  /// Cancels the queued and aborts the running tasks of `owner` (all for nullptr); waits at most `patience` for the
  /// running ones to leave. True when none of them is left.
  bool abortAll(const void* owner, std::chrono::milliseconds patience);
  /// abortAll(nullptr), and every later submit() is cancelled.
  bool shutDown(std::chrono::milliseconds patience);

  /// From inside the task's run(): a paused task lets the next one run meanwhile, also one that conflicts with it, and
  /// waits for its turn before it goes on.
  void yieldTurn(const RuntimeTask* task);
  void takeTurn(const RuntimeTask* task);

  std::size_t queued() const;
  /// Tasks inside run(): those whose turn it is, and paused ones.
  std::size_t running() const;

 private:
  struct State;
  static void loop(const std::shared_ptr<State>& state, bool isShort);
  static void startThread(const std::shared_ptr<State>& state, bool isShort);
  static void startThreadForNext(const std::shared_ptr<State>& state, bool isShort);
  const std::shared_ptr<State> state_;
};

/// The threads of a device ('cpu', 'cuda:0', ...; as many short tasks at a time as 'cpu' has processors, one elsewhere),
/// made at the first call and never destroyed: joining threads from a
/// static destructor can deadlock an exiting process.
RuntimeThread& runtimeThreadOf(const std::string& device, const std::function<void()>& prepare);
/// On every device seen so far: counts, and RuntimeThread::abortAll / shutDown.
std::size_t queuedTasks();
std::size_t runningTasks();
bool abortTasksOf(const void* owner, std::chrono::milliseconds patience);
bool shutDownAll(std::chrono::milliseconds patience);

}  // namespace langevin::binding
