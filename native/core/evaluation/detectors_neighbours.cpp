// Detectors of nearest training rows.
//   knn            Euclidean distance to the k-th nearest one, or the mean over the k nearest.
//   diffusionTime  DTE-NP (Livernoche et al. 2024): the step t of a diffusion whose variance v_t explains the mean square
//                  m of the k nearest distances best, argmax_t -d/2 log v_t - m / (2 v_t).
//   lof            local outlier factor (Breunig et al. 2000) of a row that is none of the training rows.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "evaluation/detectors.hpp"
#include "evaluation/neighbours.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

Map fitNeighbours(const Spec& detector, int, Job&) { return NeighbourIndex(trainingRows(detector)).state(); }

class NeighbourDistance : public Detector {
 public:
  NeighbourDistance(NeighbourIndex index, std::int64_t k, bool mean) : index_(std::move(index)), k_(k), mean_(mean) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor nearest = index_.nearest(rowsToScore(x, index_.width()), k_, threads, job).distances;
    return mean_ ? nearest.mean(1) : nearest.select(1, k_ - 1).contiguous();
  }

 private:
  NeighbourIndex index_;
  std::int64_t k_;
  bool mean_;
};

std::unique_ptr<Detector> makeNeighbours(const Spec& detector, const Spec& state) {
  NeighbourIndex index = NeighbourIndex::read(state);
  const std::int64_t k = neighbourCount(detector, 5, index.size());
  const std::string distance = detector.text("distance", "largest");
  if (distance != "largest" && distance != "mean")
    detector.at("distance").invalid("'" + distance + "'; one of largest, mean");
  return std::make_unique<NeighbourDistance>(std::move(index), k, distance == "mean");
}

// Variances of the noise after each step, beta from 1e-4 to 1e-2 in equal steps.
std::vector<double> diffusionVariances(std::int64_t steps) {
  std::vector<double> variances;
  double kept = 1;
  for (std::int64_t t = 0; t < steps; ++t) {
    kept *=
        1 - (1e-4 + (1e-2 - 1e-4) * static_cast<double>(t) / static_cast<double>(std::max<std::int64_t>(1, steps - 1)));
    variances.push_back(1 - kept);
  }
  return variances;
}

class DiffusionTime : public Detector {
 public:
  DiffusionTime(NeighbourIndex index, std::int64_t k, std::int64_t steps)
      : index_(std::move(index)), k_(k), variances_(diffusionVariances(steps)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const at::Tensor nearest = index_.nearest(rowsToScore(x, index_.width()), k_, threads, job).distances;
    at::Tensor out = nearest.square().mean(1);
    double* values = out.data_ptr<double>();
    for (std::int64_t i = 0; i < out.numel(); ++i) values[i] = step(values[i]);
    return out;
  }

 private:
  double step(double square) const {
    const double half = static_cast<double>(index_.width()) / 2;
    const auto fit = [&](double v) { return -half * std::log(v) - square / (2 * v); };
    // One maximum, at v = square / d: the first step from which the next is no better.
    std::size_t t = 0;
    while (t + 1 < variances_.size() && fit(variances_[t + 1]) > fit(variances_[t])) ++t;
    return static_cast<double>(t);
  }

  NeighbourIndex index_;
  std::int64_t k_;
  std::vector<double> variances_;
};

std::unique_ptr<Detector> makeDiffusionTime(const Spec& detector, const Spec& state) {
  NeighbourIndex index = NeighbourIndex::read(state);
  const std::int64_t k = neighbourCount(detector, 5, index.size());
  return std::make_unique<DiffusionTime>(std::move(index), k, detector.count("steps", 1, 300));
}

// 1 / mean over the k nearest rows o of max(distance to o, distance from o to its own k-th neighbour).
at::Tensor reachDensity(const NearestRows& nearest, const at::Tensor& reach) {
  // The small number is scikit-learn's: duplicates have a finite density.
  return at::maximum(nearest.distances, reach.index_select(0, nearest.rows.flatten()).view_as(nearest.distances))
      .mean(1)
      .add(1e-10)
      .reciprocal();
}

class LocalOutlierFactor : public Detector {
 public:
  LocalOutlierFactor(NeighbourIndex index, at::Tensor reach, at::Tensor density, std::int64_t k)
      : index_(std::move(index)), reach_(std::move(reach)), density_(std::move(density)), k_(k) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    const NearestRows nearest = index_.nearest(rowsToScore(x, index_.width()), k_, threads, job);
    const at::Tensor theirs = density_.index_select(0, nearest.rows.flatten()).view_as(nearest.distances).mean(1);
    return theirs.div(reachDensity(nearest, reach_));
  }

 private:
  NeighbourIndex index_;
  at::Tensor reach_, density_;
  std::int64_t k_;
};

Map fitLocalOutlierFactor(const Spec& detector, int threads, Job& job) {
  const NeighbourIndex index(trainingRows(detector));
  const std::int64_t k = neighbourCount(detector, 20, index.size() - 1);
  const NearestRows others = index.nearestOthers(k, threads, job);
  const at::Tensor reach = others.distances.select(1, k - 1).contiguous();
  Map state = index.state();
  state["reach"] = box(reach);
  state["density"] = box(reachDensity(others, reach));
  return state;
}

std::unique_ptr<Detector> makeLocalOutlierFactor(const Spec& detector, const Spec& state) {
  NeighbourIndex index = NeighbourIndex::read(state);
  const std::int64_t k = neighbourCount(detector, 20, index.size() - 1);
  at::Tensor reach = stateTensor(state, "reach", 1), density = stateTensor(state, "density", 1);
  if (reach.size(0) != index.size() || density.size(0) != index.size())
    state.at("density").invalid("must have a number for each training row, as reach must");
  return std::make_unique<LocalOutlierFactor>(std::move(index), std::move(reach), std::move(density), k);
}

}  // namespace

const DetectorKind& nearestNeighbours() {
  static const DetectorKind kind = {fitNeighbours, makeNeighbours};
  return kind;
}

const DetectorKind& diffusionTime() {
  static const DetectorKind kind = {fitNeighbours, makeDiffusionTime};
  return kind;
}

const DetectorKind& localOutlierFactor() {
  static const DetectorKind kind = {fitLocalOutlierFactor, makeLocalOutlierFactor};
  return kind;
}

}  // namespace langevin
