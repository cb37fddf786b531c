// What a network says of the nodes of a graph, as scores of nodes take it.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// One row for each node, float64 and contiguous on the CPU.
struct NodeOutputs {
  at::Tensor logits;      // [n, C]
  at::Tensor embeddings;  // [n, h], what the last layer takes; undefined where it was not asked for
};

/// Which numbers a score needs of the two.
enum class Need { Logits, Both };

/// outputs.withEdges or outputs.withoutEdges: { logits, embeddings }. A score that asks for one refuses the other with the
/// reason, so that the two cannot be mixed up silently.
NodeOutputs readOutputs(const Spec& outputs, const std::string& which, Need need);
/// outputs.samples, a list of { logits: [n, C] } or { logits: [S, n, C] }: at least `least` matrices of one shape.
std::vector<at::Tensor> readSamples(const Spec& outputs, std::int64_t least);
/// int64 [n], -1 = unlabelled, below `classes`.
at::Tensor readNodeLabels(const Spec& labels, std::int64_t nodes, std::int64_t classes);
/// Node numbers int64 [k], each below `nodes` and named once. At least one.
at::Tensor readNodeNumbers(const Spec& given, std::int64_t nodes);

}  // namespace langevin
