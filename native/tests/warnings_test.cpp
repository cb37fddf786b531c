// Warnings of a training run, and the condition an objective gives the rows of a step.
#include "training/warnings.hpp"

#include "check.hpp"
#include "training_support.hpp"

namespace langevin::test::warnings_test {
namespace {

TEST(a_warning_is_emitted_and_kept_once_with_its_row_of_the_table) {
  RecordingJob job;
  Warnings warnings(job);
  const Monitor& gap = monitorNamed("gap");
  warnings.add(gap, 59, -30, gap.limit);
  warnings.add(gap, 79, -40, gap.limit);
  warnings.add(monitorNamed("shortRun"), 0, 3, 0, "short runs");
  CHECK(job.events.size() == 2 && warnings.list().size() == 2);
  const Map& first = job.events[0];
  CHECK(*first.at("step").get<double>() == 60);
  CHECK(*first.at("code").get<std::string>() == "gap" && *first.at("severity").get<std::string>() == "error");
  CHECK(*first.at("limit").get<double>() == 20 && *first.at("value").get<double>() == -30);
  CHECK(*first.at("remedy").get<std::string>() == gap.remedy);
  CHECK(*first.at("message").get<std::string>() == std::string("gap is -30, beyond 20: ") + gap.reading);
  CHECK(job.events[1].at("limit").isNull());
  CHECK(*job.events[1].at("message").get<std::string>() == "short runs");
}

TEST(a_monitor_without_a_row_is_refused_with_the_place_to_add_it) {
  for (const char* name : {"gapp", ""}) {
    try {
      monitorNamed(name);
      CHECK(false);
    } catch (const Error& error) {
      CHECK(error.code == Code::Internal);
      CHECK(std::string(error.what()).find("monitor_table.cpp") != std::string::npos);
    }
  }
  RecordingJob job;
  Warnings warnings(job);
  CHECK_THROWS(warnings.add(monitorNamed("loss"), 0, 1, 0), Error);  // nothing to say of it
  CHECK(job.events.empty() && warnings.list().empty());
}

TEST(sides_of_limits) {
  CHECK(monitorNamed("clippedShare").passed(0.11) && !monitorNamed("clippedShare").passed(0.1));
  CHECK(monitorNamed("displacement").passed(0.009) && !monitorNamed("displacement").passed(0.01));
  CHECK(monitorNamed("gap").passed(-20.1) && !monitorNamed("gap").passed(19));
  CHECK(monitorNamed("effectiveTemperature").passed(0.98) && !monitorNamed("effectiveTemperature").passed(1.005));
  CHECK(!monitorNamed("loss").passed(1e9) && monitorNamed("shortRun").passed(0));
}

// The ladder gives every row its log sigma; the gradient penalty then looks at the score under that condition.
TEST(penalties_see_the_condition_the_objective_set) {
  const EnergyRef energy = energyFrom(
      {{"kind", "conditional"}, {"input", 2}, {"condition", 1}, {"hidden", List{7}}, {"activation", "silu"}});
  const auto objective =
      makeObjectiveFrom({{"kind", "denoisingScoreMatching"},
                         {"sigma", Map{{"from", 2.0}, {"to", 0.1}, {"levels", 5}, {"spacing", "geometric"}}}});
  const Random random(4);
  const Batch rows{random.normal(9, 2, 0, Stream::Data, at::TensorOptions(at::kDouble)), {}};
  objective->prepare(*energy, rows, {}, random);
  Job job;
  TrainingStep step(*energy, random, job, 1, {});
  step.begin(0, 1, rows, {});
  Penalties penalties;
  penalties.gradient = 0.5;
  const TrainingStep::Result result = step.run(*objective, penalties);
  CHECK(result.rows.size() == 2);
  const Batch &corrupted = result.rows[0], &penalised = result.rows[1];
  CHECK(penalised.y.defined() && at::equal(penalised.y, corrupted.y) && at::equal(penalised.x, rows.x));
  const at::Tensor gradient = energy->energyAndGradient(penalised, 1).gradient;
  const double expected = 0.5 * gradient.square().sum(1).mean().item<double>();
  CHECK_NEAR(result.monitors.at("gradientPenalty"), expected, 1e-9 * (1 + expected));
  CHECK_THROWS(step.setCondition(at::zeros({3, 1}, at::kDouble)), Error);  // one row per row of the batch
}

}  // namespace
}  // namespace langevin::test::warnings_test
