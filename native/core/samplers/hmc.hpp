// What hmc.cpp and its fused twin share.
#pragma once

#include "samplers/dual_averaging.hpp"
#include "samplers/fused.hpp"

namespace langevin {

constexpr double kHmcDivergence = 1000;  // energy error in units of the temperature

struct HmcOptions {
  std::int64_t leapfrogSteps = 1, warmup = 0;
  double targetAcceptance = 0.8, jitter = 0;

  /// A chain's dual-averaging row after a step of its warm-up; nothing after that.
  void adapt(double* row, double acceptance, double firstStepSize) const {
    if (row[dual_averaging::Count] >= static_cast<double>(warmup)) return;
    dual_averaging::update(row, acceptance, targetAcceptance, firstStepSize);
    if (row[dual_averaging::Count] >= static_cast<double>(warmup)) dual_averaging::freeze(row);
  }
};

std::unique_ptr<const FusedKernel> fusedHmc(const CommonOptions& common, const HmcOptions& options);

}  // namespace langevin
