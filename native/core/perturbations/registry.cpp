// kind -> perturbation. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "perturbations/perturbation.hpp"

namespace langevin {

using MakePerturbation = std::unique_ptr<Perturbation>(const Spec&);
MakePerturbation makeGaussianPerturbation, makeUniformPerturbation, makeCyclicPerturbation, makeOrdinalPerturbation,
    makeAbsorbingPerturbation, makeBernoulliPerturbation, makeNeighbourhoodPerturbation, makeStructuredPerturbation;

namespace {

const Registry<MakePerturbation*>& perturbationRegistry() {
  static const Registry<MakePerturbation*> registry = {
      "perturbation",
      {
          {"gaussian", makeGaussianPerturbation},
          {"uniform", makeUniformPerturbation},
          {"cyclic", makeCyclicPerturbation},
          {"ordinal", makeOrdinalPerturbation},
          {"absorbing", makeAbsorbingPerturbation},
          {"bernoulli", makeBernoulliPerturbation},
          {"neighbourhood", makeNeighbourhoodPerturbation},
          {"structured", makeStructuredPerturbation},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<Perturbation> makePerturbation(const Spec& spec) { return perturbationRegistry().find(spec)(spec); }

}  // namespace langevin
