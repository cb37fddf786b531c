// kind -> how a sampler of that kind is made. A new sampler is one file and one line in registry.cpp.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

using MakeSampler = std::shared_ptr<const Sampler> (*)(const Spec&);

// One declaration a sampler, each defined in samplers/<kind>.cpp.
std::shared_ptr<const Sampler> makeLangevin(const Spec& spec);
std::shared_ptr<const Sampler> makeMala(const Spec& spec);
std::shared_ptr<const Sampler> makeHmc(const Spec& spec);
std::shared_ptr<const Sampler> makeUnderdampedLangevin(const Spec& spec);
std::shared_ptr<const Sampler> makeAnnealedLangevin(const Spec& spec);
std::shared_ptr<const Sampler> makeParallelTempering(const Spec& spec);
std::shared_ptr<const Sampler> makeNuts(const Spec& spec);
std::shared_ptr<const Sampler> makeGibbs(const Spec& spec);
std::shared_ptr<const Sampler> makeGibbsWithGradients(const Spec& spec);
std::shared_ptr<const Sampler> makeDiscreteLangevin(const Spec& spec);

}  // namespace langevin
