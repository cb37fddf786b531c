// Full-batch training of a network of nodes.
#pragma once

#include "base/job.hpp"
#include "graphs/node_network.hpp"

namespace langevin {

struct NodeTrainingOptions {
  std::int64_t epochs = 10000;
  double learningRate = 1e-3, weightDecay = 1e-4;
  std::int64_t patience = 50;  // epochs without an improvement after which training stops; 0: it never does
  double minDelta = 1e-3;      // by which the validation loss must fall to count as one
  double dropEdge = 0;
  std::uint64_t seed = 0;
  int threads = 1;
};

/// What it learns from: numbers of nodes, and the labels of all.
struct NodeSplit {
  at::Tensor labels;      // int64 [n]
  at::Tensor train;       // int64 [k]
  at::Tensor validation;  // int64 [k]; undefined: there is none, and all epochs are run
};

/// Trains `parameters` in place by Adam with L2 weight decay (torch.optim.Adam) on the mean cross-entropy of the training nodes, and
/// leaves those of the epoch with the lowest validation loss in them. -> { epochs, bestEpoch, stopped, history }.
/// ERR_LANGEVIN_DIVERGED where a loss is not finite, ERR_LANGEVIN_ABORTED.
Value trainNodes(const NodeNetwork& network, Parameters& parameters, const NodeGraph& graph, const NodeSplit& split,
                 const NodeTrainingOptions& options, Job& job);

}  // namespace langevin
