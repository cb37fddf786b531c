// The trainer: batches, averages, optimisers, buffer statistics, threads, checkpoints, divergence.
#include <cmath>
#include <set>

#include "check.hpp"
#include "replay/replay_buffer.hpp"
#include "training/batches.hpp"
#include "training_support.hpp"

namespace langevin::test::training_test {
namespace {

at::Tensor twoColumns(std::int64_t n = 600) { return gaussianRows(at::eye(2, at::kDouble), n); }

Map nce() { return {{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "gaussian"}, {"sd", 1.5}}}, {"ratio", 2}}; }
Map pcd() {
  return {
      {"kind", "persistentContrastiveDivergence"},
      {"sampler", Map{{"kind", "langevin"}, {"steps", 5}, {"stepSize", 0.05}, {"form", "proper"}}},
      {"buffer", Map{{"size", 500}, {"reinit", 0.1}, {"reinitFrom", Map{{"uniform", 1}, {"data", 1}}}, {"blur", 0.2}}}};
}
Map dsm() { return {{"kind", "denoisingScoreMatching"}, {"sigma", 0.5}}; }

// ---- Batches -------------------------------------------------------------------------------------------------------

TEST(batches_visit_every_row_once_an_epoch) {
  Batches batches(10, 4, Random(3));
  std::vector<std::int64_t> line;
  for (std::int64_t s = 0; s < 25; ++s) {
    const at::Tensor rows = batches.rows(s);
    CHECK(rows.size(0) == 4);
    for (std::int64_t i = 0; i < 4; ++i) line.push_back(rows[i].item<std::int64_t>());
  }
  std::set<std::vector<std::int64_t>> orders;
  for (std::size_t epoch = 0; epoch < 10; ++epoch) {
    const std::vector<std::int64_t> order(line.begin() + static_cast<std::ptrdiff_t>(10 * epoch),
                                          line.begin() + static_cast<std::ptrdiff_t>(10 * epoch + 10));
    CHECK(std::set<std::int64_t>(order.begin(), order.end()).size() == 10);
    orders.insert(order);
  }
  CHECK(orders.size() == 10);  // 10! orders: a repeat has probability 1e-5
  CHECK(batches.epochs(25) == 10);
}

TEST(batches_are_a_function_of_seed_and_step) {
  Batches a(100, 7, Random(3)), b(100, 7, Random(3)), other(100, 7, Random(4));
  for (std::int64_t s = 0; s < 40; ++s) a.rows(s);
  CHECK(a.rows(13).equal(b.rows(13)));
  CHECK(a.rows(14).equal(b.rows(14)));  // crosses from epoch 0 to epoch 1
  CHECK(!b.rows(13).equal(other.rows(13)));
}

TEST(a_batch_larger_than_the_data_goes_round) {
  const at::Tensor rows = Batches(5, 12, Random(1)).rows(0);
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto count = rows.eq(i).sum().item<std::int64_t>();
    CHECK(count == 2 || count == 3);
  }
}

// ---- Averages and optimisers ---------------------------------------------------------------------------------------

// Weights and averages after every step come from the checkpoints; the closed form is computed from the weights alone.
void checkAverage(const Value& ema, double decay, bool warmup) {
  const EnergyRef energy = mlpEnergy("silu");
  RecordingJob job;
  const int steps = 30;
  const Trained t = train(energy, twoColumns(),
                          {{"objective", dsm()},
                           {"optimizer", adam(0.05, 0.01)},
                           {"steps", steps},
                           {"batchSize", 64},
                           {"ema", ema},
                           {"checkpoints", true},
                           {"every", 1}},
                          job);
  at::Tensor average;
  const auto checkpoints = job.checkpoints();
  CHECK(checkpoints.size() == steps);
  for (int k = 0; k < steps; ++k) {
    const auto tensors = tensorsOf(checkpoints[static_cast<std::size_t>(k)].at("tensors"));
    const at::Tensor& w = tensors.at("langevin:energy/parameters");
    const double d = warmup ? std::min(decay, (1.0 + k) / (10.0 + k)) : decay;
    average = k == 0 ? w.clone() : average * d + w * (1.0 - d);
    CHECK_NEAR((average - tensors.at("langevin:energy/ema")).abs().max().item<double>(), 0.0, 1e-14);
  }
  CHECK_NEAR((energy->parameters().flat() - average).abs().max().item<double>(), 0.0, 1e-14);
  // The raw weights are in the result, and differ.
  const auto raw = tensorsOf(t.result.map()->at("rawParameters"));
  const auto last = tensorsOf(checkpoints.back().at("tensors"));
  CHECK(raw.at("0.weight").reshape({-1}).equal(last.at("langevin:energy/parameters").slice(0, 0, 14)));
  CHECK(!raw.at("0.weight").equal(t.parameters.at("0.weight")));
}

