// Moves between the levels of one-hot sites on a block: discreteLangevin and gibbsWithGradients, whose files have the
// formulas. Probabilities are float64 for energies of either precision, as in their twins.
#include <algorithm>
#include <cmath>
#include <vector>

#include "samplers/discrete.hpp"
#include "samplers/fused_discrete.hpp"

namespace langevin {
namespace {

/// The one-hot sites of a block: K columns each.
template <class T>
struct OneHot {
  std::int64_t levels, sites;

  /// The level of each of n sites.
  void read(const T* x, int* level, std::int64_t n) const {
    for (std::int64_t s = 0; s < n; ++s, x += levels) {
      int at = 0;
      while (at + 1 < levels && x[at] == T(0)) ++at;
      level[s] = at;
    }
  }
  void write(T* x, const int* level, std::int64_t n) const {
    std::fill_n(x, n * levels, T(0));
    for (std::int64_t s = 0; s < n; ++s) x[s * levels + level[s]] = T(1);
  }
  /// factor dE/dx . (x' - x) of every level, and `shift` where that is another one.
  void logits(const T* gradient, const int* level, double factor, double shift, double* out, std::int64_t n) const {
    for (std::int64_t s = 0; s < n; ++s, gradient += levels, out += levels) {
      const double now = gradient[level[s]];
      for (std::int64_t k = 0; k < levels; ++k) out[k] = (static_cast<double>(gradient[k]) - now) * factor + shift;
      out[level[s]] = 0;
    }
  }
};

void exponentials(double* x, std::int64_t n) { tileKernelsOf<double>().unary({Unary::Exp, 0}, x, x, nullptr, n); }

template <class T>
class CategoricalLangevin final : public FusedKernelOf<T> {
 public:
  CategoricalLangevin(const CommonOptions& common, bool adjusted, const OneHot<T>& sites)
      : common_(common), adjusted_(adjusted), sites_(sites) {}
  FusedScratch scratch() const override { return {2, 2, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const double shift = -1 / common_.stepSize.at(clock.t, clock.total), factor = -0.5 / temperature;
    const bool tested = adjusted_ || clock.monitored();
    const std::int64_t n = b.rows * sites_.sites;
    T *x = b.matrix(0), *gradient = b.matrix(1), *energy = b.column(0);
    double* ratio = b.sums(0);
    int *now = stateTables().levels(0, n), *next = stateTables().levels(1, n);
    sites_.read(b.x, now, n);
    sites_.logits(b.gradient, now, factor, shift, stateTables().numbers(0, b.size()), n);
    weigh(n);
    draw(b, clock, random, next);
    for (std::int64_t r = 0; tested && r < b.rows; ++r) ratio[r] = 0;
    if (tested) addProbabilities(b, next, -1, ratio);
    sites_.write(x, next, n);
    b.evaluate(x, energy, gradient);
    if (!adjusted_) b.requireFinite(gradient, b.cols, "the gradient of its energy", clock.counter);
    if (tested) {
      sites_.logits(gradient, next, factor, shift, stateTables().numbers(0, b.size()), n);
      weigh(n);
      addProbabilities(b, now, 1, ratio);
      for (std::int64_t r = 0; r < b.rows; ++r)
        ratio[r] += (static_cast<double>(b.energy[r]) - energy[r]) / temperature;
    }
    if (adjusted_) return b.acceptMoves({x, energy, gradient}, ratio, b.column(1), clock, random, tally);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      if (tested) tallyAcceptance(ratio[r], tally);
      b.take({x, energy, gradient}, r);
    }
  }

 private:
  // Table 0 holds logits, less the largest of their site; table 1 their exponentials, table 2 the sums of those.
  void weigh(std::int64_t n) const {
    const std::int64_t k = sites_.levels;
    double *logit = stateTables().numbers(0, n * k), *weight = stateTables().numbers(1, n * k),
           *total = stateTables().numbers(2, n);
    for (std::int64_t s = 0; s < n; ++s) {
      double* of = logit + s * k;
      const double most = *std::max_element(of, of + k);
      for (std::int64_t i = 0; i < k; ++i) weight[s * k + i] = of[i] -= most;
    }
    exponentials(weight, n * k);
    for (std::int64_t s = 0; s < n; ++s) {
      double sum = 0;
      for (std::int64_t i = 0; i < k; ++i) sum += weight[s * k + i];
      total[s] = sum;
    }
  }

  // By inversion, the levels in their order.
  void draw(const BlockOf<T>& b, const StepClock& clock, const Random& random, int* level) const {
    const std::int64_t k = sites_.levels, n = b.rows * sites_.sites;
    const double *weight = stateTables().numbers(1, n * k), *total = stateTables().numbers(2, n);
    double* u = stateTables().numbers(3, n);
    fillFineUniform(u, b.rows, sites_.sites, random.seed(), b.firstChain(), clock.counter, Stream::Noise);
    for (std::int64_t s = 0; s < n; ++s) {
      const double limit = u[s] * total[s];
      double cumulative = weight[s * k];
      int at = 0;
      while (at + 1 < k && cumulative <= limit) cumulative += weight[s * k + ++at];
      level[s] = at;
    }
  }

