// What a long computation sees of the run it belongs to. The runtime thread implements it; tests use it as it is.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/error.hpp"

namespace langevin {

class Job {
 public:
  virtual ~Job() = default;

  /// Latest wins: a progress value that has not been read yet is replaced by the next one.
  virtual void progress(Map) {}
  /// Delivered in order and never dropped: epoch, checkpoint, warning.
  virtual void emit(Map) {}

  void abort() {
    aborted_.store(true, std::memory_order_release);
    resume();
  }
  bool aborted() const { return aborted_.load(std::memory_order_acquire); }
  /// Cheap enough to be called once per sampler step. Throws Code::Aborted; blocks while paused.
  void check() {
    if (paused_.load(std::memory_order_acquire)) waitWhilePaused();
    if (aborted()) throw Error(Code::Aborted, "the run was aborted");
  }

  void pause() { paused_.store(true, std::memory_order_release); }
  void resume() {
    {
      std::lock_guard lock(mutex_);
      paused_.store(false, std::memory_order_release);
    }
    wake_.notify_all();
  }
  bool paused() const { return paused_.load(std::memory_order_acquire); }

  void requestCheckpoint() { checkpoint_.store(true, std::memory_order_release); }
  bool takeCheckpointRequest() { return checkpoint_.exchange(false, std::memory_order_acq_rel); }

 protected:
  /// Around the wait of a paused job, in the waiting thread: the runtime thread lets other jobs run meanwhile.
  virtual void parked() {}
  virtual void unparked() {}

 private:
  void waitWhilePaused() {
    parked();
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !paused_.load(std::memory_order_acquire) || aborted(); });
    }
    unparked();
  }

  std::atomic<bool> aborted_{false};
  std::atomic<bool> paused_{false};
  std::atomic<bool> checkpoint_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

/// Says which job the calling thread works for, so that parallelTiles() can stop between tiles. With nullptr it cannot:
/// for work that must be done whole or not at all.
class JobScope {
 public:
  explicit JobScope(Job* job);
  ~JobScope();
  JobScope(const JobScope&) = delete;
  JobScope& operator=(const JobScope&) = delete;

 private:
  Job* before_;
};
/// The innermost scope's job, or nullptr.
Job* currentJob();

}  // namespace langevin
