// What methods with many candidates a row share: rows repeated for each candidate, energies and their gradients in y,
// the best candidate of every row.
#pragma once

#include <functional>

#include "inference/answers.hpp"
#include "inference/inference.hpp"

namespace langevin {

/// Candidates of a block of rows, row after row: x [n * c, d], y [n * c, k]. `firstWalker` numbers the first of them
/// over all blocks: random numbers are keyed by it, so that results do not depend on the size of a block.
struct Walkers {
  at::Tensor x, y;
  std::int64_t rows = 0, each = 0;
  std::uint64_t firstWalker = 0;
  std::int64_t size() const { return rows * each; }
};

/// E [n * c] of every walker; ERR_LANGEVIN_NON_FINITE naming the row of x.
at::Tensor energiesOf(const InferenceCall& call, const Walkers& w);

/// E and dE/dy, by autograd through the plain path.
EnergyAndGradient withGradientInY(const InferenceCall& call, const Walkers& w);

/// Walkers uniform in the box.
Walkers drawWalkers(const InferenceCall& call, const AnswerBox& box, std::int64_t first, std::int64_t rows,
                    std::int64_t each);

/// The lowest candidate of every row; on ties the first.
Inferred lowest(const at::Tensor& y, const at::Tensor& energy, std::int64_t rows);

/// Runs `one` on blocks of rows so that a block has at most about 2^18 candidates, and joins the results.
Inferred inBlocks(const InferenceCall& call, std::int64_t candidates,
                  const std::function<Inferred(std::int64_t first, std::int64_t rows)>& one);

/// The refusal of a class y by methods that move in a continuous one.
void requireContinuous(const Spec& spec, const Condition& condition);

/// The box's borders in the options of y.
AnswerBox boxLike(const AnswerBox& box, const at::Tensor& y);

}  // namespace langevin
