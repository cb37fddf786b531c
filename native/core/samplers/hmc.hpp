// What hmc.cpp and its fused twin share.
#pragma once

#include "samplers/fused.hpp"
#include "samplers/warmup.hpp"

namespace langevin {

constexpr double kHmcDivergence = 1000;  // energy error in units of the temperature

struct HmcOptions {
  std::int64_t leapfrogSteps = 1;
  double jitter = 0;
};

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedHmc(const CommonOptions& common, const HmcOptions& options,
                                                 const Warmup& warmup);

}  // namespace langevin
