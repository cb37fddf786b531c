// What a chain of hmc and nuts learns during its warm-up: a step size (dual averaging, samplers/dual_averaging.hpp) and
// a metric, the inverse mass matrix M^-1 = L L'. Kernels move in the momentum q = L' p, which is N(0, T) whatever the
// metric is:
//
//   kinetic energy |q|^2 / 2,   x += h L q,   q -= h L' dE/dx
//
// The metric is found in windows that double, those of Stan: a start whose windows are short (5, 10, 20, ... of 75
// steps), slow windows of 25, 50, 100, ..., and an end of 50 steps that adapts nothing but the step size. Where that
// does not fit in, 15 %, 60 % and 25 %; below 20 steps no metric. Every window ends with a search for the step whose
// acceptance is about 0.8 (its momenta: Stream::Auxiliary), and dual averaging starts again from there.
//
// A chain that starts far above its place goes downhill first: a trajectory from an energy of 10^9 would have as much
// kinetic energy a moment later, and be thrown as far to the other side.
//
// Diagonal: L_c^2 = sqrt(var x_c / var g_c), g = dE/dx, the metric that minimises the Fisher divergence (Seyboldt,
// Carlson and Carpenter 2024; nutpie). Of a Gaussian of deviation s it is s^2 from two states on, also while a chain
// has crossed a thousandth of it, and it has no scale of its own. A column without slope takes var x_c / T.
// Dense: the covariance of the window over T, its correlations shrunk towards 0 by the share that Schaefer and Strimmer
// (2005) derive from their sampling error; diagonal while a window has less than two states a column.
#pragma once

#include <algorithm>
#include <functional>

#include "samplers/dual_averaging.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

enum class Metric { Diagonal, Dense };

/// L of one chain, a view of its adaptation.
struct MetricFactor {
  const double* values;  // [d], or [d, d] with rows one after another
  std::int64_t columns;
  Metric metric;
  /// x += h L q.
  void drift(double h, const double* q, double* x) const;
  /// q -= h L' g.
  void kick(double h, const double* gradient, double* q) const;
};

struct WarmupOptions {
  std::int64_t steps = 0;
  double targetAcceptance = 0.8;
  Metric metric = Metric::Diagonal;
  static WarmupOptions read(const Spec& spec, std::int64_t usualSteps);
};

/// What a chain has learnt: a view of its row of Chains::adaptation.
class ChainAdaptation {
 public:
  static std::int64_t columns(std::int64_t d, Metric metric) {
    return kVectors + 4 * d + (metric == Metric::Dense ? 2 * d * d : d);
  }
  ChainAdaptation(double* row, std::int64_t d, Metric metric) : row_(row), d_(d), metric_(metric) {}

  DualAveraging averaging() const { return DualAveraging(row_); }
  double& firstStep() const { return row_[kFirstStep]; }   // where dual averaging started
  bool searching() const { return row_[kSearching] > 0; }  // a first step is still to be found
  void setSearching(bool on) const { row_[kSearching] = on; }
  double& seen() const { return row_[kSeen]; }  // steps of the warm-up so far
  static at::Tensor seen(const at::Tensor& adaptation) { return adaptation.select(1, kSeen); }  // of all chains
  MetricFactor factor() const { return {values(), d_, metric_}; }
  double* values() const { return row_ + kVectors; }  // L, [d] or [d, d]
  std::int64_t size() const { return metric_ == Metric::Dense ? d_ * d_ : d_; }
  // Sums of this window: means, and products of distances from them.
  double* mean() const { return values() + size(); }        // [d]
  double* squares() const { return mean() + d_; }           // [d]
  double* slope() const { return squares() + d_; }          // [d], mean of the gradient
  double* slopeSquares() const { return slope() + d_; }     // [d]
  double* products() const { return slopeSquares() + d_; }  // [d, d], below the diagonal, of a dense metric
  void forget() const { std::fill_n(mean(), 4 * d_ + (metric_ == Metric::Dense ? d_ * d_ : 0), 0.0); }

