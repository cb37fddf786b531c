// metrics.*: arguments in, numbers out. Labels of ranking metrics are 1 = out-of-distribution, scores are OOD scores.
#include "evaluation/metrics.hpp"
#include "evaluation/functions.hpp"

#include "statistics/calibration.hpp"
#include "statistics/delong.hpp"
#include "statistics/distances.hpp"
#include "tensors/arguments.hpp"

namespace langevin {
namespace {

PairRule readPairRule(const Spec& a) {
  const std::string rule = a.text("estimator", "biased");
  if (rule == "biased") return PairRule::Biased;
  if (rule == "unbiased") return PairRule::Unbiased;
  a.at("estimator").invalid("'" + rule + "' is not an estimator; use biased or unbiased");
}

bool readPositiveIsOod(const Spec& a) {
  const std::string& positive = a.text("positive");
  if (positive == "ood") return true;
  if (positive == "id") return false;
  a.at("positive").invalid("'" + positive + "' is not a class; use ood or id");
}

Value auroc(const Spec& a, Job&) { return readRanking(a).auroc(); }

Value aupr(const Spec& a, Job&) {
  const std::string& rule = a.text("rule");
  if (rule == "step") return readRanking(a).auprStep();
  if (rule == "trapezoid") return readRanking(a).auprTrapezoid();
  a.at("rule").invalid("'" + rule + "' is not a rule; use step or trapezoid");
}

Value fprAtTpr(const Spec& a, Job&) {
  const double tpr = a.probability("tpr", 0.95);
  const std::string& rule = a.text("rule");
  if (rule == "first") return readRanking(a).fprFirst(tpr);
  if (rule == "nearest") return readRanking(a).fprNearest(tpr);
  a.at("rule").invalid("'" + rule + "' is not a rule; use first or nearest");
}

// { first, second, labels } -> { first, second, difference, standardError, z, pValue }
Value compareAurocOf(const Spec& a, Job&) {
  const at::Tensor first = readVector(a.at("first")), second = readVector(a.at("second"));
  const at::Tensor labels = asLabels(unbox(a.at("labels")), 2, at::kCPU, "labels").to(at::kByte).contiguous();
  requireSameRows(first, "first", labels, "labels");
  requireSameRows(second, "second", labels, "labels");
  const AurocComparison c = compareAuroc(first, second, labels);
  return Map{
      {"first", c.first}, {"second", c.second}, {"difference", c.first - c.second}, {"standardError", c.deviation},
      {"z", c.z},         {"pValue", c.pValue}};
}

struct Classified {
  at::Tensor log, probabilities, labels;
  at::ScalarType rounded = at::kDouble;  // the dtype that probabilities were given in
};

BinRule binRuleOf(const Spec& a, const Classified& c) {
  const std::string binning = a.text("binning", "width");
  if (binning != "width" && binning != "mass")
    a.at("binning").invalid("'" + binning + "' is not known; use width or mass");
  return {a.count("bins", 1, 15), binning == "mass" ? Binning::Mass : Binning::Width, c.rounded};
}

std::vector<ReliabilityBin> binsOf(const Spec& a, const Classified& c) {
  return reliability(c.probabilities, c.labels, binRuleOf(a, c));
}

// probabilities [n, k], or [n] = P(class 1) of two; with from: 'logits' the softmax (the logistic function) is taken
// here, in float64.
Classified readClassified(const Spec& a) {
  const Spec given = a.at("probabilities");
  at::Tensor p = readMatrix(given);
  const std::string from = a.text("from", "probabilities");
  const bool logits = from == "logits";
  if (!logits && from != "probabilities")
    a.at("from").invalid("'" + from + "' is not known; use probabilities or logits");
  if (p.size(1) == 1) p = at::cat({logits ? at::zeros_like(p) : 1 - p, p}, 1);
  requireRows(p, 1, given.path());
  Classified c;
  c.labels = asLabels(unbox(a.at("labels")), p.size(1), at::kCPU, a.at("labels").path()).contiguous();
  requireSameRows(p, given.path(), c.labels, "labels");
  if (logits) {
    c.log = p.log_softmax(1).contiguous();
    c.probabilities = c.log.exp();
  } else {
    c.probabilities = p.contiguous();
    c.rounded = unbox(given).scalar_type();
    requireProbabilities(c.probabilities);
    c.log = c.probabilities.log();
  }
  return c;
}

Value ece(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  return expectedCalibrationError(binsOf(a, c));
}

Value mce(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  return maximumCalibrationError(binsOf(a, c));
}

Value classwiseEce(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  const BinRule rule = binRuleOf(a, c);
  const std::int64_t classes = c.probabilities.size(1);
  double sum = 0;
  for (std::int64_t k = 0; k < classes; ++k)
    sum += expectedCalibrationError(reliabilityOfClass(c.probabilities, c.labels, k, rule));
  return sum / static_cast<double>(classes);
}

Value reliabilityBins(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  List rows;
  for (const ReliabilityBin& b : binsOf(a, c))
    rows.push_back(Map{
        {"low", b.low}, {"high", b.high}, {"count", b.count}, {"accuracy", b.accuracy}, {"confidence", b.confidence}});
  return rows;
}

Value brier(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  const double score = brierScore(c.probabilities, c.labels);
  // A vector of P(class 1) is the binary score (p - y)^2, half of the two-class sum.
  const bool vector = unbox(a.at("probabilities")).dim() == 1;
  return vector ? score / 2 : score;
}

Value negativeLogLikelihoodOf(const Spec& a, Job&) {
  const Classified c = readClassified(a);
  return negativeLogLikelihood(c.log, c.labels);
}

Value variation(const Spec& a, Job&) {
  const at::Tensor p = unbox(a.at("p")).to(at::kCPU, at::kDouble), q = unbox(a.at("q")).to(at::kCPU, at::kDouble);
  requireFinite(p, "p");
  requireFinite(q, "q");
  return totalVariation(p, q);
}

Value energyDistanceOf(const Spec& a, Job& job) {
  return energyDistance(readMatrix(a.at("x")), readMatrix(a.at("y")), readPairRule(a), a.threads(), job);
}

Value mmd(const Spec& a, Job& job) {
  const at::Tensor x = readMatrix(a.at("x")), y = readMatrix(a.at("y"));
  const bool median = !a.has("bandwidth") || a.at("bandwidth").value().get<std::string>();
  if (median && a.text("bandwidth", "median") != "median")
    a.at("bandwidth").invalid("must be 'median' or a number greater than 0");
  const double bandwidth = median ? medianDistance(x, y) : a.positive("bandwidth");
  return Map{{"squared", squaredMmd(x, y, bandwidth, readPairRule(a), a.threads(), job)}, {"bandwidth", bandwidth}};
}

Value sliced(const Spec& a, Job& job) {
  const double order = a.positive("order", 2);
  if (order < 1) a.at("order").invalid("must be at least 1");
  const std::uint64_t seed = a.has("seed") ? a.at("seed").seed() : 0;
  return slicedWasserstein(readMatrix(a.at("x")), readMatrix(a.at("y")), a.count("projections", 1, 128), order, seed,
                           a.threads(), job);
}

}  // namespace

Ranking makeRanking(const at::Tensor& oodScores, const at::Tensor& isOod, bool positiveIsOod) {
  const at::Tensor s = positiveIsOod ? oodScores : oodScores.neg();
  const at::Tensor p = (positiveIsOod ? isOod == 1 : isOod == 0).to(at::kByte);
  return Ranking(s.data_ptr<double>(), p.data_ptr<std::uint8_t>(), s.numel());
}

Ranking readRanking(const Spec& a) {
  const at::Tensor scores = readVector(a.at("scores"));
  const at::Tensor labels = asLabels(unbox(a.at("labels")), 2, at::kCPU, "labels").contiguous();
  requireSameRows(scores, "scores", labels, "labels");
  return makeRanking(scores, labels, readPositiveIsOod(a));
}

const std::vector<Function>& metricsFunctions() {
  static const std::vector<Function> table = {
      {"metrics.auroc", Lane::Immediate, auroc},
      {"metrics.aupr", Lane::Immediate, aupr},
      {"metrics.fprAtTpr", Lane::Immediate, fprAtTpr},
      {"metrics.compareAuroc", Lane::Immediate, compareAurocOf},
      {"metrics.ece", Lane::Immediate, ece},
      {"metrics.mce", Lane::Immediate, mce},
      {"metrics.classwiseEce", Lane::Immediate, classwiseEce},
      {"metrics.reliability", Lane::Immediate, reliabilityBins},
      {"metrics.brier", Lane::Immediate, brier},
      {"metrics.nll", Lane::Immediate, negativeLogLikelihoodOf},
      {"metrics.totalVariation", Lane::Immediate, variation},
      {"metrics.energyDistance", Lane::Short, energyDistanceOf},
      {"metrics.mmd", Lane::Short, mmd},
      {"metrics.slicedWasserstein", Lane::Short, sliced},
  };
  return table;
}

}  // namespace langevin