TEST(ema_is_the_closed_form) {
  checkAverage(0.9, 0.9, false);
  checkAverage(Map{{"decay", 0.99}, {"warmup", true}}, 0.99, true);
}

at::Tensor trajectory(const Map& optimizer, const std::vector<double>& gradients, double from) {
  const Value spec(optimizer);
  const auto o = makeOptimizer(Spec(spec, "optimizer"));
  const Schedule lr = learningRate(Spec(spec, "optimizer"));
  at::Tensor w = at::full({1}, from, at::kDouble);
  std::vector<at::Tensor> path;
  const auto n = static_cast<std::int64_t>(gradients.size());
  for (std::int64_t s = 0; s < n; ++s) {
    o->step(w, at::full({1}, gradients[static_cast<std::size_t>(s)], at::kDouble), lr.at(s, n));
    path.push_back(w.clone());
  }
  return at::cat(path);
}

TEST(optimizers_first_steps_by_hand) {
  // Adam's first step is lr sign(g) (up to epsilon), whatever the size of g.
  CHECK_NEAR(trajectory({{"kind", "adam"}, {"lr", 0.1}}, {1e-3}, 1.0)[0].item<double>(), 0.9, 1e-5);
  CHECK_NEAR(trajectory({{"kind", "adamw"}, {"lr", 0.1}, {"weightDecay", 0.5}}, {1e3}, 1.0)[0].item<double>(),
             0.95 - 0.1, 1e-5);
  // v1 = g1, v2 = 0.5 g1 + g2.
  const at::Tensor momentum = trajectory({{"kind", "sgd"}, {"lr", 0.1}, {"momentum", 0.5}}, {1.0, 2.0}, 1.0);
  CHECK_NEAR(momentum[1].item<double>(), 1.0 - 0.1 - 0.25, 1e-15);
  const Map nesterov{{"kind", "sgd"}, {"lr", 0.1}, {"momentum", 0.5}, {"nesterov", true}};
  CHECK_NEAR(trajectory(nesterov, {1.0}, 1.0)[0].item<double>(), 1.0 - 0.15, 1e-15);
  // A schedule runs over the steps: 0.1, 0.05, 0.
  const Map linear{{"kind", "sgd"}, {"lr", Map{{"kind", "linear"}, {"from", 0.1}, {"to", 0.0}}}};
  CHECK_NEAR(trajectory(linear, {1.0, 1.0, 1.0}, 1.0)[2].item<double>(), 0.85, 1e-15);
}

TEST(clip_norm_bounds_the_step) {
  const EnergyRef energy = mlpEnergy("silu");
  const at::Tensor before = energy->parameters().flat().clone();
  const Trained t =
      train(energy, twoColumns(),
            {{"objective", dsm()}, {"optimizer", Map{{"kind", "sgd"}, {"lr", 1.0}}}, {"steps", 1}, {"clipNorm", 1e-3}});
  const double norm = t.monitors.at("gradientNorm");
  CHECK(norm > 1e-2);
  // g bound / (|g| + 1e-6), as torch.nn.utils.clip_grad_norm_.
  CHECK_NEAR((energy->parameters().flat() - before).norm().item<double>(), 1e-3 * norm / (norm + 1e-6), 1e-15);
}

// ---- Replay buffer -------------------------------------------------------------------------------------------------

ReplayBuffer buffer(Map options) {
  const Value value(std::move(options));
  return ReplayBuffer(ReplayBuffer::Options::read(Spec(value, "buffer")));
}

