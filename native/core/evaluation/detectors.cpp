#include "evaluation/detectors.hpp"

#include <algorithm>

#include "base/registry.hpp"
#include "base/threads.hpp"
#include "evaluation/functions.hpp"
#include "evaluation/metrics.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

const Registry<const DetectorKind& (*)()>& detectors() {
  static const Registry<const DetectorKind& (*)()> registry = {
      "detector",
      {
          {"energy", modelDetector},
          {"likelihood", modelDetector},
          {"scoreNorm", modelDetector},
          {"logitEnergy", modelDetector},
          {"maxSoftmax", modelDetector},
          {"maxLogit", modelDetector},
          {"entropy", logitDetector},
          {"klUniform", logitDetector},
          {"gen", logitDetector},
          {"react", reactDetector},
          {"ash", ashDetector},
          {"vim", vimDetector},
          {"fdbd", fdbdDetector},
          {"relativeMahalanobis", relativeMahalanobisDetector},
          {"odin", odinDetector},
          {"gradNorm", gradNormDetector},
          {"averagedEnergy", averagedEnergy},
          {"energyLadder", averagedEnergy},
          {"mahalanobis", mahalanobis},
          {"knn", nearestNeighbours},
          {"diffusionTime", diffusionTime},
          {"lof", localOutlierFactor},
          {"ecod", columnTails},
          {"copod", columnTails},
          {"isolationForest", isolationForest},
          {"pca", principalComponents},
          {"gaussianMixture", gaussianMixture},
          {"oneClassSvm", oneClassSvm},
          {"columnDensity", columnDensity},
          {"denoisingScore", denoisingScore},
          {"ensemble", detectorEnsemble},
          {"minimumCovarianceDeterminant", minimumCovarianceDeterminant},
      },
  };
  return registry;
}

std::unique_ptr<Detector> makeDetector(const Spec& detector, const Spec& state) {
  return detectorKind(detector).make(detector, state);
}

// { detector, threads? } -> { name: tensor }, the state that the other functions take. An unfit detector is refused here.
Value fitDetector(const Spec& a, Job& job) {
  const Spec detector = a.at("detector");
  const DetectorKind& kind = detectorKind(detector);
  const Value state = kind.fit == nullptr ? Map{} : kind.fit(detector, a.threads(), job);
  kind.make(detector, Spec(state, "state"));
  return state;
}

// { detector, state, x, columns?, threads? } -> float64 [n]; with `columns`, x is the rows [n, columns] laid flat
Value scoreRows(const Spec& a, Job& job) {
  at::Tensor x = unbox(a.at("x"));
  if (a.has("columns")) {
    const std::int64_t columns = a.count("columns", 1);
    if (x.numel() % columns != 0) fail(Code::Shape, x.numel(), " numbers are no rows of ", columns);
    x = x.view({-1, columns});
  }
  const at::Tensor s = makeDetector(a.at("detector"), a.at("state"))->scores(x, a.threads(), job);
  requireFinite(s, "the OOD scores");
  return box(s);
}

// { scores } -> the same in ascending order, float64 [n]: what thresholds and p-values are read from.
Value calibrate(const Spec& a, Job&) { return box(std::get<0>(readVector(a.at("scores")).sort())); }

