// What hmc.cpp and its fused twin share.
#pragma once

#include "samplers/dual_averaging.hpp"
#include "samplers/fused.hpp"

namespace langevin {

constexpr double kHmcDivergence = 1000;  // energy error in units of the temperature

/// What the spec says, and how a chain adapts.
struct HmcOptions {
  std::int64_t leapfrogSteps = 1, warmup = 0;
  double targetAcceptance = 0.8, jitter = 0;

  /// What a chain learns from a step of its warm-up; nothing after that.
  void adapt(DualAveraging chain, double acceptance, double firstStepSize) const {
    if (chain.steps() >= static_cast<double>(warmup)) return;
    chain.update(acceptance, targetAcceptance, firstStepSize);
    if (chain.steps() >= static_cast<double>(warmup)) chain.freeze();
  }
};

std::unique_ptr<const FusedKernel> fusedHmc(const CommonOptions& common, const HmcOptions& options);

}  // namespace langevin
