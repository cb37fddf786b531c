// Moves between the two levels of sites on a block: discreteLangevin and gibbsWithGradients, whose files have the
// formulas. Probabilities are float64 for energies of either precision, as in their twins.
#include <algorithm>
#include <cmath>
#include <vector>

#include "samplers/discrete.hpp"
#include "samplers/fused_discrete.hpp"

namespace langevin {
namespace {

// What sites of two values share.
class TwoLevels {
 public:
  explicit TwoLevels(const std::vector<double>& values) : low_(values[0]), sum_(values[0] + values[1]) {
    const double apart = values[1] - values[0];
    square_ = apart * apart;
  }

  bool isLow(double x) const { return x == low_; }
  double squaredDistance() const { return square_; }
  template <class T>
  T other(T x) const {
    return static_cast<T>(sum_) - x;
  }
  /// out = factor dE/dx . (x' - x) + shift, x' with the other level at the site.
  template <class T>
  void logits(const T* x, const T* gradient, double factor, double shift, double* out, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i)
      out[i] = (sum_ - 2 * static_cast<double>(x[i])) * static_cast<double>(gradient[i]) * factor + shift;
  }

 private:
  double low_, sum_, square_;
};

// sum_i log(1 + e_i) for e in [0, 1], n of them: logarithms of products, which stay below 2^256.
double logOfProducts(const double* e, std::int64_t n) {
  constexpr std::int64_t kFactors = 1024;
  double sum = 0;
  for (std::int64_t first = 0; first < n; first += kFactors) {
    const std::int64_t end = std::min(n, first + kFactors);
    double part[4] = {1, 1, 1, 1};
    std::int64_t i = first;
    for (; i + 4 <= end; i += 4)
      for (int k = 0; k < 4; ++k) part[k] *= 1 + e[i + k];
    for (; i < end; ++i) part[0] *= 1 + e[i];
    for (const double p : part) sum += std::log(p);
  }
  return sum;
}

// A site moves with the probability sigmoid(l). With e = exp(-|l|) that is 1 / (1 + e) or e / (1 + e), and its logarithm
// min(l, 0) - log(1 + e): one exponential for both.
template <class T>
class FusedDiscreteLangevin final : public FusedKernelOf<T> {
 public:
  FusedDiscreteLangevin(const CommonOptions& common, bool adjusted, const std::vector<double>& values)
      : common_(common), adjusted_(adjusted), levels_(values) {}
  FusedScratch scratch() const override { return {2, 2, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const double factor = -0.5 / temperature;
    const double shift = -levels_.squaredDistance() * 0.5 / common_.stepSize.at(clock.t, clock.total);
    const bool tested = adjusted_ || clock.monitored();
    T *x = b.matrix(0), *gradient = b.matrix(1), *energy = b.column(0);
    double *logit = stateTables().numbers(0, b.size()), *e = stateTables().numbers(1, b.size()), *ratio = b.sums(0);
    levels_.logits(b.x, b.gradient, factor, shift, logit, b.size());
    exponentials(logit, e, b.size());
    propose(b, clock, random, logit, e, x);
    for (std::int64_t r = 0; tested && r < b.rows; ++r) ratio[r] = -logProbability(b, r, logit, e, x);
    b.evaluate(x, energy, gradient);
    if (!adjusted_) b.requireFinite(gradient, b.cols, "the gradient of its energy", clock.counter);
    if (tested) {
      levels_.logits(x, gradient, factor, shift, logit, b.size());
      exponentials(logit, e, b.size());
      for (std::int64_t r = 0; r < b.rows; ++r)
        ratio[r] += logProbability(b, r, logit, e, x) + (static_cast<double>(b.energy[r]) - energy[r]) / temperature;
    }
    if (adjusted_) return b.acceptMoves({x, energy, gradient}, ratio, b.column(1), clock, random, tally);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      if (tested) tallyAcceptance(ratio[r], tally);
      b.take({x, energy, gradient}, r);
    }
  }

 private:
  static void exponentials(const double* logit, double* e, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) e[i] = -std::abs(logit[i]);
    tileKernelsOf<double>().unary({Unary::Exp, 0}, e, e, nullptr, n);
  }

  // The site goes to the higher level where u is above the probability of the lower one.
  void propose(const BlockOf<T>& b, const StepClock& clock, const Random& random, const double* logit, const double* e,
               T* x) const {
    double* u = stateTables().numbers(2, b.size());
    fillFineUniform(u, b.rows, b.cols, random.seed(), b.firstChain(), clock.counter, Stream::Noise);
    for (std::int64_t i = 0; i < b.size(); ++i) {
      const bool low = levels_.isLow(b.x[i]), likely = logit[i] > 0;
      // The probability of the lower level, times 1 + e.
      const double lower = low == likely ? e[i] : 1.0;
      const bool high = lower <= u[i] * (1 + e[i]);
      x[i] = high == low ? levels_.other(b.x[i]) : b.x[i];
    }
  }