TEST(buffer_restarts_are_binomial_and_real) {
  ReplayBuffer b = buffer({{"size", 256}, {"reinit", 0.2}, {"reinitFrom", "normal"}});
  b.fill({twoColumns(), {}}, Random(6));
  const int steps = 400, count = 64;
  at::Tensor visits = at::zeros({256}, at::kDouble);
  std::int64_t restarts = 0;
  for (int s = 0; s < steps; ++s) {
    const at::Tensor before = b.state().at("buffer.x");
    const ReplayBuffer::Draw draw = b.draw(count, static_cast<std::uint64_t>(s));
    visits.index_add_(0, draw.slots, at::ones({count}, at::kDouble));
    CHECK(std::get<0>(at::_unique(draw.slots)).size(0) == count);
    // A restarted chain stands somewhere else, every other one exactly where it was.
    const at::Tensor moved = draw.rows.x.ne(before.index_select(0, draw.slots)).any(1);
    CHECK(moved.equal(draw.restarted));
    restarts += draw.restarted.sum().item<std::int64_t>();
    b.store(draw, draw.rows.x, 3);
  }
  // Restarts ~ Binomial(25600, 0.2): sd 64; 4.5 of them.
  CHECK_NEAR(restarts, 5120, 288);
  // Visits of a slot ~ Binomial(400, 1/4), variance 75; the sum of their squared deviations over it is near chi-squared
  // with 255 degrees of freedom (the total is fixed): sd 22.6, and 255/256 of 256 on average.
  const double chi = ((visits - 100.0).square() / 75.0).sum().item<double>();
  CHECK_NEAR(chi, 256, 4.5 * 22.6);
  // Draws since the last restart are geometric: P(u = k) = 0.2 0.8^(k-1), mean 5, sd 4.47; over 256 chains 0.28.
  const auto uses = b.state().at("buffer.uses").to(at::kDouble), age = b.state().at("buffer.age").to(at::kDouble);
  CHECK_NEAR(uses.mean().item<double>(), 5.0, 4.5 * 0.28);
  CHECK(age.equal(uses * 3));
  const Map statistics = b.statistics();
  CHECK(*statistics.at("draws").get<double>() == 25600);
  CHECK(*statistics.at("restarts").get<double>() == static_cast<double>(restarts));
}

TEST(buffer_starts_follow_their_law) {
  const at::Tensor x = twoColumns(2000) * 0.5 + 3.0;
  const auto start = [&](Map options) {
    options["size"] = 20000;
    ReplayBuffer b = buffer(std::move(options));
    b.fill({x, {}}, Random(8));
    return b.state().at("buffer.x");
  };
  // 4.5 standard errors of means and variances over 20,000 chains.
  const double e = 4.5 / std::sqrt(20000.0);
  const at::Tensor normal = start({{"reinitFrom", "normal"}});
  CHECK_NEAR(normal.mean().item<double>(), 3.0, 0.5 * e);
  CHECK_NEAR(normal.var(0)[0].item<double>(), 0.25, 0.25 * 1.42 * e);
  const at::Tensor uniform = start({{"reinitFrom", "uniform"}, {"box", Map{{"low", -1.0}, {"high", 1.0}}}});
  CHECK(uniform.abs().max().item<double>() <= 1.0);
  CHECK_NEAR(uniform.var(0)[1].item<double>(), 1.0 / 3, 0.3 * e);
  const at::Tensor blurred = start({{"reinitFrom", "data"}, {"blur", 0.1}});
  CHECK_NEAR(blurred.var(0)[0].item<double>(), 0.26, 0.26 * 1.42 * e);
  const at::Tensor rows = start({{"reinitFrom", "data"}});
  const at::Tensor nearest = std::get<0>(at::cdist(rows.slice(0, 0, 50), x, 2, 2).min(1));
  CHECK(nearest.max().item<double>() == 0.0);
  // A quarter from the box far away from the data: Binomial(20000, 1/4), sd 61.
  const at::Tensor mixed =
      start({{"reinitFrom", Map{{"uniform", 1}, {"data", 3}}}, {"box", Map{{"low", -9.0}, {"high", -8.0}}}});
  CHECK_NEAR(mixed.select(1, 0).lt(-7).sum().item<double>(), 5000, 4.5 * 61.3);
}