  // Adds sign times the log of the probability that every site goes to its level.
  void addProbabilities(const BlockOf<T>& b, const int* level, double sign, double* sums) const {
    const std::int64_t k = sites_.levels, n = b.rows * sites_.sites;
    const double* logit = stateTables().numbers(0, n * k);
    double* total = stateTables().numbers(2, n);
    tileKernelsOf<double>().unary({Unary::Log, 0}, total, total, nullptr, n);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double sum = 0;
      for (std::int64_t s = r * sites_.sites; s < (r + 1) * sites_.sites; ++s)
        sum += logit[s * k + level[s]] - total[s];
      sums[r] += sign * sum;
    }
  }

  const CommonOptions& common_;
  bool adjusted_;
  OneHot<T> sites_;
};

template <class T>
class CategoricalGibbsWithGradients final : public FusedKernelOf<T> {
 public:
  CategoricalGibbsWithGradients(const CommonOptions& common, const OneHot<T>& sites) : common_(common), sites_(sites) {}
  FusedScratch scratch() const override { return {2, 2, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total), factor = -0.5 / temperature;
    const std::int64_t n = b.rows * sites_.sites, k = sites_.levels;
    T *x = b.matrix(0), *gradient = b.matrix(1), *energy = b.column(0);
    double *ratio = b.sums(0), *logit = stateTables().numbers(0, b.size()), *u = stateTables().numbers(3, b.rows);
    double *sums = stateTables().numbers(4, 2 * b.rows), *totals = sums + b.rows;
    int *level = stateTables().levels(0, n), *back = stateTables().levels(1, b.rows);
    thread_local std::vector<std::int64_t> moves;  // the column of the row that becomes 1
    moves.resize(static_cast<std::size_t>(b.rows));
    fillFineUniform(u, b.rows, 1, random.seed(), b.firstChain(), clock.counter, Stream::Noise);
    sites_.read(b.x, level, n);
    sites_.logits(b.gradient, level, factor, 0, logit, n);
    weigh(b, level, sums, totals);
    std::copy_n(b.x, b.size(), x);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const std::int64_t move = choose(b, r, u[r] * totals[r]), site = move / k;
      int& at = level[r * sites_.sites + site];
      ratio[r] = sums[r] - logit[r * b.cols + move];
      x[r * b.cols + site * k + at] = 0;
      x[r * b.cols + move] = 1;
      moves[static_cast<std::size_t>(r)] = move;
      back[r] = at;
      at = static_cast<int>(move % k);
    }
    b.evaluate(x, energy, gradient);
    sites_.logits(gradient, level, factor, 0, logit, n);
    weigh(b, level, sums, totals);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const std::int64_t column = moves[static_cast<std::size_t>(r)] / k * k + back[r];
      ratio[r] += logit[r * b.cols + column] - sums[r] + (static_cast<double>(b.energy[r]) - energy[r]) / temperature;
    }
    b.acceptMoves({x, energy, gradient}, ratio, b.column(1), clock, random, tally);
  }

 private:
  // log sum exp of the moves of every row; in table 1 their weights exp(logit - the largest), and in `totals` what they add
  // up to. To stay is no move.
  void weigh(const BlockOf<T>& b, const int* level, double* sums, double* totals) const {
    const double* logit = stateTables().numbers(0, b.size());
    double* weight = stateTables().numbers(1, b.size());
    const std::int64_t k = sites_.levels;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const double* of = logit + r * b.cols;
      const int* at = level + r * sites_.sites;
      double most = -HUGE_VAL;
      for (std::int64_t i = 0; i < b.cols; ++i)
        if (i % k != at[i / k]) most = std::max(most, of[i]);
      for (std::int64_t i = 0; i < b.cols; ++i) weight[r * b.cols + i] = of[i] - most;
      sums[r] = most;
    }
    exponentials(weight, b.size());
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double total = 0;
      for (std::int64_t s = 0; s < sites_.sites; ++s) {
        double* of = weight + r * b.cols + s * k;
        of[level[r * sites_.sites + s]] = 0;
        for (std::int64_t i = 0; i < k; ++i) total += of[i];
      }
      totals[r] = total;
      sums[r] += std::log(total);
    }
  }

  // The first move with whose weight the sum is above `limit`; as choose() of discrete.hpp.
  static std::int64_t choose(const BlockOf<T>& b, std::int64_t row, double limit) {
    const double* weight = stateTables().numbers(1, b.size()) + row * b.cols;
    double cumulative = 0;
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < b.cols; ++i) {
      if ((cumulative += weight[i]) > limit) return i;
      if (weight[i] > 0) last = i;
    }
    return last;
  }

  const CommonOptions& common_;
  OneHot<T> sites_;
};

bool oneHot(const Domain& domain) {
  return domain.runs().size() == 1 && domain.runs()[0].kind == Domain::Kind::Categorical;
}

template <class T>
OneHot<T> sitesOf(const Domain& domain) {
  const ColumnBlock& block = domain.runs()[0];
  return {block.levels, block.sites()};
}

}  // namespace

std::unique_ptr<TileExecutor> fuseCategoricalLangevin(const Sampler& sampler, const FuseTarget& target, bool adjusted) {
  if (!oneHot(target.domain())) return nullptr;
  return fuse(sampler, target, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<CategoricalLangevin<T>>(sampler.common(), adjusted, sitesOf<T>(target.domain()));
  });
}

std::unique_ptr<TileExecutor> fuseCategoricalGibbsWithGradients(const Sampler& sampler, const FuseTarget& target) {
  if (!oneHot(target.domain())) return nullptr;
  return fuse(sampler, target, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<CategoricalGibbsWithGradients<T>>(sampler.common(), sitesOf<T>(target.domain()));
  });
}

}  // namespace langevin
