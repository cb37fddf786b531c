// The queue behind every job: order, abort, pause, shut-down. It needs neither Node nor LibTorch, so `npm run
// test:sanitize` runs this file under ThreadSanitizer.
#include "native/binding/runtime_thread.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "check.hpp"
// Compiled in here: the test executable links the core, and the runtime thread belongs to the binding.
#include "native/binding/runtime_thread.cpp"

namespace langevin::runtime_thread_test {
namespace {

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

std::shared_ptr<Task> task(std::function<void(Task&)> body, const void* owner = nullptr) {
  return std::make_shared<Task>(std::move(body), owner);
}

std::shared_ptr<Task> shortTask(std::function<void(Task&)> body, int topic = 0, const void* owner = nullptr) {
  auto t = task(std::move(body), owner);
  t->brief = true;
  t->topic = topic;
  return t;
}

std::shared_ptr<Task> longTask(std::function<void(Task&)> body, int topic = 0) {
  auto t = task(std::move(body));
  t->topic = topic;
  return t;
}

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace

TEST(runs_tasks_in_order_on_one_prepared_thread) {
  std::atomic<int> prepared{0};
  RuntimeThread thread([&] { ++prepared; });
  std::vector<int> order;  // no lock: one thread writes it, and finished() orders the reads after
  std::vector<std::thread::id> ids;
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < 50; ++i) {
    tasks.push_back(task([&, i](Task&) {
      order.push_back(i);
      ids.push_back(std::this_thread::get_id());
    }));
    thread.submit(tasks.back());
  }
  for (auto& t : tasks) CHECK(t->finished());
  CHECK(order.size() == 50);
  for (int i = 0; i < 50; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  for (const auto& id : ids) CHECK(id == ids[0] && id != std::this_thread::get_id());
  CHECK(prepared == 1);
}

TEST(one_task_at_a_time_from_many_submitters) {
  RuntimeThread thread({});
  int inside = 0, most = 0, ran = 0;  // only the runtime thread touches them
  std::mutex mutex;
  std::vector<std::shared_ptr<Task>> tasks;
  std::vector<std::thread> submitters;
  for (int s = 0; s < 4; ++s)
    submitters.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        auto t = task([&](Task&) {
          most = std::max(most, ++inside);
          ++ran;
          --inside;
        });
        thread.submit(t);
        std::lock_guard lock(mutex);
        tasks.push_back(t);
      }
    });
  for (auto& s : submitters) s.join();
  for (auto& t : tasks) CHECK(t->finished());
  CHECK(ran == 400);
  CHECK(most == 1);
}

TEST(withdraws_what_is_queued_and_not_what_runs) {
  RuntimeThread thread({});
  auto running = task([](Task& self) { self.spinUntilAborted(); });
  auto waiting = task([](Task&) {});
  thread.submit(running);
  thread.submit(waiting);
  CHECK(eventually([&] { return running->started.load(); }));
  CHECK(thread.queued() == 1 && thread.running() == 1);
  CHECK(!thread.withdraw(running.get()));
  CHECK(thread.withdraw(waiting.get()));
  CHECK(!thread.withdraw(waiting.get()));
  running->requestAbort();
  CHECK(running->finished());
  CHECK(eventually([&] { return thread.running() == 0; }));
  CHECK(!waiting->started && !waiting->wasCancelled);
}

TEST(aborts_the_tasks_of_one_owner_only) {
  RuntimeThread thread({});
  const int mine = 0, theirs = 0;
  auto running = task([](Task& self) { self.spinUntilAborted(); }, &mine);
  auto ours = task([](Task&) {}, &mine);
  auto other = task([](Task&) {}, &theirs);
  thread.submit(running);
  thread.submit(ours);
  thread.submit(other);
  CHECK(eventually([&] { return running->started.load(); }));
  CHECK(thread.abortAll(&mine, 20s));
  CHECK(running->finished() && !running->wasCancelled);
  CHECK(ours->finished() && ours->wasCancelled && !ours->started);
  CHECK(other->finished() && other->started && !other->wasCancelled);
}

TEST(abort_gives_up_waiting_after_its_patience) {
  RuntimeThread thread({});
  std::promise<void> gate;
  auto stubborn = task([&](Task&) { gate.get_future().wait(); });
  thread.submit(stubborn);
  CHECK(eventually([&] { return stubborn->started.load(); }));
  CHECK(!thread.abortAll(nullptr, 10ms));
  CHECK(stubborn->aborted.load());
  gate.set_value();
  CHECK(thread.abortAll(nullptr, 20s));
}