TEST(a_step_cannot_draw_more_chains_than_there_are) {
  const EnergyRef energy = mlpEnergy("silu");
  Map options{{"objective", pcd()}, {"optimizer", adam(0.01, 0.01)}, {"steps", 1}, {"batchSize", 501}};
  CHECK_THROWS(train(energy, twoColumns(), options), Error);
}

// ---- Threads, resume, abort ----------------------------------------------------------------------------------------

Map recipe(const Map& objective, int steps = 12) {
  return {{"objective", objective},
          {"optimizer", adam(0.02, 0.001)},
          {"steps", steps},
          {"batchSize", 300},
          {"seed", 5},
          {"ema", 0.9},
          {"clipNorm", 5.0}};
}

TEST(results_do_not_depend_on_threads) {
  for (const Map& objective : {nce(), pcd(), dsm()}) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      std::vector<at::Tensor> weights;
      for (int threads : {1, 2, 3}) {
        const EnergyRef energy = mlpEnergy("silu", dtype);
        Map options = recipe(objective);
        options["threads"] = threads;
        options["batchSize"] = 490;
        train(energy, twoColumns(3000), options);
        weights.push_back(energy->parameters().flat().clone());
      }
      CHECK(weights[0].equal(weights[1]));
      CHECK(weights[0].equal(weights[2]));
    }
  }
}

TEST(seeds_matter) {
  std::vector<at::Tensor> weights;
  for (int seed : {5, 5, 6}) {
    const EnergyRef energy = mlpEnergy("silu");
    Map options = recipe(nce());
    options["seed"] = seed;
    train(energy, twoColumns(), options);
    weights.push_back(energy->parameters().flat().clone());
  }
  CHECK(weights[0].equal(weights[1]));
  CHECK(!weights[0].equal(weights[2]));
}

std::string historyText(const Value& result) {
  std::string text;
  for (const Value& point : *result.map()->at("history").list())
    for (const auto& [name, value] : numbersOf(point)) {
      char number[64];
      std::snprintf(number, sizeof number, "%s=%a ", name.c_str(), value);
      text += number;
    }
  return text;
}

Value resumeFrom(const Map& checkpoint) {
  return Map{{"tensors", checkpoint.at("tensors")}, {"data", checkpoint.at("data")}, {"rows", checkpoint.at("rows")}};
}

TEST(resume_is_bit_equal) {
  Map sgdRecipe = recipe(nce());
  sgdRecipe["optimizer"] = Map{{"kind", "sgd"}, {"lr", 0.01}, {"momentum", 0.9}};
  sgdRecipe["historyPoints"] = 3;  // a checkpoint in the middle of an interval
  // A fitted noise is fitted again, to the same rows.
  Map fitted = nce();
  fitted["noise"] = Map{{"kind", "flow"}};
  for (Map options : {recipe(nce()), recipe(fitted), recipe(pcd()), sgdRecipe}) {
    const at::Tensor x = twoColumns();
    options["checkpoints"] = true;
    options["every"] = 5;
    RecordingJob whole;
    const EnergyRef a = mlpEnergy("silu", at::kFloat);
    const Trained reference = train(a, x, options, whole);
    CHECK(whole.checkpoints().size() == 3);  // 5, 10 and the end
    // Another energy, other initial weights: everything must come from the checkpoint.
    const EnergyRef b = energyFrom(
        {{"kind", "mlp"}, {"input", 2}, {"hidden", List{7, 6}}, {"activation", "silu"}, {"gaussianBase", 2.0}},
        at::kFloat, 999);
    Map again = options;
    again["resume"] = resumeFrom(whole.checkpoints()[0]);
    const Trained resumed = train(b, x, again);
    CHECK(a->parameters().flat().equal(b->parameters().flat()));
    CHECK(reference.extras == resumed.extras);
    CHECK(historyText(reference.result) == historyText(resumed.result));
    for (const auto& [name, tensor] : tensorsOf(reference.result.map()->at("rawParameters")))
      CHECK(tensor.equal(tensorsOf(resumed.result.map()->at("rawParameters")).at(name)));
  }
}

