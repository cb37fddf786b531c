// oneClassSvm (Schoelkopf et al. 2001): rho - sum_i a_i k(x_i, x) with k(x, y) = exp(-gamma |x - y|^2), where a solves
//   minimise a' K a / 2   with   0 <= a_i <= 1 / (nu n),   sum a_i = 1,
// by sequential minimal optimisation: the pair that violates its conditions most is moved to its minimum, until no pair
// violates them by more than `tolerance`. scikit-learn's OneClassSVM gives the same numbers times nu n, with the other sign.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// exp(-gamma |a - b|^2), [n, m]
at::Tensor kernelOf(const at::Tensor& a, const at::Tensor& b, double gamma) {
  const at::Tensor square =
      a.square().sum(1, true).add(b.square().sum(1).unsqueeze(0)).sub(a.matmul(b.t()).mul(2)).clamp_min(0);
  return square.mul(-gamma).exp();
}

// The multipliers a, rho: a' K e_i at the rows whose a_i is free, and by how much the conditions are still violated.
struct SvmSolution {
  std::vector<double> multipliers;
  double rho, violation;
};

class MinimalOptimisation {
 public:
  MinimalOptimisation(const double* kernel, std::int64_t n, double nu)
      : kernel_(kernel), n_(n), most_(1 / (nu * static_cast<double>(n))), a_(static_cast<std::size_t>(n), 0.0) {
    // A feasible start: the first rows at their limit.
    double left = 1;
    for (double& each : a_) {
      each = std::min(left, most_);
      left -= each;
    }
    slope_.assign(a_.size(), 0);
    for (std::int64_t i = 0; i < n_; ++i)
      for (std::int64_t j = 0; j < n_ && a_[at(j)] > 0; ++j) slope_[at(i)] += kernel_[i * n_ + j] * a_[at(j)];
  }

  SvmSolution solve(double tolerance, std::int64_t limit, Job& job) {
    double violation = 0;
    for (std::int64_t step = 0; step < limit; ++step) {
      if (step % 256 == 0) job.check();
      std::int64_t up = -1, down = -1;  // may grow at the least slope, may shrink at the largest
      for (std::int64_t i = 0; i < n_; ++i) {
        if (a_[at(i)] < most_ && (up < 0 || slope_[at(i)] < slope_[at(up)])) up = i;
        if (a_[at(i)] > 0 && (down < 0 || slope_[at(i)] > slope_[at(down)])) down = i;
      }
      violation = up < 0 || down < 0 ? 0 : slope_[at(down)] - slope_[at(up)];
      if (violation <= tolerance) break;
      move(up, down);
    }
    return {a_, level(), violation};
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  void move(std::int64_t up, std::int64_t down) {
    const double *first = kernel_ + up * n_, *second = kernel_ + down * n_;
    const double curvature = std::max(first[up] + second[down] - 2 * first[down], 1e-12);
    const double wanted = (slope_[at(down)] - slope_[at(up)]) / curvature;
    const double room = std::min(most_ - a_[at(up)], a_[at(down)]), step = std::min(wanted, room);
    // At a limit exactly, so that it is seen as one.
    a_[at(up)] = step == most_ - a_[at(up)] ? most_ : a_[at(up)] + step;
    a_[at(down)] = step == a_[at(down)] ? 0 : a_[at(down)] - step;
    for (std::int64_t i = 0; i < n_; ++i) slope_[at(i)] += step * (first[i] - second[i]);
  }

  // The mean slope of the free rows; without one, the middle of what the others allow.
  double level() const {
    double sum = 0, low = -std::numeric_limits<double>::infinity(), high = -low;
    std::int64_t free = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      if (a_[at(i)] >= most_)
        low = std::max(low, slope_[at(i)]);
      else if (a_[at(i)] <= 0)
        high = std::min(high, slope_[at(i)]);
      else {
        sum += slope_[at(i)];
        ++free;
      }
    }
    if (free > 0) return sum / static_cast<double>(free);
    if (std::isinf(low)) return high;
    return std::isinf(high) ? low : (low + high) / 2;
  }

  const double* kernel_;
  std::int64_t n_;
  double most_;
  std::vector<double> a_, slope_;
};

Map fitSvm(const Spec& detector, int, Job& job) {
  at::Tensor rows = trainingRows(detector).contiguous();
  const double nu = detector.probability("nu", 0.5), tolerance = detector.positive("tolerance", 1e-6);
  if (!(nu > 0)) detector.at("nu").invalid("must be above 0");
  const double gamma = detector.positive("gamma", 1 / static_cast<double>(rows.size(1)));
  const std::int64_t limit = detector.count("limit", 2, 2000);
  if (rows.size(0) > limit) {
    const Random random(detector.has("seed") ? detector.at("seed").seed() : 0);
    rows = rows.index_select(0, random.permutation(rows.size(0), 0, Stream::Data).slice(0, 0, limit));
  }
  const std::int64_t n = rows.size(0);
  const at::Tensor kernel = kernelOf(rows, rows, gamma).contiguous();
  MinimalOptimisation solver(kernel.const_data_ptr<double>(), n, nu);
  const std::int64_t steps = 1000 * n;
  const double least = tolerance / static_cast<double>(n);
  const SvmSolution found = solver.solve(least, steps, job);
  if (!(found.violation <= least))
    detector.at("tolerance")
        .invalid("was not reached in " + std::to_string(steps) + " steps (" +
                 std::to_string(found.violation * static_cast<double>(n)) +
                 " is left); give a larger one, or a smaller gamma");
  std::vector<std::int64_t> kept;
  std::vector<double> multipliers;
  for (std::int64_t i = 0; i < n; ++i) {
    const double a = found.multipliers[static_cast<std::size_t>(i)];
    if (a <= 0) continue;
    kept.push_back(i);
    multipliers.push_back(a);
  }
  return {{"vectors", box(rows.index_select(0, at::tensor(kept, at::kLong)).contiguous())},
          {"multipliers", box(at::tensor(multipliers, at::kDouble))},
          {"level", box(at::tensor({found.rho, gamma}, at::kDouble))}};
}

class OneClassSvm : public Detector {
 public:
  OneClassSvm(at::Tensor vectors, at::Tensor multipliers, double rho, double gamma)
      : vectors_(std::move(vectors)), multipliers_(std::move(multipliers)), rho_(rho), gamma_(gamma) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    return scoresOfTiles(rowsToScore(x, vectors_.size(1)), threads, job, [this](const at::Tensor& tile) {
      return kernelOf(tile, vectors_, gamma_).mv(multipliers_).neg().add(rho_);
    });
  }

 private:
  at::Tensor vectors_, multipliers_;
  double rho_, gamma_;
};

std::unique_ptr<Detector> makeSvm(const Spec&, const Spec& state) {
  const at::Tensor vectors = stateTensor(state, "vectors", 2), multipliers = stateTensor(state, "multipliers", 1);
  const std::vector<double> level = numbersOf(readVector(state.at("level")));
  if (multipliers.size(0) != vectors.size(0) || level.size() != 2)
    state.at("multipliers").invalid("must have a number for each vector");
  return std::make_unique<OneClassSvm>(vectors, multipliers, level[0], level[1]);
}

}  // namespace

const DetectorKind& oneClassSvm() {
  static const DetectorKind kind = {fitSvm, makeSvm};
  return kind;
}

}  // namespace langevin