TEST(after_shut_down_tasks_are_cancelled) {
  RuntimeThread thread({});
  auto before = task([](Task& self) { self.spinUntilAborted(); });
  thread.submit(before);
  CHECK(thread.shutDown(20s));
  auto after = task([](Task&) {});
  thread.submit(after);
  CHECK(after->finished() && after->wasCancelled && !after->started);
}

TEST(destruction_waits_for_the_running_task) {
  std::atomic<bool> left{false};
  {
    RuntimeThread thread({});
    auto t = task([&](Task& self) {
      self.spinUntilAborted();
      std::this_thread::sleep_for(20ms);
      left = true;
    });
    thread.submit(t);
    CHECK(eventually([&] { return t->started.load(); }));
  }
  CHECK(left.load());
}

TEST(a_paused_task_lets_others_run_and_comes_back) {
  RuntimeThread thread({});
  std::promise<void> resume;
  std::atomic<bool> holdingTurn{false}, overlapped{false}, parked{false};
  auto paused = task([&](Task& self) {
    thread.yieldTurn(&self);
    parked = true;
    resume.get_future().wait();
    thread.takeTurn(&self);
    holdingTurn = true;
    std::this_thread::sleep_for(30ms);
    holdingTurn = false;
  });
  const auto body = [&](Task&) {
    if (holdingTurn) overlapped = true;
    std::this_thread::sleep_for(1ms);
  };
  thread.submit(paused);
  auto meanwhile = task(body);
  thread.submit(meanwhile);
  CHECK(meanwhile->finished());  // a hang here: the paused task kept the queue to itself
  CHECK(eventually([&] { return parked.load(); }));
  std::vector<std::shared_ptr<Task>> more;
  for (int i = 0; i < 20; ++i) {
    more.push_back(task(body));
    thread.submit(more.back());
    if (i == 3) resume.set_value();
  }
  CHECK(paused->finished());
  for (auto& t : more) CHECK(t->finished());
  CHECK(!overlapped.load());
}

TEST(aborting_while_one_task_is_paused_and_one_runs) {
  RuntimeThread thread({});
  auto paused = task([&](Task& self) {
    thread.yieldTurn(&self);
    self.spinUntilAborted();
    thread.takeTurn(&self);
  });
  auto running = task([](Task& self) { self.spinUntilAborted(); });
  thread.submit(paused);
  thread.submit(running);
  CHECK(eventually([&] { return running->started.load(); }));
  CHECK(thread.running() == 2);
  CHECK(thread.abortAll(nullptr, 20s));
  CHECK(paused->finished() && running->finished());
  CHECK(eventually([&] { return thread.running() == 0; }));
}

TEST(short_tasks_run_in_order_beside_a_long_one) {
  RuntimeThread thread({});
  auto running = longTask([](Task& self) { self.spinUntilAborted(); });
  auto waiting = longTask([](Task&) {});
  thread.submit(running);
  thread.submit(waiting);
  std::vector<int> order;  // one thread writes it, finished() orders the reads after
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(shortTask([&, i](Task&) { order.push_back(i); }));
    thread.submit(tasks.back());
  }
  for (auto& t : tasks) CHECK(t->finished());  // a hang here: they wait for the long one
  for (int i = 0; i < 200; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  CHECK(!waiting->started);  // long tasks keep their order
  running->requestAbort();
  CHECK(waiting->finished());
}

TEST(short_tasks_of_several_owners_run_side_by_side) {
  RuntimeThread thread({}, 3);
  const int owners[3] = {};
  std::atomic<int> together{0};
  std::vector<std::shared_ptr<Task>> tasks;
  for (const int& owner : owners) {
    // Each ends when all three are there: one after the other they would hang.
    tasks.push_back(shortTask(
        [&](Task&) {
          ++together;
          eventually([&] { return together == 3; });
        },
        0, &owner));
    thread.submit(tasks.back());
  }
  for (auto& t : tasks) CHECK(t->finished());
  CHECK(together == 3);
}

TEST(short_tasks_of_one_owner_keep_their_order_and_no_more_run_than_may) {
  RuntimeThread thread({}, 2);
  const int owners[5] = {};
  std::atomic<int> running{0}, most{0};
  std::atomic<bool> orderKept{true};
  std::atomic<int> last[5] = {};
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < 200; ++i) {
    const int who = i % 5;
    tasks.push_back(shortTask(
        [&, i, who](Task&) {
          const int now = ++running;
          for (int seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) continue;
          if (last[who].exchange(i + 1) > i) orderKept = false;
          std::this_thread::sleep_for(200us);
          --running;
        },
        0, &owners[who]));
    thread.submit(tasks.back());
  }
  for (auto& t : tasks) CHECK(t->finished());
  CHECK(orderKept);
  CHECK(most == 2);
}

