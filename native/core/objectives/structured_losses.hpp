// The losses of structured prediction as functions of a table of energies (LeCun et al. 2006, section 2.2).
#pragma once

#include <string>
#include <vector>

#include "base/torch.hpp"

namespace langevin {

/// Energies of the answers of n rows. The set of answers is the right one and those of `others` that are not `right`.
struct AnswerEnergies {
  at::Tensor correct;  // E_C [n]: of the right answer
  at::Tensor others;   // [n, m]: of the candidates
  at::Tensor right;    // bool [n, m]: candidates that are the right answer; counted once, as E_C
  at::Tensor wrong;    // bool [n, m]: candidates outside the ball around the right answer; at least one per row
};

struct StructuredOptions {
  double margin = 1;  // m of hinge and squareSquare
  double beta = 1;    // inverse temperature of nll and mee
  double gamma = 1;   // weight of squareExponential's second term
  double delta = 1;   // scale of lvq2's ratio
  double cap = 1;     // M of lvq2
};

struct StructuredLoss {
  const char* name;
  at::Tensor (*value)(const AnswerEnergies&, const StructuredOptions&);  // one number per row, [n]
  bool comparesOffending;                                                // uses E_I
  bool comparesAll;                                                      // uses every answer
};

/// energy, perceptron, hinge, log, lvq2, mce, squareSquare, squareExponential, nll, mee.
const std::vector<StructuredLoss>& structuredLosses();

/// E_I [n]: the lowest energy of the wrong answers. Where several are lowest the gradient is shared equally among them.
at::Tensor offendingEnergy(const AnswerEnergies& e);

}  // namespace langevin
