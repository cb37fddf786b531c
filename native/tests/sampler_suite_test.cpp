// Every continuous sampler against the shared suite (sampler_suite.hpp), and controls that must fail it.
#include "sampler_suite.hpp"

namespace langevin::sampler_suite_test {

using suite::everyTarget;
using suite::judge;
using suite::kSigmas;

// Unadjusted kernels: the bias of a step h on curvature P is h P / 4 of the variance; their steps are chosen so that it
// stays below 4 % of a standard deviation.

TEST(langevin_reaches_the_known_targets) {
  everyTarget(
      [](double scale) {
        return Map{{"kind", "langevin"}, {"steps", 12000}, {"stepSize", 0.04 * scale}};
      },
      0.04);
}

TEST(mala_reaches_the_known_targets) {
  everyTarget([](double scale) { return Map{{"kind", "mala"}, {"steps", 6000}, {"stepSize", 0.6 * scale}}; });
}

TEST(hmc_reaches_the_known_targets) {
  everyTarget([](double scale) {
    return Map{
        {"kind", "hmc"}, {"steps", 1500}, {"stepSize", 0.5 * std::sqrt(scale)}, {"leapfrogSteps", 6}, {"jitter", 0.2}};
  });
}

TEST(hmc_with_adapted_steps_reaches_the_known_targets) {
  everyTarget([](double scale) {
    return Map{{"kind", "hmc"},      {"steps", 1200}, {"stepSize", 2.0 * std::sqrt(scale)},
               {"leapfrogSteps", 6}, {"warmup", 200}, {"jitter", 0.2}};
  });
}

TEST(underdamped_langevin_reaches_the_known_targets) {
  everyTarget(
      [](double scale) {
        return Map{{"kind", "underdampedLangevin"}, {"steps", 4000}, {"stepSize", 0.2 * std::sqrt(scale)}};
      },
      0.04);
}

TEST(annealed_langevin_reaches_the_known_targets) {
  everyTarget(
      [](double scale) {
        return Map{{"kind", "annealedLangevin"},
                   {"temperatures", Map{{"from", 4.0}, {"to", 1.0}, {"levels", 3}}},
                   {"stepsPerLevel", 8000},
                   {"stepSize", 0.04 * scale}};
      },
      0.04);
}

TEST(parallel_tempering_reaches_the_known_targets) {
  everyTarget([](double scale) {
    return Map{{"kind", "parallelTempering"},
               {"steps", 900},
               {"temperatures", Map{{"from", 1.0}, {"to", 4.0}, {"levels", 3}}},
               {"sampler", Map{{"kind", "mala"}, {"steps", 5}, {"stepSize", 0.6 * scale}}}};
  });
}

// Mixed rows are in blockwise_test.cpp; here two kernels take turns on the same real columns.
TEST(blockwise_reaches_the_known_targets) {
  everyTarget([](double scale) {
    const Map mala{{"kind", "mala"}, {"steps", 2}, {"stepSize", 0.6 * scale}};
    const Map hmc{{"kind", "hmc"}, {"steps", 1}, {"stepSize", 0.5 * std::sqrt(scale)}, {"leapfrogSteps", 6}};
    return Map{{"kind", "blockwise"},
               {"steps", 1500},
               {"kernels", List{Map{{"on", "real"}, {"sampler", mala}}, Map{{"on", 0}, {"sampler", hmc}}}}};
  });
}

TEST(nuts_reaches_the_known_targets) {
  everyTarget([](double) { return Map{{"kind", "nuts"}, {"steps", 450}, {"warmup", 150}, {"stepSize", 1.0}}; });
}

TEST(nuts_is_exact_with_a_step_that_is_too_large) {
  // Nothing adapts; a third of the leapfrog steps gains energy by more than 1.
  everyTarget([](double scale) {
    return Map{{"kind", "nuts"}, {"steps", 1500}, {"warmup", 0}, {"stepSize", 1.2 * std::sqrt(scale)}};
  });
}

namespace {

class ReturnsStart final : public Sampler {
 public:
  explicit ReturnsStart(std::int64_t steps) : Sampler(CommonOptions{}) { common_.steps = steps; }
  Traits traits() const override { return {}; }
  void step(Chains&, const Target&, const StepClock&, const Random&, Tally&) const override {}
};

// Two modes 12 apart, a barrier of 18 between them.
suite::Target farModes() {
  using suite::column;
  using suite::list;
  return {
      "far modes",
      suite::energyOf({{"kind", "gaussianMixture"},
                       {"means", List{list({-6, 0}), list({6, 0})}},
                       {"weights", list({0.3, 0.7})},
                       {"sigmas", 1.0}}),
      1,
      1,
      -6,
      {{"mean", 2.4, std::sqrt(37 - 5.76), [](const at::Tensor& t) { return column(t, 0); }},
       {"mass on the right", 0.7, std::sqrt(0.21),
        [](const at::Tensor& t) { return column(t, 0).gt(0).to(at::kDouble); }},
       {"second moment of column 2", 1, std::sqrt(2.0), [](const at::Tensor& t) { return column(t, 1).square(); }}}};
}

}  // namespace

TEST(a_sampler_that_returns_its_start_fails_on_every_target) {
  for (const suite::Target& target : suite::targets()) CHECK(judge(ReturnsStart(300), target, 0.04).sigmas > kSigmas);
}

TEST(a_sampler_at_the_wrong_temperature_fails_on_every_target) {
  for (const suite::Target& target : suite::targets()) {
    const auto hot =
        suite::samplerOf({{"kind", "mala"}, {"steps", 6000}, {"stepSize", 0.6 * target.scale}, {"temperature", 1.5}});
    const suite::Verdict verdict = judge(*hot, target);
    if (verdict.sigmas < kSigmas) test::fail(__FILE__, __LINE__, "passed at T = 1.5: " + verdict.what);
  }
}

TEST(only_tempering_crosses_a_high_barrier) {
  const suite::Target target = farModes();
  CHECK(judge(*suite::samplerOf({{"kind", "mala"}, {"steps", 6000}, {"stepSize", 0.6}}), target).sigmas > kSigmas);
  const suite::Verdict verdict =
      judge(*suite::samplerOf({{"kind", "parallelTempering"},
                               {"steps", 1500},
                               {"temperatures", Map{{"from", 1.0}, {"to", 20.0}, {"levels", 6}}},
                               {"sampler", Map{{"kind", "mala"}, {"steps", 4}, {"stepSize", 0.8}}}}),
            target);
  if (!(verdict.sigmas < kSigmas)) test::fail(__FILE__, __LINE__, verdict.what);
}

}  // namespace langevin::sampler_suite_test