  // log of the probability that the sites of a row which differ in b.x and x move and the others stay.
  static double logProbability(const BlockOf<T>& b, std::int64_t row, const double* logit, const double* e,
                               const T* x) {
    double sum = 0;
    for (std::int64_t i = row * b.cols; i < (row + 1) * b.cols; ++i) {
      const double l = x[i] == b.x[i] ? -logit[i] : logit[i];
      sum += std::min(l, 0.0);
    }
    return sum - logOfProducts(e + row * b.cols, b.cols);
  }

  const CommonOptions& common_;
  bool adjusted_;
  TwoLevels levels_;
};

template <class T>
class FusedGibbsWithGradients final : public FusedKernelOf<T> {
 public:
  FusedGibbsWithGradients(const CommonOptions& common, const std::vector<double>& values)
      : common_(common), levels_(values) {}
  FusedScratch scratch() const override { return {2, 2, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    T *x = b.matrix(0), *gradient = b.matrix(1), *energy = b.column(0);
    double *logit = stateTables().numbers(0, b.size()), *ratio = b.sums(0);
    double *u = stateTables().numbers(2, b.rows), *sums = stateTables().numbers(3, 2 * b.rows), *totals = sums + b.rows;
    fillFineUniform(u, b.rows, 1, random.seed(), b.firstChain(), clock.counter, Stream::Noise);
    levels_.logits(b.x, b.gradient, -0.5 / temperature, 0, logit, b.size());
    logSums(b, logit, sums);
    thread_local std::vector<std::int64_t> sites;
    sites.resize(static_cast<std::size_t>(b.rows));
    std::copy_n(b.x, b.size(), x);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const std::int64_t site = r * b.cols + choose(b, r, u[r] * totals[r]);
      sites[static_cast<std::size_t>(r)] = site;
      x[site] = levels_.other(x[site]);
      ratio[r] = sums[r] - logit[site];
    }
    b.evaluate(x, energy, gradient);
    levels_.logits(x, gradient, -0.5 / temperature, 0, logit, b.size());
    logSums(b, logit, sums);
    for (std::int64_t r = 0; r < b.rows; ++r)
      ratio[r] += logit[sites[static_cast<std::size_t>(r)]] - sums[r] +
                  (static_cast<double>(b.energy[r]) - energy[r]) / temperature;
    b.acceptMoves({x, energy, gradient}, ratio, b.column(1), clock, random, tally);
  }

 private:
  // log sum exp of every row; in table 1 its weights exp(logit - the largest), and behind `sums` what they add up to.
  static void logSums(const BlockOf<T>& b, const double* logit, double* sums) {
    const TileKernelsOf<double>& k = tileKernelsOf<double>();
    double* weights = stateTables().numbers(1, b.size());
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const double* row = logit + r * b.cols;
      sums[r] = *std::max_element(row, row + b.cols);
      k.scale(1, -sums[r], row, weights + r * b.cols, b.cols);
    }
    k.unary({Unary::Exp, 0}, weights, weights, nullptr, b.size());
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double total = 0;
      for (std::int64_t i = r * b.cols; i < (r + 1) * b.cols; ++i) total += weights[i];
      sums[b.rows + r] = total;
      sums[r] += std::log(total);
    }
  }

  // The first site with whose weight the sum is above `limit`; as choose() of discrete.hpp.
  static std::int64_t choose(const BlockOf<T>& b, std::int64_t row, double limit) {
    const double* weights = stateTables().numbers(1, b.size()) + row * b.cols;
    double cumulative = 0;
    for (std::int64_t i = 0; i < b.cols; ++i)
      if ((cumulative += weights[i]) > limit) return i;
    return b.cols - 1;
  }

  const CommonOptions& common_;
  TwoLevels levels_;
};

}  // namespace

std::unique_ptr<TileExecutor> fuseDiscreteLangevin(const Sampler& sampler, const FuseTarget& target, bool adjusted) {
  if (!target.domain().flips()) return fuseCategoricalLangevin(sampler, target, adjusted);
  const std::vector<double> values = target.domain().runs()[0].values();
  return fuse(sampler, target, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<FusedDiscreteLangevin<T>>(sampler.common(), adjusted, values);
  });
}

std::unique_ptr<TileExecutor> fuseGibbsWithGradients(const Sampler& sampler, const FuseTarget& target) {
  if (!target.domain().flips()) return fuseCategoricalGibbsWithGradients(sampler, target);
  const std::vector<double> values = target.domain().runs()[0].values();
  return fuse(sampler, target, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<FusedGibbsWithGradients<T>>(sampler.common(), values);
  });
}

}  // namespace langevin
