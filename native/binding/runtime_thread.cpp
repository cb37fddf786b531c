#include "runtime_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace langevin::binding {

// Shared with the threads, which are detached: it lives until the last of them has left. `mutex` guards everything else.
struct RuntimeThread::State {
  enum class Phase { Running, Paused, Resuming };
  struct Active {
    std::shared_ptr<RuntimeTask> task;
    Phase phase = Phase::Running;
  };
  // The long tasks, or the short ones.
  struct Lane {
    std::condition_variable wake;  // a task that may run, a free turn, or stopping
    int most = 1;                  // tasks at a time
    int turns = 0;                 // those that have one now
    int resuming = 0;              // paused tasks that wait for their turn: they go before the queue
    int starting = 0;              // threads on their way
    int idle = 0;                  // threads that wait for a task
    int threads = 0;
    bool wantsThread() const { return idle + starting == 0 && turns < most; }
  };
  using Queue = std::deque<std::shared_ptr<RuntimeTask>>;

  std::function<void()> prepare;
  mutable std::mutex mutex;
  std::condition_variable left;  // a task has ended, a thread has left
  Queue queue;                   // of both lanes, in the order they came
  std::vector<Active> active;
  Lane longLane, shortLane;
  bool refusing = false;
  bool stopping = false;

  Lane& lane(bool isShort) { return isShort ? shortLane : longLane; }
  void wakeAll() {
    longLane.wake.notify_all();
    shortLane.wake.notify_all();
  }
  // After a change that may let a task of this lane run. A thread that wakes for nothing costs as much as a few rows, so
  // one is woken, and wakes another when it leaves one behind; paused tasks wait on the same condition.
  void wakeFor(bool isShort) {
    Lane& own = lane(isShort);
    if (own.resuming > 0)
      own.wake.notify_all();
    else if (own.idle > 0 && next(isShort) != queue.end())
      own.wake.notify_one();
  }
  Active& activeOf(const RuntimeTask* task) {
    return *std::find_if(active.begin(), active.end(), [&](const Active& a) { return a.task.get() == task; });
  }

  // A paused task stands in nobody's way; one that wants to go on does, or others could pass it for ever.
  bool conflictsWithActive(const RuntimeTask& task) const {
    return std::any_of(active.begin(), active.end(), [&](const Active& a) {
      return a.phase != Phase::Paused && a.task.get() != &task && task.conflictsWith(*a.task);
    });
  }
  bool mayGoOn(const RuntimeTask& task) const {
    return std::none_of(active.begin(), active.end(), [&](const Active& a) {
      return a.phase == Phase::Running && a.task.get() != &task && task.conflictsWith(*a.task);
    });
  }

  // Short tasks of one owner come one after the other.
  bool ownerIsServed(const RuntimeTask& task) const {
    return std::any_of(active.begin(), active.end(), [&](const Active& a) {
      return a.phase == Phase::Running && a.task.get() != &task && a.task->isShort() && a.task->owner() == task.owner();
    });
  }

  // The next task of a lane; the end of the queue when none may run now. Long tasks never pass one another; a short one
  // passes those it does not conflict with.
  Queue::iterator next(bool isShort) {
    const Lane& own = lane(isShort);
    if (own.turns >= own.most || own.resuming > 0) return queue.end();
    for (auto it = queue.begin(); it != queue.end(); ++it) {
      const RuntimeTask& task = **it;
      if (task.isShort() != isShort) continue;
      const bool blocked = conflictsWithActive(task) || (isShort && ownerIsServed(task)) ||
                           std::any_of(queue.begin(), it, [&](const auto& t) { return task.conflictsWith(*t); });
      if (!blocked) return it;
      if (!isShort) break;
    }
    return queue.end();
  }
};

RuntimeThread::RuntimeThread(std::function<void()> prepare, int shortTasks) : state_(std::make_shared<State>()) {
  state_->prepare = std::move(prepare);
  state_->shortLane.most = std::max(1, shortTasks);
}

RuntimeThread::~RuntimeThread() {
  shutDown(std::chrono::milliseconds(0));
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->wakeAll();
  state_->left.wait(lock, [this] { return state_->longLane.threads + state_->shortLane.threads == 0; });
}

void RuntimeThread::startThread(const std::shared_ptr<State>& state, bool isShort) {
  State::Lane& lane = state->lane(isShort);
  ++lane.threads;
  ++lane.starting;
  try {
    std::thread([state, isShort] { loop(state, isShort); }).detach();
  } catch (...) {
    --lane.threads;
    --lane.starting;
    throw;
  }
}

// Where a task may run and every thread has one. Without another thread it waits, which is no reason to fail.
void RuntimeThread::startThreadForNext(const std::shared_ptr<State>& state, bool isShort) {
  if (!state->lane(isShort).wantsThread() || state->next(isShort) == state->queue.end()) return;
  try {
    startThread(state, isShort);
  } catch (...) {
  }
}

