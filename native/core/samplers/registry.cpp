#include "samplers/registry.hpp"

#include "base/registry.hpp"

namespace langevin {
namespace {

const std::vector<Registered<MakeSampler>>& table() {
  static const std::vector<Registered<MakeSampler>> rows = {
      {"langevin", makeLangevin},
      {"mala", makeMala},
      {"hmc", makeHmc},
      {"underdampedLangevin", makeUnderdampedLangevin},
      {"annealedLangevin", makeAnnealedLangevin},
      {"parallelTempering", makeParallelTempering},
      {"nuts", makeNuts},
      {"gibbs", makeGibbs},
      {"gibbsWithGradients", makeGibbsWithGradients},
      {"discreteLangevin", makeDiscreteLangevin},
  };
  return rows;
}

}  // namespace

std::shared_ptr<const Sampler> makeSampler(const Spec& spec) { return findKind(table(), spec, "sampler").make(spec); }

std::vector<std::string> samplerKinds() { return kindsOf(table()); }

}  // namespace langevin
