// gebm: energy-based epistemic uncertainty (Fuchsgruber, Wollschlaeger and Guennemann 2024), as the released code computes it.
//
//   e_c = l_c - gamma R_c,  R_c the squared Mahalanobis distance D_c on the scale of the logits of class c
//   E_independent = -T log sum_c exp(e_c / T),  E_local the same of the diffused e,  E_group the diffused E_independent
//
// Fitted to outputs WITH edges; scores outputs WITHOUT edges and diffuses over the graph itself.
#include <array>
#include <cmath>

#include "graphs/class_gaussians.hpp"
#include "graphs/diffusion.hpp"
#include "graphs/node_outputs.hpp"
#include "graphs/node_score.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

/// The middle 95 % of each column of [n, C]: its smallest and largest value, each [C]. Positions as in the released code:
/// the sorted rows floor(a n) to floor((1 - a) n) - 1 with a = (1 - 0.95) / 2 in float64.
struct Middle {
  at::Tensor low, high;
};

Middle middleOf(const at::Tensor& values) {
  const auto n = static_cast<double>(values.size(0));
  const double cut = (1 - 0.95) / 2;
  const auto first = static_cast<std::int64_t>(cut * n), end = static_cast<std::int64_t>((1 - cut) * n);
  if (end <= first)
    fail(Code::Shape, "the graph has ", values.size(0), " nodes; the scale of GEBM needs at least 2 to fit to");
  const at::Tensor sorted = std::get<0>(values.sort(0));
  return {sorted[first].contiguous(), sorted[end - 1].contiguous()};
}

class Gebm : public NodeScore {
 public:
  struct Options {
    double gamma, alpha, temperature;
    std::int64_t steps;
    bool sum;
  };
  struct Scale {
    at::Tensor distanceLow, distanceHigh, logitLow, logitHigh;  // [C]
  };

  Gebm(Options options, ClassGaussians gaussians, Scale scale)
      : options_(options), gaussians_(std::move(gaussians)), scale_(std::move(scale)) {}

  Map score(const NodeCall& call) const override {
    const NodeOutputs outputs = outputsOf(call);
    const NeighbourMean mean = meanOf(call, outputs);
    const at::Tensor e = evidence(outputs, call.threads);
    const at::Tensor independent = energyOfLogits(e, options_.temperature);
    const at::Tensor local = energyOfLogits(diffused(mean, e, call), options_.temperature);
    const at::Tensor group = diffused(mean, independent, call);
    const at::Tensor total =
        options_.sum ? independent + local + group : at::stack({independent, local, group}).logsumexp(0);
    requireFinite(total, "the energies");
    const TensorRef energy = box(total);
    return {{"uncertainty", energy},
            {"energy", energy},
            {"independent", box(independent)},
            {"local", box(local)},
            {"group", box(group)}};
  }

  // Dirichlet with alpha_c = alpha0 + exp(e_c), e the diffused evidence, all in logarithms: exp(e_c) may overflow.
  Map predict(const NodeCall& call) const override {
    const double prior = call.arguments.positive("alpha0", 1);
    const NodeOutputs outputs = outputsOf(call);
    const at::Tensor e = diffused(meanOf(call, outputs), evidence(outputs, call.threads), call);
    requireFinite(e, "the diffused evidence");
    const auto classes = static_cast<double>(e.size(1));
    const at::Tensor logAlpha = at::logaddexp(e, at::full({}, std::log(prior), at::kDouble));
    const at::Tensor logTotal = logAlpha.logsumexp(1, true);
    return {{"probabilities", box((logAlpha - logTotal).exp())},
            {"logAlpha", box(logAlpha)},
            {"logEvidence", box(e.logsumexp(1))},
            {"vacuity", box((std::log(classes * prior) - logTotal.squeeze(1)).exp())}};
  }

