// Detectors: a row in, an OOD score out. HIGHER = more out-of-distribution, always.
//
// A detector is fitted once. What fitting leaves is its state, tensors by name; scoring asks the state and the energies,
// never the training rows again (the state of nearest neighbours holds them). The state is what a file keeps.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

class Detector {
 public:
  virtual ~Detector() = default;
  /// x [n, d] (any numeric dtype) -> OOD scores, float64 [n] on the CPU.
  virtual at::Tensor scores(const at::Tensor& x, int threads, Job& job) const = 0;
};

struct DetectorKind {
  /// { kind, rows?, options } -> the state. Null where nothing is fitted.
  Map (*fit)(const Spec& detector, int threads, Job& job);
  /// { kind, energies, options } and its state -> what scores rows.
  std::unique_ptr<Detector> (*make)(const Spec& detector, const Spec& state);
};

// Each family in its own file.
const DetectorKind& modelDetector();  // energy, likelihood, scoreNorm, logits
const DetectorKind& logitDetector();  // entropy, klUniform, gen
const DetectorKind& reactDetector();  // energies of changed features
const DetectorKind& ashDetector();
const DetectorKind& vimDetector();  // where features lie
const DetectorKind& fdbdDetector();
const DetectorKind& relativeMahalanobisDetector();
const DetectorKind& odinDetector();  // gradients of a classifier
const DetectorKind& gradNormDetector();
const DetectorKind& averagedEnergy();     // several energies on one scale; energyLadder, which trains them itself
const DetectorKind& mahalanobis();        // mean and covariance
const DetectorKind& nearestNeighbours();  // k-th neighbour distance
const DetectorKind& diffusionTime();      // DTE-NP, of the nearest neighbours
const DetectorKind& localOutlierFactor();
const DetectorKind& columnTails();  // ecod, copod
const DetectorKind& isolationForest();
const DetectorKind& principalComponents();
const DetectorKind& gaussianMixture();
const DetectorKind& oneClassSvm();
const DetectorKind& columnDensity();
const DetectorKind& denoisingScore();                // score norm of an energy that is trained by the fit
const DetectorKind& detectorEnsemble();              // several of all of them
const DetectorKind& minimumCovarianceDeterminant();  // a robust mahalanobis

/// The family of a detector, by its kind.
const DetectorKind& detectorKind(const Spec& detector);
/// Training rows of a detector as float64 [n, d]: at least two.
at::Tensor trainingRows(const Spec& detector);
/// A tensor of a state, contiguous, with so many axes and of this dtype: it may come from a file.
at::Tensor stateTensor(const Spec& state, const char* name, std::int64_t axes, at::ScalarType type = at::kDouble);
/// Rows to score as float64 [n, width] on the CPU, finite and contiguous.
at::Tensor rowsToScore(const at::Tensor& x, std::int64_t width);
/// Scores [n] of rows from rowsToScore(), over the threads: of tiles [m, width] to [m], or of one row after another.
at::Tensor scoresOfTiles(const at::Tensor& rows, int threads, Job& job,
                         const std::function<at::Tensor(const at::Tensor& tile)>& score);
at::Tensor scoresOfRows(const at::Tensor& rows, int threads, Job& job,
                        const std::function<double(const double* row)>& score);
/// (1 - a) C + a tr(C) / d I of rows about their mean, C their covariance with divisor n (scikit-learn's ShrunkCovariance).
at::Tensor shrunkCovariance(const at::Tensor& centred, double shrinkage);

}  // namespace langevin
