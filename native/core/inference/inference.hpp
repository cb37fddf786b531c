// Inference: the answer y* = argmin E(x, y) of every row x (LeCun et al. 2006, section 1.2). Methods differ in how they
// look for it; each is one file and one line in registry.cpp.
#pragma once

#include <memory>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "energies/energy.hpp"
#include "tensors/random.hpp"

namespace langevin {

struct InferenceCall {
  const Energy& energy;
  at::Tensor x;  // [n, d], checked
  Random random;
  int threads;
  Job& job;
};

struct Inferred {
  at::Tensor y;                  // [n, k] of the energy's dtype, or int64 [n] for classes
  at::Tensor energy;             // [n]: E(x, y), or the free energy over latent columns
  at::Tensor latent;             // [n, l] where a latent variable was minimised over
  at::Tensor table;              // [n, m]: energies of all answers, on demand
  std::int64_t evaluations = 0;  // energies computed
};

class InferenceMethod {
 public:
  virtual ~InferenceMethod() = default;
  virtual Inferred run(const InferenceCall& call) const = 0;
};

/// Reads the method for an energy; ERR_LANGEVIN_UNSUPPORTED for an energy without y.
std::unique_ptr<InferenceMethod> makeInferenceMethod(const Spec& spec, const Condition& condition);

}  // namespace langevin
