// Detectors: a row in, an OOD score out. HIGHER = more out-of-distribution, always.
#pragma once

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

/// Reads { kind, ... } with an energy handle or training rows in it, and fits what needs fitting.
std::unique_ptr<Detector> makeDetector(const Spec& spec);

// Each family in its own file.
std::unique_ptr<Detector> makeModelDetector(const Spec& spec);      // energy, likelihood, scoreNorm, logits
std::unique_ptr<Detector> makeAveragedEnergy(const Spec& spec);     // several energies on one scale
std::unique_ptr<Detector> makeMahalanobis(const Spec& spec);        // mean and covariance
std::unique_ptr<Detector> makeNearestNeighbours(const Spec& spec);  // k-th neighbour distance

}  // namespace langevin
