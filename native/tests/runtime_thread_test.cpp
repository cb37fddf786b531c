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
#include "runtime_task.hpp"
// Compiled in here: the test executable links the core, and the runtime thread belongs to the binding.
#include "native/binding/runtime_thread.cpp"

namespace langevin::runtime_thread_test {

using namespace test;
using namespace std::chrono_literals;

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
