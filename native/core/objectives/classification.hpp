// The cross-entropy of a classifier's logits, as every objective with labels uses it.
#pragma once

#include <string>

#include "objectives/objective.hpp"

namespace langevin {

/// Refuses energies without logits and rows without class labels, by the name of the objective.
void requireLabels(const Energy& model, const at::Tensor& target, const std::string& objective);

/// weight mean (logsumexp f(x) - f(x)[y]) of the batch's rows and labels, as a loss without a graph. Reports accuracy.
at::Tensor crossEntropyOf(StepContext& context, double weight = 1);

}  // namespace langevin
