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

// Shared with the threads, which are detached: it lives until the last of them has left.
struct RuntimeThread::State {
  std::function<void()> prepare;
  mutable std::mutex mutex;
  std::condition_variable wake;  // work, a free turn, or stopping
  std::condition_variable left;  // a task has ended, a thread has left
  std::deque<std::shared_ptr<RuntimeTask>> queue;
  std::vector<std::shared_ptr<RuntimeTask>> active;
  bool turnTaken = false;
  int resuming = 0;  // paused tasks that wait for their turn: they go before the queue
  int idle = 0;      // threads that wait for a task
  int threads = 0;
  bool refusing = false;
  bool stopping = false;
};

RuntimeThread::RuntimeThread(std::function<void()> prepare) : state_(std::make_shared<State>()) {
  state_->prepare = std::move(prepare);
}

RuntimeThread::~RuntimeThread() {
  shutDown(std::chrono::milliseconds(0));
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->wake.notify_all();
  state_->left.wait(lock, [this] { return state_->threads == 0; });
}

void RuntimeThread::startThread(const std::shared_ptr<State>& state) {
  ++state->threads;
  try {
    std::thread([state] { loop(state); }).detach();
  } catch (...) {
    --state->threads;
    throw;
  }
}

void RuntimeThread::loop(const std::shared_ptr<State>& state) {
  if (state->prepare) state->prepare();
  std::unique_lock lock(state->mutex);
  for (;;) {
    // A second idle thread is left over from a pause: one is enough.
    if (state->idle > 0) break;
    ++state->idle;
    state->wake.wait(
        lock, [&] { return state->stopping || (!state->turnTaken && state->resuming == 0 && !state->queue.empty()); });
    --state->idle;
    if (state->stopping) break;
    std::shared_ptr<RuntimeTask> task = std::move(state->queue.front());
    state->queue.pop_front();
    state->active.push_back(task);
    state->turnTaken = true;
    lock.unlock();
    task->run();
    lock.lock();
    state->active.erase(std::find(state->active.begin(), state->active.end(), task));
    state->turnTaken = false;
    state->left.notify_all();
    state->wake.notify_all();
    // Released outside the lock: the last reference may free a lot.
    lock.unlock();
    task.reset();
    lock.lock();
  }
  --state->threads;
  state->left.notify_all();
}

void RuntimeThread::submit(std::shared_ptr<RuntimeTask> task) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->refusing) {
      if (state_->threads == 0) startThread(state_);
      state_->queue.push_back(std::move(task));
    }
  }
  if (task)
    task->cancelled();
  else
    state_->wake.notify_all();
}

bool RuntimeThread::withdraw(const RuntimeTask* task) {
  std::shared_ptr<RuntimeTask> taken;
  std::lock_guard lock(state_->mutex);
  const auto it =
      std::find_if(state_->queue.begin(), state_->queue.end(), [&](const auto& t) { return t.get() == task; });
  if (it == state_->queue.end()) return false;
  taken = std::move(*it);
  state_->queue.erase(it);
  return true;
}

bool RuntimeThread::abortAll(const void* owner, std::chrono::milliseconds patience) {
  const auto mine = [owner](const std::shared_ptr<RuntimeTask>& t) { return !owner || t->owner() == owner; };
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
  for (const auto& t : state_->active)
    if (mine(t)) t->requestAbort();
  lock.unlock();
  for (const auto& t : dropped) t->cancelled();
  lock.lock();
  return state_->left.wait_for(lock, patience,
                               [&] { return std::none_of(state_->active.begin(), state_->active.end(), mine); });
}

bool RuntimeThread::shutDown(std::chrono::milliseconds patience) {
  {
    std::lock_guard lock(state_->mutex);
    state_->refusing = true;
  }
  return abortAll(nullptr, patience);
}

void RuntimeThread::yieldTurn() {
  std::lock_guard lock(state_->mutex);
  // The thread of the paused task is held by it; the queue needs another.
  if (state_->idle == 0 && !state_->stopping) startThread(state_);
  state_->turnTaken = false;
  state_->wake.notify_all();
}

void RuntimeThread::takeTurn() {
  std::unique_lock lock(state_->mutex);
  ++state_->resuming;
  state_->wake.wait(lock, [this] { return !state_->turnTaken; });
  --state_->resuming;
  state_->turnTaken = true;
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
  if (!thread) thread = new RuntimeThread(prepare);
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
