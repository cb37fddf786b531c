// Signals on the nodes of a graph, diffused along its edges.
#pragma once

#include "base/job.hpp"
#include "graphs/csr.hpp"

namespace langevin {

/**
 * P, the mean over the nodes that have an edge to a node: the adjacency with every row divided by its sum. With self loops a
 * node counts among them, once; without, a node that nobody has an edge to keeps its own value.
 */
class NeighbourMean {
 public:
  /// edges int64 [2, E]: sources, targets. Edges from a node to itself are ignored, repeated edges count once.
  NeighbourMean(const at::Tensor& edges, std::int64_t nodes, bool selfLoops);
  const Csr& matrix() const { return matrix_; }
  /// s <- alpha s + (1 - alpha) P s, `steps` times. signal float64 [n] or [n, C]. Bit-equal at any number of threads.
  at::Tensor diffuse(const at::Tensor& signal, double alpha, std::int64_t steps, int threads, Job& job) const;

 private:
  Csr matrix_;
  at::Tensor alone_;  // bool [n, 1], nodes without an entry; undefined where there are none
};

}  // namespace langevin