 private:
  enum Column : std::int64_t { kFirstStep = DualAveraging::kColumns, kSearching, kSeen, kVectors };
  double* row_;
  std::int64_t d_;
  Metric metric_;
};

/// The warm-up of all chains of a sampler.
class Warmup {
 public:
  /// `common` of the sampler: its box bounds the step, its first step size is where the search begins.
  Warmup(const WarmupOptions& options, const CommonOptions& common);

  const WarmupOptions& options() const { return options_; }
  /// Fresh adaptation for chains that have none; Code::Shape where they have that of another sampler.
  void start(Chains& chains) const;
  ChainAdaptation of(double* row, std::int64_t d) const { return {row, d, options_.metric}; }
  /// L of all chains, [n, d] or [n, d, d], of an adaptation matrix.
  at::Tensor factors(const at::Tensor& adaptation, std::int64_t d) const;
  /// The chain `i` of an adaptation matrix.
  ChainAdaptation of(const at::Tensor& adaptation, std::int64_t i, std::int64_t d) const {
    return of(adaptation.data_ptr<double>() + i * adaptation.size(1), d);
  }
  /// What a chain learns from a step of its warm-up that ended at x; nothing after that.
  template <class T>
  void learn(const ChainAdaptation& chain, std::int64_t d, const T* x, const T* gradient, double acceptance,
             double temperature) const;

  /// Chains whose window has just begun, and how to evaluate them: float64 on the host, energy [n], x and gradient
  /// [n, d]; `adaptation` is written. `evaluate` takes the numbers of rows and where they are, [m, d].
  struct Rows {
    at::Tensor x, gradient, energy, adaptation;
    bool moved = false;  // by descend(): the chains are to take over x, gradient and energy
    std::uint64_t firstChain = 0, counter = 0;
    double temperature = 1;
    bool float32 = true;  // positions carry the digits of the chains' dtype
    std::function<EnergyAndGradient(const std::vector<std::int64_t>&, const at::Tensor&)> evaluate;
  };
  bool searching(const double* adaptation, std::int64_t n, std::int64_t d) const;
  /// Some of the chains are still in their warm-up.
  bool learning(const at::Tensor& adaptation) const;
  /// Doubles or halves the step of these chains until the acceptance of one leapfrog step crosses 0.8 (Hoffman and
  /// Gelman 2014, algorithm 4; Stan's threshold). At the very start chains go downhill first.
  void search(Rows& rows, const Random& random) const;

 private:
  struct Window {
    std::int64_t first, last;  // of the steps that it learns from, numbered from 1
  };
  static std::vector<Window> windowsOf(std::int64_t steps);
  const Window* windowOf(std::int64_t seen) const;
  double longest(const ChainAdaptation& chain, std::int64_t d, double temperature) const;
  double pull(std::int64_t seen) const;
  void close(const ChainAdaptation& chain, std::int64_t d, double n, double temperature) const;
  bool closeDense(const ChainAdaptation& chain, std::int64_t d, double n, double temperature) const;
  void descend(Rows& rows, std::vector<std::int64_t> which) const;
  void leap(const Rows& rows, std::int64_t row, double* x, double* q) const;

  WarmupOptions options_;
  std::string kind_;
  double firstStep_, clip_;
  std::optional<Box> box_;
  std::vector<Window> windows_;
};

/// Rows of a tile for Warmup::search; writes into its adaptation.
Warmup::Rows searchedRows(const Chains& chains, const Target& target, std::uint64_t counter, double temperature);

/// The factor that shortens a gradient to the clip, 1 where there is none.
double clipFactor(double clip, const double* gradient, std::int64_t columns);
/// x and q after a bounce off the walls, in the digits of the dtype. True when a wall was touched.
bool bounce(const Box* box, bool float32, double* x, double* q, std::int64_t columns);

}  // namespace langevin
