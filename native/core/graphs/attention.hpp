// Attention along edges, with its gradient written out.
#pragma once

#include <memory>

#include "graphs/node_network.hpp"

namespace langevin {

/// What one layer attends with: values [n, heads width], and for each node and head what it counts as a source and as a
/// target [n, heads].
struct AttentionInput {
  at::Tensor values, source, target;
  double slope;         // of the leaky ReLU below 0
  std::uint64_t layer;  // whose dropout it is
};

/// out_i = sum_j a_ij values_j, with a_ij the softmax over the neighbours j of i of leakyRelu(source_j + target_i), head by
/// head; where the pass drops, weights a_ij are dropped, too. Rows without a neighbour are 0.
at::Tensor attended(const NodePass& pass, const std::shared_ptr<const AttentionPattern>& pattern,
                    const AttentionInput& input);

}  // namespace langevin
