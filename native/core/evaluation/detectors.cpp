#include "evaluation/detectors.hpp"

#include "base/registry.hpp"
#include "evaluation/functions.hpp"
#include "evaluation/metrics.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

using MakeDetector = std::unique_ptr<Detector> (*)(const Spec&);

const Registry<MakeDetector>& detectors() {
  static const Registry<MakeDetector> registry = {
      "detector",
      {
          {"energy", makeModelDetector},
          {"likelihood", makeModelDetector},
          {"scoreNorm", makeModelDetector},
          {"logitEnergy", makeModelDetector},
          {"maxSoftmax", makeModelDetector},
          {"maxLogit", makeModelDetector},
          {"averagedEnergy", makeAveragedEnergy},
          {"mahalanobis", makeMahalanobis},
          {"knn", makeNearestNeighbours},
      },
  };
  return registry;
}

// { detector, x, threads? } -> float64 [n]
Value scores(const Spec& a, Job& job) {
  const at::Tensor s = makeDetector(a.at("detector"))->scores(unbox(a.at("x")), a.threads(), job);
  requireFinite(s, "the OOD scores");
  return box(s);
}

// { detector, inDistribution, outOfDistribution: { name: rows }, positive, auprRule, fprRule, tpr, threads? }
Value evaluateDetector(const Spec& a, Job& job) {
  const std::string &positive = a.text("positive"), &auprRule = a.text("auprRule"), &fprRule = a.text("fprRule");
  if (positive != "ood" && positive != "id")
    a.at("positive").invalid("'" + positive + "' is not a class; use ood or id");
  if (auprRule != "step" && auprRule != "trapezoid") a.at("auprRule").invalid("must be step or trapezoid");
  if (fprRule != "first" && fprRule != "nearest") a.at("fprRule").invalid("must be first or nearest");
  const double tpr = a.probability("tpr", 0.95);
  const std::unique_ptr<Detector> detector = makeDetector(a.at("detector"));
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
                       {"positive", positive},
                       {"n", all.numel()},
                       {"inDistribution", inside.numel()},
                       {"outOfDistribution", outside.numel()}};
  }
  return report;
}

}  // namespace

std::unique_ptr<Detector> makeDetector(const Spec& spec) { return detectors().find(spec)(spec); }

const std::vector<Function>& detectorFunctions() {
  static const std::vector<Function> table = {
      {"ood.scores", Lane::Queued, scores},
      {"ood.evaluate", Lane::Queued, evaluateDetector},
  };
  return table;
}

}  // namespace langevin