TEST(short_tasks_of_several_owners_that_conflict_take_turns) {
  RuntimeThread thread({}, 4);
  const int owners[4] = {};
  std::atomic<int> running{0};
  std::atomic<bool> alone{true};
  std::vector<std::shared_ptr<Task>> tasks;
  for (int i = 0; i < 60; ++i) {
    tasks.push_back(shortTask(
        [&](Task&) {
          if (++running > 1) alone = false;
          std::this_thread::sleep_for(100us);
          --running;
        },
        7, &owners[i % 4]));
    thread.submit(tasks.back());
  }
  for (auto& t : tasks) CHECK(t->finished());
  CHECK(alone);
}

TEST(a_short_task_waits_for_a_long_one_it_conflicts_with_and_others_pass_it) {
  RuntimeThread thread({});
  std::atomic<bool> longEnded{false};
  auto running = longTask(
      [&](Task& self) {
        self.spinUntilAborted();
        longEnded = true;
      },
      1);
  thread.submit(running);
  CHECK(eventually([&] { return running->started.load(); }));
  std::vector<int> order;
  bool early = false;
  auto writes = shortTask(
      [&](Task&) {
        early = !longEnded;
        order.push_back(1);
      },
      1);
  auto after = shortTask([&](Task&) { order.push_back(2); }, 1);
  auto other = shortTask([&](Task&) { order.push_back(3); }, 2);
  for (auto& t : {writes, after, other}) thread.submit(t);
  CHECK(other->finished());
  CHECK(!writes->started && !after->started);
  running->requestAbort();
  CHECK(writes->finished() && after->finished());
  CHECK(!early && order == (std::vector<int>{3, 1, 2}));
}

TEST(a_long_task_waits_for_an_earlier_short_one_it_conflicts_with) {
  RuntimeThread thread({});
  auto reads = shortTask([](Task& self) { self.spinUntilAborted(); }, 1);
  auto queued = shortTask([](Task&) {}, 1);
  auto writes = longTask([](Task&) {}, 1);
  for (auto& t : {reads, queued, writes}) thread.submit(t);
  CHECK(eventually([&] { return reads->started.load(); }));
  std::this_thread::sleep_for(20ms);
  CHECK(!writes->started);
  // What stood in its way leaves: one is withdrawn from the queue, one ends.
  CHECK(thread.withdraw(queued.get()));
  CHECK(!writes->started);
  reads->requestAbort();
  CHECK(writes->finished());
}

TEST(a_paused_task_lets_conflicting_ones_run_and_waits_for_them) {
  RuntimeThread thread({});
  std::promise<void> resume;
  std::atomic<bool> guestInside{false}, overlapped{false}, parked{false};
  auto paused = longTask(
      [&](Task& self) {
        thread.yieldTurn(&self);
        parked = true;
        resume.get_future().wait();
        thread.takeTurn(&self);
        overlapped = guestInside.load();
      },
      1);
  thread.submit(paused);
  CHECK(eventually([&] { return parked.load(); }));
  auto guest = shortTask(
      [&](Task& self) {
        guestInside = true;
        self.spinUntilAborted();
        guestInside = false;
      },
      1);
  thread.submit(guest);
  CHECK(eventually([&] { return guestInside.load(); }));
  resume.set_value();
  std::this_thread::sleep_for(20ms);
  guest->requestAbort();
  CHECK(paused->finished() && guest->finished());
  CHECK(!overlapped.load());
}

TEST(devices_have_threads_of_their_own) {
  using namespace langevin::binding;
  RuntimeThread& a = runtimeThreadOf("test:0", {});
  RuntimeThread& b = runtimeThreadOf("test:1", {});
  CHECK(&a != &b);
  CHECK(&a == &runtimeThreadOf("test:0", {}));
  auto blocking = task([](Task& self) { self.spinUntilAborted(); });
  auto quick = task([](Task&) {});
  a.submit(blocking);
  b.submit(quick);
  CHECK(quick->finished());
  CHECK(eventually([] { return runningTasks() >= 1; }));  // the other thread may not have begun
  CHECK(abortTasksOf(nullptr, 20s));
  CHECK(blocking->finished());
}

}  // namespace langevin::runtime_thread_test