 private:
  NodeOutputs outputsOf(const NodeCall& call) const {
    const NodeOutputs outputs = readOutputs(call.outputs(), "withoutEdges", Need::Both);
    if (outputs.logits.size(1) != gaussians_.classes())
      fail(Code::Shape, "outputs.withoutEdges.logits has ", outputs.logits.size(1), " columns, GEBM was fitted to ",
           gaussians_.classes(), " classes");
    return outputs;
  }
  static NeighbourMean meanOf(const NodeCall& call, const NodeOutputs& outputs) {
    return {unbox(call.arguments.at("edges")), outputs.logits.size(0), true};
  }
  at::Tensor diffused(const NeighbourMean& mean, const at::Tensor& signal, const NodeCall& call) const {
    return mean.diffuse(signal.contiguous(), options_.alpha, options_.steps, call.threads, call.job);
  }
  at::Tensor evidence(const NodeOutputs& outputs, int threads) const {
    // Exactly the logits, also where a distance overflows or a scale has no width.
    if (options_.gamma == 0) return outputs.logits;
    const at::Tensor distances = gaussians_.squaredDistances(outputs.embeddings, threads);
    const at::Tensor share = (distances - scale_.distanceLow) / (scale_.distanceHigh - scale_.distanceLow);
    const at::Tensor matched = share * (scale_.logitHigh - scale_.logitLow) + scale_.logitLow;
    return outputs.logits - matched * options_.gamma;
  }

  Options options_;
  ClassGaussians gaussians_;
  Scale scale_;
};

Map fitGebm(const Spec& score, const NodeCall& call) {
  const NodeOutputs outputs = readOutputs(call.outputs(), "withEdges", Need::Both);
  const std::int64_t n = outputs.logits.size(0), classes = outputs.logits.size(1);
  const at::Tensor labels = readNodeLabels(call.arguments.at("labels"), n, classes);
  const at::Tensor train = readNodeNumbers(call.arguments.at("train"), n);
  const bool tied = score.boolean("tied", false);
  const ClassGaussians gaussians =
      ClassGaussians::fit(outputs.embeddings, labels, train, classes, readCovarianceForm(score, "diagonal"),
                          tied ? Spread::Common : Spread::PerClass);
  // Over all nodes of the graph, not only those that were trained on.
  const Middle distances = middleOf(gaussians.squaredDistances(outputs.embeddings, call.threads));
  const Middle logits = middleOf(outputs.logits);
  const at::Tensor flat = (distances.high - distances.low).gt(0).logical_not().nonzero();
  if (flat.size(0) > 0 && score.number("gamma", 1) != 0)
    fail(Code::InvalidOption, "the embeddings of (nearly) all nodes are equally far from class ",
         flat[0].item<std::int64_t>(),
         ": their distances have no scale. Embeddings of no variance say nothing of a node; ",
         "give others, or gamma: 0 to leave the Gaussian term out");
  Map state = gaussians.state();
  state["distanceLow"] = box(distances.low);
  state["distanceHigh"] = box(distances.high);
  state["logitLow"] = box(logits.low);
  state["logitHigh"] = box(logits.high);
  return state;
}

std::unique_ptr<NodeScore> makeGebm(const Spec& score, const Spec& state) {
  const std::string aggregate = score.text("aggregate", "sum");
  if (aggregate != "sum" && aggregate != "logsumexp") score.at("aggregate").invalid("must be sum or logsumexp");
  const ClassGaussians gaussians = ClassGaussians::read(state);
  const auto column = [&](const char* name) {
    const at::Tensor values = unbox(state.at(name));
    if (values.sizes() != at::IntArrayRef{gaussians.classes()})
      state.at(name).invalid("must have one number for each class");
    return values;
  };
  return std::make_unique<Gebm>(
      Gebm::Options{score.nonNegative("gamma", 1), score.probability("alpha", 0.5), score.positive("temperature", 1),
                    score.count("steps", 0, 10), aggregate == "sum"},
      gaussians, Gebm::Scale{column("distanceLow"), column("distanceHigh"), column("logitLow"), column("logitHigh")});
}

}  // namespace

const NodeScoreKind& gebm() {
  static const NodeScoreKind kind = {fitGebm, makeGebm};
  return kind;
}

}  // namespace langevin
