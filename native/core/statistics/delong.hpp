// Two ways to score the same rows, compared by their areas under the ROC curve (DeLong, DeLong and Clarke-Pearson 1988).
#pragma once

#include <cstdint>

#include "base/torch.hpp"

namespace langevin {

struct AurocComparison {
  double first = 0, second = 0;  // the two areas
  double deviation = 0;          // standard error of their difference
  double z = 0, pValue = 1;  // two-sided, from the normal law; deviation 0: z 0 and p 1 where they are equal, else p 0
};

/// Scores float64 [n] of the same rows, higher = more likely positive; positive uint8 [n], both classes at least twice.
AurocComparison compareAuroc(const at::Tensor& first, const at::Tensor& second, const at::Tensor& positive);

}  // namespace langevin
