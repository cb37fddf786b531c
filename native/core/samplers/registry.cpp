// kind -> sampler. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

using MakeSampler = std::shared_ptr<const Sampler>(const Spec&);
MakeSampler makeLangevin, makeMala, makeHmc, makeUnderdampedLangevin, makeAnnealedLangevin, makeParallelTempering,
    makeNuts, makeGibbs, makeGibbsWithGradients, makeDiscreteLangevin, makeBlockwise;

namespace {

const Registry<MakeSampler*>& samplerRegistry() {
  static const Registry<MakeSampler*> registry = {
      "sampler",
      {
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
          {"blockwise", makeBlockwise},
      },
  };
  return registry;
}

}  // namespace

std::shared_ptr<const Sampler> makeSampler(const Spec& spec) { return samplerRegistry().find(spec)(spec); }

std::vector<std::string> samplerKinds() { return samplerRegistry().kinds(); }

}  // namespace langevin
