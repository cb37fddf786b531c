// The replay buffer of persistent chains (Tieleman 2008; with restarts, Du and Mordatch 2019). Chains are drawn without
// replacement, restarted with a probability, advanced by the objective's sampler and stored back.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "program/program.hpp"
#include "replay/replay_strategy.hpp"
#include "rows/row_source.hpp"
#include "tensors/random.hpp"

namespace langevin {

class ReplayBuffer {
 public:
  struct Options {
    std::int64_t size = 10000;
    double reinit = 0.05;
    // Where chains start and restart: shares of the three laws, and what the laws need.
    double uniform = 1, normal = 0, data = 0;
    double blur = 0;                // sd of Gaussian noise added to a data row
    std::vector<double> low, high;  // of the uniform law; one number stands for every column; empty: from the data
    // Restarts are proposals a Metropolis test accepts or refuses: they leave the model's law as it is.
    bool metropolis = false;
    std::string strategy = "chains";  // replay_strategy.hpp
    // Falling temperatures a restarted chain runs through before it joins; empty: it joins at once.
    std::vector<double> temper;
    static Options read(const Spec& spec);
  };

  explicit ReplayBuffer(Options options) : options_(std::move(options)) {}
  const Options& options() const { return options_; }

  /// Starts every chain. `data` is kept: restarts take rows (and conditions) from it. Chains with discrete columns (of
  /// `domain`; without one all are real) start at uniform states or data rows.
  void fill(const RowSource& data, const Random& random, const Domain& domain = {});

  /// `count` rows where chains start and restart; numbers keyed by (random, step).
  Batch fresh(std::int64_t count, std::uint64_t step, const Random& random) const {
    return fresh(at::arange(count, at::kLong), step, random);
  }

  struct Draw {
    std::uint64_t step = 0;
    at::Tensor slots;      // int64 [n], distinct: where the chains come from
    Batch rows;            // where the chains stand (restarts done)
    at::Tensor restarted;  // bool [n]
  };
  /// The energy of rows [n], divided by the temperature of the chains' law.
  using EnergyOf = std::function<at::Tensor(const Batch&)>;
  /// `count` chains for step `step`; changes nothing, so that an aborted step leaves the buffer as it was. `energy` is
  /// asked only where restarts are tested.
  Draw draw(std::int64_t count, std::uint64_t step, const EnergyOf& energy = {}) const;
  /// What `rows` become at a temperature; `level` counts the levels of Options::temper.
  using RunAtTemperature = std::function<at::Tensor(const Batch& rows, double temperature, std::uint64_t level)>;
  /// Tempered restarts: runs the chains that just restarted down the ladder of temperatures (simulated annealing,
  /// Kirkpatrick et al. 1983), so that they join near the model's modes instead of wherever they started.
  void annealRestarts(Draw& draw, const RunAtTemperature& run) const;
  /// Writes the chains back after `steps` sampler steps.
  void store(const Draw& draw, const at::Tensor& x, std::int64_t steps);

  /// Mean number of sampler steps since a chain's start.
  double meanAge() const;
  /// Share of chains that were advanced at least once since their start.
  double saturation() const;

  /// x, y, age, uses, counters.
  std::map<std::string, at::Tensor> state() const;
  void setState(const std::map<std::string, at::Tensor>& state);
  /// size, strategy, draws, restarts, restartShare, age: { mean, median, largest } in sampler steps, ageHistogram: {
  /// edges, counts }, uses: { mean, largest }, saturation.
  Map statistics() const;

 private:
  Map ageHistogram() const;
  Batch fresh(const at::Tensor& slots, std::uint64_t step, const Random& random) const;
  at::Tensor accepted(const Batch& from, const Batch& to, std::uint64_t step, const EnergyOf& energy) const;
  void count(const at::Tensor& from, const at::Tensor& to, const at::Tensor& restarted, std::int64_t steps);
  at::Tensor uniformRows(std::int64_t count, std::uint64_t step, const Random& random) const;

  Options options_;
  std::shared_ptr<ReplayStrategy> strategy_;
  Domain domain_;
  Random random_{0};
  RowSource data_;
  at::Tensor low_, width_, mean_, deviation_;  // [1, d]
  at::Tensor x_, y_;
  at::Tensor age_, uses_;  // int64 [size]: sampler steps and draws since the chain's start
  std::int64_t draws_ = 0, restarts_ = 0;
  std::int64_t ageSum_ = 0, advanced_ = 0;  // sum of age_, how many of uses_ are above 0
};

}  // namespace langevin
