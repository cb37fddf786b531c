// kind -> noise. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "noises/noise.hpp"

namespace langevin {

using MakeNoise = std::unique_ptr<Noise>(const Spec&);
MakeNoise makeUniformNoise, makeGaussianNoise, makeDataGaussianNoise, makeGaussianMixtureNoise,
    makeDataGaussianMixtureNoise, makeKdeNoise, makeFlowNoise;

namespace {

const Registry<MakeNoise*>& noiseRegistry() {
  static const Registry<MakeNoise*> registry = {
      "noise",
      {
          {"uniform", makeUniformNoise},
          {"gaussian", makeGaussianNoise},
          {"dataGaussian", makeDataGaussianNoise},
          {"gaussianMixture", makeGaussianMixtureNoise},
          {"dataGaussianMixture", makeDataGaussianMixtureNoise},
          {"kde", makeKdeNoise},
          {"flow", makeFlowNoise},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<Noise> makeNoise(const Spec& spec) { return noiseRegistry().find(spec)(spec); }

}  // namespace langevin