void RuntimeThread::loop(const std::shared_ptr<State>& state, bool isShort) {
  if (state->prepare) state->prepare();
  State::Lane& lane = state->lane(isShort);
  std::unique_lock lock(state->mutex);
  --lane.starting;
  for (;;) {
    // More than that are left over from a pause.
    if (lane.idle >= lane.most) break;
    ++lane.idle;
    auto next = state->queue.end();
    lane.wake.wait(lock, [&] {
      next = state->next(isShort);
      return state->stopping || next != state->queue.end();
    });
    --lane.idle;
    if (state->stopping) break;
    std::shared_ptr<RuntimeTask> task = std::move(*next);
    state->queue.erase(next);
    state->active.push_back({task});
    ++lane.turns;
    startThreadForNext(state, isShort);
    state->wakeFor(isShort);
    lock.unlock();
    task->run();
    lock.lock();
    std::erase_if(state->active, [&](const State::Active& a) { return a.task == task; });
    --lane.turns;
    state->left.notify_all();
    state->wakeFor(!isShort);
    // Of its own lane this thread takes the next task itself.
    if (lane.resuming > 0) lane.wake.notify_all();
    // Released outside the lock: the last reference may free a lot.
    lock.unlock();
    task.reset();
    lock.lock();
  }
  state->wakeFor(isShort);
  --lane.threads;
  state->left.notify_all();
}

void RuntimeThread::submit(std::shared_ptr<RuntimeTask> task) {
  const bool isShort = task->isShort();
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->refusing) {
      if (state_->lane(isShort).threads == 0) startThread(state_, isShort);
      state_->queue.push_back(std::move(task));
      startThreadForNext(state_, isShort);
      state_->wakeFor(isShort);
    }
  }
  if (task) task->cancelled();
}

bool RuntimeThread::withdraw(const RuntimeTask* task) {
  std::shared_ptr<RuntimeTask> taken;
  std::lock_guard lock(state_->mutex);
  const auto it =
      std::find_if(state_->queue.begin(), state_->queue.end(), [&](const auto& t) { return t.get() == task; });
  if (it == state_->queue.end()) return false;
  taken = std::move(*it);
  state_->queue.erase(it);
  state_->wakeAll();  // it may have stood in another's way
  return true;
}

bool RuntimeThread::abortAll(const void* owner, std::chrono::milliseconds patience) {
  const auto mine = [owner](const std::shared_ptr<RuntimeTask>& t) { return !owner || t->owner() == owner; };
  const auto active = [&](const State::Active& a) { return mine(a.task); };
  std::vector<std::shared_ptr<RuntimeTask>> dropped;
  std::unique_lock lock(state_->mutex);
  for (auto it = state_->queue.begin(); it != state_->queue.end();) {
    if (!mine(*it)) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(*it));
    it = state_->queue.erase(it);
  }
  state_->wakeAll();
  for (const State::Active& a : state_->active)
    if (active(a)) a.task->requestAbort();
  lock.unlock();
  for (const auto& t : dropped) t->cancelled();
  lock.lock();
  return state_->left.wait_for(lock, patience,
                               [&] { return std::none_of(state_->active.begin(), state_->active.end(), active); });
}

bool RuntimeThread::shutDown(std::chrono::milliseconds patience) {
  {
    std::lock_guard lock(state_->mutex);
    state_->refusing = true;
  }
  return abortAll(nullptr, patience);
}

void RuntimeThread::yieldTurn(const RuntimeTask* task) {
  const bool isShort = task->isShort();
  std::lock_guard lock(state_->mutex);
  State::Lane& lane = state_->lane(isShort);
  // The thread of the paused task is held by it; the queue needs another.
  if (lane.idle == 0 && !state_->stopping) startThread(state_, isShort);
  state_->activeOf(task).phase = State::Phase::Paused;
  --lane.turns;
  state_->wakeAll();
}

void RuntimeThread::takeTurn(const RuntimeTask* task) {
  std::unique_lock lock(state_->mutex);
  State::Lane& lane = state_->lane(task->isShort());
  state_->activeOf(task).phase = State::Phase::Resuming;
  ++lane.resuming;
  lane.wake.wait(lock, [&] {
    return lane.turns < lane.most && state_->mayGoOn(*task) && !(task->isShort() && state_->ownerIsServed(*task));
  });
  --lane.resuming;
  ++lane.turns;
  state_->activeOf(task).phase = State::Phase::Running;
  state_->wakeFor(task->isShort());
}

std::size_t RuntimeThread::queued() const {
  std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

std::size_t RuntimeThread::running() const {
  std::lock_guard lock(state_->mutex);
  return state_->active.size();
}

namespace {

struct Threads {
  std::mutex mutex;
  std::map<std::string, RuntimeThread*> byDevice;
};

Threads& threads() {
  static Threads* all = new Threads;
  return *all;
}

std::vector<RuntimeThread*> everyThread() {
  std::lock_guard lock(threads().mutex);
  std::vector<RuntimeThread*> result;
  for (const auto& [device, thread] : threads().byDevice) result.push_back(thread);
  return result;
}

}  // namespace

RuntimeThread& runtimeThreadOf(const std::string& device, const std::function<void()>& prepare) {
  std::lock_guard lock(threads().mutex);
  RuntimeThread*& thread = threads().byDevice[device];
  if (!thread) {
    const int shortTasks = device == "cpu" ? static_cast<int>(std::thread::hardware_concurrency()) : 1;
    thread = new RuntimeThread(prepare, shortTasks);
  }
  return *thread;
}

std::size_t queuedTasks() {
  std::size_t n = 0;
  for (const RuntimeThread* t : everyThread()) n += t->queued();
  return n;
}

std::size_t runningTasks() {
  std::size_t n = 0;
  for (const RuntimeThread* t : everyThread()) n += t->running();
  return n;
}

bool abortTasksOf(const void* owner, std::chrono::milliseconds patience) {
  bool all = true;
  for (RuntimeThread* t : everyThread()) all = t->abortAll(owner, patience) && all;
  return all;
}

bool shutDownAll(std::chrono::milliseconds patience) {
  bool all = true;
  for (RuntimeThread* t : everyThread()) all = t->shutDown(patience) && all;
  return all;
}

}  // namespace langevin::binding
