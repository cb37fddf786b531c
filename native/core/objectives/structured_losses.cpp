// E_C: energy of the right answer; E_I: lowest energy of an answer outside the ball. At a kink (a max(0, .) at 0, a cap
// that is just reached) the gradient is the flat side's, 0; a minimum that several answers attain shares it equally.
#include "objectives/structured_losses.hpp"

#include <limits>

#include "base/error.hpp"

namespace langevin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The whole set of answers [n, m + 1]: the right one first; candidates equal to it do not count twice.
at::Tensor everyAnswer(const AnswerEnergies& e) {
  return at::cat({e.correct.unsqueeze(1), e.others.masked_fill(e.right, kInfinity)}, 1);
}

at::Tensor energyLoss(const AnswerEnergies& e, const StructuredOptions&) { return e.correct; }

// E_C - min over all answers, the right one included: never negative.
at::Tensor perceptron(const AnswerEnergies& e, const StructuredOptions&) { return e.correct - everyAnswer(e).amin(1); }

at::Tensor hinge(const AnswerEnergies& e, const StructuredOptions& o) {
  return at::relu(o.margin + e.correct - offendingEnergy(e));
}

// log(1 + exp(E_C - E_I)); log_sigmoid keeps its digits at both ends, where softplus switches to a line.
at::Tensor logLoss(const AnswerEnergies& e, const StructuredOptions&) {
  return -at::log_sigmoid(offendingEnergy(e) - e.correct);
}

// min(M, max(0, (E_C - E_I) / (delta E_I))). With E_I = 0 the ratio is read as its limit: 0 or M.
at::Tensor lvq2(const AnswerEnergies& e, const StructuredOptions& o) {
  const at::Tensor offending = offendingEnergy(e);
  if ((offending < 0).any().item<bool>())
    fail(Code::Unsupported,
         "the loss lvq2 divides by the energy of the most offending answer and needs energies of at "
         "least 0 (twoTower); here one is ",
         offending.min().item<double>());
  const at::Tensor excess = e.correct - offending;
  const at::Tensor below = excess <= 0, above = excess >= o.cap * o.delta * offending;
  const at::Tensor flat = below.logical_or(above);
  const at::Tensor ratio = excess / (o.delta * offending.masked_fill(flat, 1.0));
  return at::where(below, at::zeros_like(ratio), at::where(above, at::full_like(ratio, o.cap), ratio));
}

at::Tensor mce(const AnswerEnergies& e, const StructuredOptions&) {
  return at::sigmoid(e.correct - offendingEnergy(e));
}

// The plus before the second term is right: a minus, as some prints have it, would reward low energies
// of wrong answers.
at::Tensor squareSquare(const AnswerEnergies& e, const StructuredOptions& o) {
  return e.correct.square() + at::relu(o.margin - offendingEnergy(e)).square();
}

at::Tensor squareExponential(const AnswerEnergies& e, const StructuredOptions& o) {
  return e.correct.square() + o.gamma * (-offendingEnergy(e)).exp();
}

// E_C + (1 / beta) log sum exp(-beta E) = -(1 / beta) log P(right answer).
at::Tensor nllLoss(const AnswerEnergies& e, const StructuredOptions& o) {
  return e.correct + (-o.beta * everyAnswer(e)).logsumexp(1) / o.beta;
}

// 1 - P(right answer); expm1 keeps the digits where P is near 1.
at::Tensor mee(const AnswerEnergies& e, const StructuredOptions& o) {
  return -(-o.beta * e.correct - (-o.beta * everyAnswer(e)).logsumexp(1)).expm1();
}

}  // namespace

at::Tensor offendingEnergy(const AnswerEnergies& e) {
  return e.others.masked_fill(e.wrong.logical_not(), kInfinity).amin(1);
}

const std::vector<StructuredLoss>& structuredLosses() {
  static const std::vector<StructuredLoss> table = {
      {"energy", energyLoss, false, false},
      {"perceptron", perceptron, false, true},
      {"hinge", hinge, true, false},
      {"log", logLoss, true, false},
      {"lvq2", lvq2, true, false},
      {"mce", mce, true, false},
      {"squareSquare", squareSquare, true, false},
      {"squareExponential", squareExponential, true, false},
      {"nll", nllLoss, false, true},
      {"mee", mee, false, true},
  };
  return table;
}

}  // namespace langevin
