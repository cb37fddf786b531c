#include "base/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/job.hpp"

namespace langevin {
namespace {

struct Batch {
  std::int64_t tiles = 0;
  const std::function<void(std::int64_t)>* task = nullptr;
  Job* job = nullptr;  // of the caller: an abort stops the batch between two tiles
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::condition_variable finished;
  int helpers = 0;  // workers still inside this batch
  std::int64_t failedTile = -1;
  std::exception_ptr failure;

  void work() {
    for (;;) {
      const std::int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= tiles) return;
      try {
        if (job) job->check();
        (*task)(i);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (failedTile < 0 || i < failedTile) {
          failedTile = i;
          failure = std::current_exception();
        }
        next.store(tiles, std::memory_order_relaxed);  // no thread starts another tile
      }
    }
  }
};

class Pool {
 public:
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : workers_) t.join();
  }

  void run(Batch& batch, int helpers) {
    {
      std::lock_guard lock(mutex_);
      while (static_cast<int>(workers_.size()) < helpers) workers_.emplace_back([this] { loop(); });
      batch.helpers = helpers;
      for (int i = 0; i < helpers; ++i) queue_.push_back(&batch);
    }
    helpers == 1 ? wake_.notify_one() : wake_.notify_all();
    batch.work();
    withdraw(batch);
    std::unique_lock lock(batch.mutex);
    batch.finished.wait(lock, [&] { return batch.helpers == 0; });
  }

 private:
  // Takes the batch out of the queue once its tiles are done: a helper that is still busy never delays the caller.
  void withdraw(Batch& batch) {
    std::lock_guard lock(mutex_);
    const auto end = std::remove(queue_.begin(), queue_.end(), &batch);
    const int withdrawn = static_cast<int>(queue_.end() - end);
    queue_.erase(end, queue_.end());
    std::lock_guard batchLock(batch.mutex);
    batch.helpers -= withdrawn;
  }

  void loop() {
    beginWorker();
    for (;;) {
      Batch* batch = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        batch = queue_.back();
        queue_.pop_back();
      }
      batch->work();
      std::lock_guard lock(batch->mutex);
      if (--batch->helpers == 0) batch->finished.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Batch*> queue_;
  std::vector<std::thread> workers_;
  bool stopping_ = false;
};

// Never destroyed: joining threads from a static destructor of an addon can deadlock the exiting process.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

int wishedThreads(const std::string& text) {
  int threads = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (problem != std::errc() || end != text.data() + text.size() || threads < 1 || threads > 1024)
    fail(Code::InvalidOption, "LANGEVIN_THREADS: '", text,
         "' is not a number of threads; give a whole number from 1 to 1024, or unset it to use every core");
  return threads;
}

}  // namespace

int defaultThreads() {
  static const int count = [] {
    if (const char* text = std::getenv("LANGEVIN_THREADS"); text && *text) return wishedThreads(text);
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }();
  return count;
}

void parallelTiles(std::int64_t tiles, int threads, const std::function<void(std::int64_t)>& task) {
  if (tiles <= 0) return;
  const int useful = static_cast<int>(std::min<std::int64_t>(tiles, std::max(1, threads)));
  Job* const job = currentJob();
  if (useful == 1) {
    for (std::int64_t i = 0; i < tiles; ++i) {
      if (job) job->check();
      task(i);
    }
    return;
  }
  Batch batch;
  batch.job = job;
  batch.tiles = tiles;
  batch.task = &task;
  pool().run(batch, useful - 1);
  if (batch.failure) std::rethrow_exception(batch.failure);
}

}  // namespace langevin
