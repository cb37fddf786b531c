// spandrel.field and spandrel.evaluate: what is true on the grid, and what a model says there.
#include <cmath>

#include "evaluation/functions.hpp"
#include "evaluation/spandrel.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kSpandrelBlock = 1 << 14;  // cells evaluated at once

SpandrelGrid readGrid(const Spec& a) {
  SpandrelGrid grid;
  grid.b = a.positive("b", grid.b);
  grid.cells = a.count("cells", 8, grid.cells);
  if (grid.cells % 2 != 0 || grid.cells > 2000) a.at("cells").invalid("must be an even number of at most 2000");
  return grid;
}

at::Tensor square(const at::Tensor& values, const SpandrelGrid& grid) {
  return values.reshape({grid.side(), grid.side()});
}

at::Tensor gridValues(const Spec& field, const std::string& key, const SpandrelGrid& grid) {
  const at::Tensor values = unbox(field.at(key)).to(at::kCPU, at::kDouble).contiguous();
  if (values.numel() != grid.size())
    fail(Code::Shape, field.path(), ".", key, " has shape ", c10::str(values.sizes()), ", the grid has ", grid.side(),
         " x ", grid.side(), " cells");
  requireFinite(values.reshape({-1, 1}), field.path() + "." + key);
  return values;
}

// { shape, sigma? = 0.05, b? = 2, cells? = 200, threads? } -> { shape, sigma, b, cells, points: float64 [side^2, 2],
//   logDensity, distance: float64 [side, side] }, side = 2 cells, over [-2b, 2b]^2
Value field(const Spec& a, Job& job) {
  const SpandrelShape& shape = spandrelShape(a.text("shape"));
  const SpandrelGrid grid = readGrid(a);
  const double sigma = a.positive("sigma", 0.05);
  const int threads = a.threads();
  std::vector<at::Tensor> density, distance;
  for (std::int64_t first = 0; first < grid.size(); first += kSpandrelBlock) {
    job.check();
    const at::Tensor points = grid.points(first, std::min(grid.size(), first + kSpandrelBlock));
    density.push_back(spandrelLogDensity(shape, points, sigma, threads));
    distance.push_back(spandrelDistance(shape, points, threads));
  }
  return Map{{"shape", shape.name},
             {"sigma", sigma},
             {"b", grid.b},
             {"cells", grid.cells},
             {"points", box(grid.points(0, grid.size()))},
             {"logDensity", box(square(at::cat(density), grid))},
             {"distance", box(square(at::cat(distance), grid))}};
}

SpandrelField readField(const Spec& f) {
  SpandrelField field;
  field.grid = readGrid(f);
  field.sigma = f.positive("sigma", 0.05);
  field.logDensity = gridValues(f, "logDensity", field.grid);
  field.distance = gridValues(f, "distance", field.grid);
  field.bridges = spandrelShape(f.text("shape")).bridges;
  return field;
}

// Held-out points [m, 2]; outside the box a density on the box says nothing about them.
at::Tensor readTest(const Spec& a, const SpandrelGrid& grid) {
  const at::Tensor test = asRows(unbox(a.at("test")), 2, at::kDouble, at::kCPU, "test");
  requireFinite(test, "test");
  requireRows(test, 1, "test");
  const at::Tensor outside = test.abs().gt(grid.b).any(1);
  if (outside.any().item<bool>()) {
    const auto row = outside.nonzero()[0].item<std::int64_t>();
    throw Error(Code::InvalidOption,
                "test: row " + std::to_string(row) + " lies outside the box [-b, b]^2; raise b or leave the row out",
                {{"row", row}});
  }
  return test;
}

struct ModelScores {
  SpandrelScores logScore;
  std::optional<SpandrelScores> maxSoftmax;
};

// Scores of an energy at points: -E, float64; for classifiers the max softmax beside it.
void scoreBlock(const Energy& energy, const at::Tensor& points, int threads, std::vector<at::Tensor>& logScore,
                std::vector<at::Tensor>* maxSoftmax) {
  const Batch rows = energy.rows(points, {});
  at::Tensor e = energy.energyOf(rows, threads).to(at::kCPU, at::kDouble);
  const at::Tensor lost = at::isfinite(e).logical_not();
  if (lost.any().item<bool>()) {
    const auto row = lost.nonzero()[0].item<std::int64_t>();
    fail(Code::NonFinite, "the energy is not finite at x = (", points[row][0].item<double>(), ", ",
         points[row][1].item<double>(), ")");
  }
  logScore.push_back(-e);
  if (maxSoftmax)
    maxSoftmax->push_back(std::get<0>(energy.outputsOf(rows, threads).to(at::kCPU, at::kDouble).softmax(1).max(1)));
}