TEST(resume_refuses_other_data_and_other_energies) {
  Map options = recipe(nce());
  options["checkpoints"] = true;
  RecordingJob job;
  train(mlpEnergy("silu"), twoColumns(), options, job);
  options["resume"] = resumeFrom(job.checkpoints().back());
  CHECK_THROWS(train(mlpEnergy("silu"), twoColumns() + 1e-12, options), Error);
  CHECK_THROWS(train(mlpEnergy("silu", at::kFloat), twoColumns(), options), Error);
  CHECK_THROWS(train(gaussianEnergy({{1, 0}, {0, 1}}), twoColumns(), options), Error);
}

// Aborts itself when a checkpoint of step `at` was emitted; the next check() throws.
struct AbortingJob : RecordingJob {
  explicit AbortingJob(double at) : at(at) {}
  void emit(Map event) override {
    if (*event.at("type").get<std::string>() == "checkpoint" && *event.at("step").get<double>() == at) abort();
    RecordingJob::emit(std::move(event));
  }
  double at;
};

TEST(abort_leaves_a_checkpoint_that_goes_on) {
  Map options = recipe(pcd());
  options["checkpoints"] = true;
  const EnergyRef a = mlpEnergy("silu"), b = mlpEnergy("silu");
  train(a, twoColumns(), options);
  options["every"] = 4;
  AbortingJob job(4);
  try {
    train(b, twoColumns(), options, job);
    fail(__FILE__, __LINE__, "the abort was ignored");
  } catch (const Error& error) {
    CHECK(error.code == Code::Aborted);
  }
  options["resume"] = resumeFrom(job.checkpoints().back());
  train(b, twoColumns(), options);
  CHECK(a->parameters().flat().equal(b->parameters().flat()));
}

// ---- Divergence and bad input --------------------------------------------------------------------------------------

Error errorOf(const EnergyRef& energy, const at::Tensor& x, const Map& options) {
  try {
    train(energy, x, options);
  } catch (const Error& error) {
    return error;
  }
  fail(__FILE__, __LINE__, "nothing was thrown");
}

TEST(divergence_names_step_and_monitor) {
  Map options = recipe(nce(), 200);
  options["optimizer"] = Map{{"kind", "sgd"}, {"lr", 1e12}};
  options["clipNorm"] = 0;
  const EnergyRef energy = mlpEnergy("silu", at::kFloat);
  const Error error = errorOf(energy, twoColumns(), options);
  CHECK(error.code == Code::Diverged);
  CHECK(error.details.count("step") == 1 && error.details.count("monitor") == 1);
  CHECK(std::string(error.what()).find("lr") != std::string::npos);
  // The weights of the last good step stay.
  CHECK(energy->parameters().flat().isfinite().all().item<bool>());
}

TEST(the_gap_watch_stops_a_run) {
  Map options = recipe(pcd());
  options["divergence"] = Map{{"gap", 1e-9}};
  const Error error = errorOf(mlpEnergy("silu"), twoColumns(), options);
  CHECK(error.code == Code::Diverged);
  CHECK(*error.details.at("monitor").get<std::string>() == "gap");
}

TEST(data_that_is_not_finite_is_named) {
  at::Tensor x = twoColumns(50).clone();
  x[17][1] = std::nan("");
  const Error error = errorOf(mlpEnergy("silu"), x, recipe(nce()));
  CHECK(error.code == Code::NonFinite);
  CHECK(*error.details.at("row").get<double>() == 17 && *error.details.at("column").get<double>() == 1);
}

TEST(nothing_to_train_is_refused) {
  const EnergyRef fixed =
      energyFrom({{"kind", "gaussian"}, {"mean", List{0.0, 0.0}}, {"precision", List{List{1.0, 0.0}, List{0.0, 1.0}}}});
  CHECK(errorOf(fixed, twoColumns(), recipe(nce())).code == Code::Unsupported);
  CHECK(errorOf(mlpEnergy("silu"), at::empty({0, 2}, at::kDouble), recipe(nce())).code == Code::Shape);
  CHECK(errorOf(mlpEnergy("silu", at::kBFloat16), twoColumns(), recipe(nce())).code == Code::Dtype);
}

}  // namespace
}  // namespace langevin::test::training_test
