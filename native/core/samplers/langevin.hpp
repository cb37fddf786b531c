// Langevin steps for samplers that are made of them.
#pragma once

#include "samplers/sampler.hpp"

namespace langevin {

/// The proper form: x' = x - (h/2) grad E + sqrt(h T) xi.
std::shared_ptr<const Sampler> properLangevin(CommonOptions common);

}  // namespace langevin