// { detector, state, inDistribution, outOfDistribution: { name: rows }, positive, auprRule, fprRule, tpr, threads? }
Value evaluateDetector(const Spec& a, Job& job) {
  const std::string &positive = a.text("positive"), &auprRule = a.text("auprRule"), &fprRule = a.text("fprRule");
  if (positive != "ood" && positive != "id")
    a.at("positive").invalid("'" + positive + "' is not a class; use ood or id");
  if (auprRule != "step" && auprRule != "trapezoid") a.at("auprRule").invalid("must be step or trapezoid");
  if (fprRule != "first" && fprRule != "nearest") a.at("fprRule").invalid("must be first or nearest");
  const double tpr = a.probability("tpr", 0.95);
  const std::unique_ptr<Detector> detector = makeDetector(a.at("detector"), a.at("state"));
  const int threads = a.threads();
  const auto score = [&](const at::Tensor& x, const std::string& name) {
    at::Tensor s = detector->scores(x, threads, job);
    requireFinite(s, "the OOD scores of " + name);
    if (s.numel() == 0) fail(Code::Shape, name, " has no rows");
    return s;
  };
  const auto aupr = [&](const Ranking& r) { return auprRule == "step" ? r.auprStep() : r.auprTrapezoid(); };
  const at::Tensor inside = score(unbox(a.at("inDistribution")), "inDistribution");
  Map report;
  for (const auto& [name, value] : a.at("outOfDistribution").map()) {
    const Spec rows(value, "outOfDistribution." + name);
    const at::Tensor outside = score(unbox(rows), rows.path());
    const at::Tensor all = at::cat({inside, outside});
    const at::Tensor labels = at::cat({at::zeros({inside.numel()}, at::kLong), at::ones({outside.numel()}, at::kLong)});
    const Ranking ood = makeRanking(all, labels, true), id = makeRanking(all, labels, false);
    const Ranking& chosen = positive == "ood" ? ood : id;
    report[name] = Map{{"auroc", ood.auroc()},
                       {"auprIn", aupr(id)},
                       {"auprOut", aupr(ood)},
                       {"fpr95", fprRule == "first" ? chosen.fprFirst(tpr) : chosen.fprNearest(tpr)},
                       {"f1", ood.f1AtPositives()},
                       {"positive", positive},
                       {"n", all.numel()},
                       {"inDistribution", inside.numel()},
                       {"outOfDistribution", outside.numel()}};
  }
  return report;
}

}  // namespace

const DetectorKind& detectorKind(const Spec& detector) { return detectors().find(detector)(); }

at::Tensor trainingRows(const Spec& detector) {
  const Spec given = detector.at("rows");
  const at::Tensor rows = readMatrix(given);
  requireRows(rows, 2, given.path());
  return rows;
}

at::Tensor stateTensor(const Spec& state, const char* name, std::int64_t axes, at::ScalarType type) {
  const at::Tensor t = unbox(state.at(name));
  if (t.dim() != axes || t.scalar_type() != type || t.numel() == 0)
    state.at(name).invalid(std::string("must be ") + dtypeName(type) + " with " + std::to_string(axes) +
                           " axes, none of them empty");
  return t.contiguous();
}

at::Tensor rowsToScore(const at::Tensor& x, std::int64_t width) {
  at::Tensor v = asRows(x.dim() > 2 ? x.flatten(1) : x, width, at::kDouble, at::kCPU, "x");
  requireFinite(v, "x");
  return v.contiguous();
}

at::Tensor scoresOfTiles(const at::Tensor& rows, int threads, Job& job,
                         const std::function<at::Tensor(const at::Tensor&)>& score) {
  // A tile of narrow rows costs more to begin than to compute. Its size depends on the shape alone, as its last bits may.
  const Tiling tiling(rows.size(0),
                      std::clamp<std::int64_t>(65536 / std::max<std::int64_t>(rows.size(1), 1), 128, 1024));
  at::Tensor out = at::empty({rows.size(0)}, at::kDouble);
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    at::NoGradGuard guard;
    job.check();
    const TileRange r = tiling.range(t);
    out.slice(0, r.first, r.last).copy_(score(rows.slice(0, r.first, r.last)));
  });
  return out;
}

at::Tensor scoresOfRows(const at::Tensor& rows, int threads, Job& job,
                        const std::function<double(const double*)>& score) {
  const Tiling tiling(rows.size(0));
  at::Tensor out = at::empty({rows.size(0)}, at::kDouble);
  double* scores = out.data_ptr<double>();
  const double* values = rows.const_data_ptr<double>();
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    job.check();
    const TileRange r = tiling.range(t);
    for (std::int64_t i = r.first; i < r.last; ++i) scores[i] = score(values + i * rows.size(1));
  });
  return out;
}

at::Tensor shrunkCovariance(const at::Tensor& centred, double shrinkage) {
  const std::int64_t n = centred.size(0), d = centred.size(1);
  const at::Tensor covariance = centred.t().matmul(centred).div(static_cast<double>(n));
  const double ridge = shrinkage * covariance.trace().item<double>() / static_cast<double>(d);
  return covariance.mul(1 - shrinkage).add(at::eye(d, at::kDouble), ridge);
}

const std::vector<Function>& detectorFunctions() {
  static const std::vector<Function> table = {
      {"ood.fit", Lane::Short, fitDetector},
      {"ood.scores", Lane::Short, scoreRows},
      {"ood.calibrate", Lane::Short, calibrate},
      {"ood.evaluate", Lane::Short, evaluateDetector},
  };
  return table;
}

}  // namespace langevin
