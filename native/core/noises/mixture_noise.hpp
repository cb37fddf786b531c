// A MixtureLaw as a noise.
#pragma once

#include "noises/mixture_law.hpp"
#include "noises/noise.hpp"

namespace langevin {

class MixtureNoise : public Noise {
 public:
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    // The component's number has a stream of its own: the normals use the words of NoiseSample.
    return law_.rows(random.uniform(count, 1, step, Stream::Auxiliary, at::kDouble).squeeze(1),
                     random.normal(count, law_.dimension(), step, Stream::NoiseSample, law_.means.options()));
  }
  at::Tensor logDensity(const at::Tensor& x) const override { return law_.logDensity(x); }

 protected:
  MixtureLaw law_;  // in the options of the data
};

}  // namespace langevin