ModelScores modelScores(const Energy& energy, const SpandrelGrid& grid, const at::Tensor& test, int threads, Job& job) {
  const bool classifier = energy.program().kind == "classifier";
  std::vector<at::Tensor> score, sure;
  for (std::int64_t first = 0; first < grid.size(); first += kSpandrelBlock) {
    job.check();
    scoreBlock(energy, grid.points(first, std::min(grid.size(), first + kSpandrelBlock)), threads, score,
               classifier ? &sure : nullptr);
  }
  ModelScores result;
  result.logScore.grid = at::cat(score);
  if (classifier) result.maxSoftmax = SpandrelScores{at::cat(sure), {}};
  score.clear();
  sure.clear();
  scoreBlock(energy, test, threads, score, classifier ? &sure : nullptr);
  result.logScore.test = score[0].contiguous();
  if (classifier) result.maxSoftmax->test = sure[0].contiguous();
  return result;
}

// kde: { rows: [n, 1], bandwidth } adds log p(x): a conditional density of y becomes a joint one.
void addMarginal(SpandrelScores& scores, const Spec& kde, const SpandrelGrid& grid, const at::Tensor& test,
                 int threads) {
  const at::Tensor rows = asRows(unbox(kde.at("rows")), 1, at::kDouble, at::kCPU, "kde.rows").contiguous();
  requireFinite(rows, "kde.rows");
  requireRows(rows, 1, "kde.rows");
  const double bandwidth = kde.positive("bandwidth");
  // One row of the grid holds every x.
  const at::Tensor x = grid.points(0, grid.side()).select(1, 0).contiguous();
  const at::Tensor marginal = logKernelDensity(rows.squeeze(1), bandwidth, x, threads);
  scores.grid = (scores.grid.reshape({grid.side(), grid.side()}) + marginal.unsqueeze(0)).reshape({-1}).contiguous();
  scores.test = (scores.test + logKernelDensity(rows.squeeze(1), bandwidth, test.select(1, 0).contiguous(), threads));
}

Map metricsMap(const SpandrelMetrics& m) {
  const auto optional = [](const std::optional<double>& v) { return v ? Value(*v) : Value(); };
  return {{"spandrelMass", m.spandrelMass},
          {"fpr95", m.fpr95},
          {"auroc", m.auroc},
          {"nearFpr95", m.nearFpr95},
          {"outsideFpr95", m.outsideFpr95},
          {"bridgeMass", optional(m.bridgeMass)},
          {"gapRatio", optional(m.gapRatio)},
          {"totalVariation", m.totalVariation},
          {"logLikelihood", m.logLikelihood},
          {"logNormaliser", m.logNormaliser}};
}

// { field: as spandrel.field gives it, test: [m, 2], energy | scores: { grid: [side^2], test: [m] }, kde?, image?,
//   threads? } -> the metrics; overconfidentArea, overconfidentOutside, maxSoftmaxFpr95 for classifiers; image: float32
//   [side, side], the log-density normalised over the box
Value evaluateSpandrel(const Spec& a, Job& job) {
  const SpandrelField field = readField(a.at("field"));
  const at::Tensor test = readTest(a, field.grid);
  const int threads = a.threads();
  if (a.has("energy") == a.has("scores")) a.invalid("give either an energy or its scores");
  ModelScores scores;
  if (a.has("energy")) {
    const EnergyRef energy = energyIn(a.at("energy"));
    if (energy->inputWidth() != 2)
      fail(Code::Shape, "the study lives in the plane; the energy has ", energy->inputWidth(), " columns");
    scores = modelScores(*energy, field.grid, test, threads, job);
  } else {
    scores.logScore.grid = gridValues(a.at("scores"), "grid", field.grid).reshape({-1});
    scores.logScore.test = readVector(a.at("scores").at("test"));
    requireSameRows(scores.logScore.test, "scores.test", test, "test");
  }
  if (const auto kde = a.find("kde")) addMarginal(scores.logScore, *kde, field.grid, test, threads);
  const SpandrelMetrics metrics = spandrelMetrics(field, scores.logScore);
  Map result = metricsMap(metrics);
  if (scores.maxSoftmax) {
    const SpandrelConfidence sure = spandrelConfidence(field, *scores.maxSoftmax);
    result.emplace("overconfidentArea", sure.overconfidentArea);
    result.emplace("overconfidentOutside", sure.overconfidentOutside);
    result.emplace("maxSoftmaxFpr95", sure.maxSoftmaxFpr95);
  }
  if (a.boolean("image", false))
    result.emplace("image", box(square(scores.logScore.grid - metrics.logNormaliser, field.grid).to(at::kFloat)));
  return result;
}

}  // namespace

const std::vector<Function>& spandrelStudyFunctions() {
  static const std::vector<Function> table = {
      {"spandrel.field", Lane::Queued, field},
      {"spandrel.evaluate", Lane::Queued, evaluateSpandrel},
  };
  return table;
}

}  // namespace langevin
