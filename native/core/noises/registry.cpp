// kind -> noise. A new one is one file and one line here.
#include "base/registry.hpp"
#include "noises/noise.hpp"

namespace langevin {
namespace {

using Make = std::unique_ptr<Noise> (*)(const Spec&);

const std::vector<Registered<Make>>& table() {
  static const std::vector<Registered<Make>> rows = {
      {"uniform", makeUniformNoise},
      {"gaussian", makeGaussianNoise},
      {"dataGaussian", makeDataGaussianNoise},
      {"gaussianMixture", makeGaussianMixtureNoise},
      {"dataGaussianMixture", makeDataGaussianMixtureNoise},
      {"kde", makeKdeNoise},
      {"flow", makeFlowNoise},
  };
  return rows;
}

}  // namespace

std::unique_ptr<Noise> makeNoise(const Spec& spec) { return findKind(table(), spec, "noise").make(spec); }
std::vector<std::string> noiseKinds() { return kindsOf(table()); }

}  // namespace langevin
