// The CUDA kernel's source on the CPU: a block's lanes are threads, its barriers are barriers. Slow, but it is the same
// source, and a missing barrier is a data race that ThreadSanitizer sees. What it cannot show: nvcc's code, the memory
// system of a device, the launch.
#pragma once

#include <atomic>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

#include "executors/cuda/langevin.hpp"

namespace langevin::test {

struct HostBlock {
  explicit HostBlock(const cuda::Launch& l) : perRow(l.lanes), all(l.threads), numbers(l.threads), flags(l.threads) {
    for (int i = 0; i < l.threads / l.lanes; ++i) rows.push_back(std::make_unique<std::barrier<>>(l.lanes));
  }
  int perRow;
  std::barrier<> all;
  std::vector<std::unique_ptr<std::barrier<>>> rows;
  std::vector<double> numbers;
  std::vector<int> flags;
};

struct HostLanes {
  HostBlock& block;
  int me;

  int thread() const { return me; }
  void sync() const { block.all.arrive_and_wait(); }
  void syncRow() const { block.rows[static_cast<std::size_t>(me / block.perRow)]->arrive_and_wait(); }

  // The device's butterfly: all lanes get the same bits.
  template <class T, class Join>
  T across(T value, Join join) const {
    block.numbers[static_cast<std::size_t>(me)] = static_cast<double>(value);
    syncRow();
    std::vector<T> v;
    for (int i = 0; i < block.perRow; ++i)
      v.push_back(static_cast<T>(block.numbers[static_cast<std::size_t>(me / block.perRow * block.perRow + i)]));
    syncRow();
    for (int distance = block.perRow / 2; distance > 0; distance /= 2)
      for (int i = 0; i < distance; ++i)
        v[static_cast<std::size_t>(i)] =
            join(v[static_cast<std::size_t>(i)], v[static_cast<std::size_t>(i + distance)]);
    return v[0];
  }
  template <class T>
  T sumRow(T value) const {
    return across(value, [](T a, T b) { return a + b; });
  }
  float worstRow(float value) const {
    return across(value, [](float a, float b) { return b > a || b != b ? b : a; });
  }
  bool any(bool value) const {
    block.flags[static_cast<std::size_t>(me)] = value;
    sync();
    bool found = false;
    for (int f : block.flags) found |= f != 0;
    sync();
    return found;
  }
  void smallest(unsigned long long* where, unsigned long long key) const {
    std::atomic_ref<unsigned long long> target(*where);
    unsigned long long seen = target.load();
    while (key < seen && !target.compare_exchange_weak(seen, key)) {
    }
  }
  void copy16(float* to, const float* from) const { std::memcpy(to, from, 16); }
  void commit() const {}
  void waitFor(int) const {}
};

/// Runs every block of the launch, one after the other.
inline void runOnHost(const cuda::Launch& launch) {
  const std::int64_t blocks = (launch.rows + launch.tileRows - 1) / launch.tileRows;
  std::vector<cuda::Quad> shared(static_cast<std::size_t>(launch.sharedFloats + 3) / 4);
  for (std::int64_t b = 0; b < blocks; ++b) {
    // Nothing may be read before it was written: a new block finds NaN everywhere.
    for (cuda::Quad& q : shared) q = {{NAN, NAN, NAN, NAN}};
    HostBlock block(launch);
    std::vector<std::jthread> threads;
    for (int i = 0; i < launch.threads; ++i)
      threads.emplace_back([&, i] {
        HostLanes lanes{block, i};
        cuda::runTile(launch, lanes, shared[0].v, static_cast<int>(b));
      });
  }
}

}  // namespace langevin::test
