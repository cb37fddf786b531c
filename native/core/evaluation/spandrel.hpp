// The spandrel study's judge: how much probability, and how much area above the data's own threshold, a log-score puts
// where the true tube has nothing. Everything on one grid over twice the box, in float64, in a fixed order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/job.hpp"
#include "data/spandrel.hpp"
#include "energies/energy.hpp"

namespace langevin {

/// Square cells over [-2b, 2b]^2; the middle half of the rows and columns is the box B = [-b, b]^2. Values on it are
/// [side, side] with y running over rows (row 0 lowest) and x over columns: as a picture, bottom up.
struct SpandrelGrid {
  double b = 2;
  std::int64_t cells = 200;  // along one side of the box

  std::int64_t side() const { return 2 * cells; }
  std::int64_t size() const { return side() * side(); }
  double logCellArea() const;
  /// Centre of row or column i.
  double centre(std::int64_t i) const;
  /// Centres of cells first .. last - 1, float64 [last - first, 2].
  at::Tensor points(std::int64_t first, std::int64_t last) const;
  bool inBox(std::int64_t index) const;
};

/// What is true on the grid: float64 [side, side] each.
struct SpandrelField {
  SpandrelGrid grid;
  double sigma = 0.05;
  at::Tensor logDensity;  // of the true tube
  at::Tensor distance;    // to the curve
  std::vector<Rectangle> bridges;
};

/// A model's log-scores: on the grid, and at held-out points of the data.
struct SpandrelScores {
  at::Tensor grid;  // float64 [side * side]
  at::Tensor test;  // float64 [m]
};

/// q is the softmax of the grid scores inside the box. "Far" cells lie more than 4 sigma from the curve. The threshold
/// is the largest that at least 95 % of the held-out points reach. Fields without a value do not exist for the shape.
struct SpandrelMetrics {
  double spandrelMass = 0;           // q of the far cells
  double fpr95 = 0;                  // share of the box's far cells that reach the threshold
  double auroc = 0;                  // held-out points above the box's far cells; out-of-distribution is positive
  double nearFpr95 = 0;              // as fpr95, on 4 sigma < d < 12 sigma
  double outsideFpr95 = 0;           // as fpr95, on [-2b, 2b]^2 without the box
  std::optional<double> bridgeMass;  // q inside the bridge rectangles
  std::optional<double> gapRatio;    // largest q there over the median q of the held-out points
  double totalVariation = 0;         // between q and the true cell probabilities
  double logLikelihood = 0;          // mean log q / (cell area) of the held-out points
  double logNormaliser = 0;          // log of the sum of exp(score) over the box times the cell area
  double threshold = 0;
};

SpandrelMetrics spandrelMetrics(const SpandrelField& field, const SpandrelScores& scores);

/// How much of the far region a classifier calls its own with more than 95 % confidence.
struct SpandrelConfidence {
  double overconfidentArea = 0;     // share of the box's far cells with max softmax > 0.95
  double overconfidentOutside = 0;  // the same outside the box
  double maxSoftmaxFpr95 = 0;       // fpr95 with max softmax as the score
};
SpandrelConfidence spandrelConfidence(const SpandrelField& field, const SpandrelScores& maxSoftmax);

/// log of (1 / n) sum_j N(v; row_j, bandwidth^2) at every v of float64 [m]; rows float64 [n].
at::Tensor logKernelDensity(const at::Tensor& rows, double bandwidth, const at::Tensor& at, int threads);

}  // namespace langevin
