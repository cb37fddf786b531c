// Short tasks beside long ones and beside one another. runtime_thread_test.cpp compiles the queue itself.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "check.hpp"
#include "runtime_task.hpp"

namespace langevin::runtime_lanes_test {

using namespace test;
using namespace std::chrono_literals;

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

}  // namespace langevin::runtime_lanes_test
