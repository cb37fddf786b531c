#include "graphs/diffusion.hpp"

#include "tensors/tensor.hpp"

namespace langevin {

NeighbourMean::NeighbourMean(const at::Tensor& edges, std::int64_t nodes, bool selfLoops)
    : matrix_(normalised(adjacencyOf(edges, nodes, {.symmetrise = false, .selfLoops = false}), Normalisation::Row,
                         selfLoops, at::kDouble)) {
  const at::Tensor entries = matrix_.pointer.slice(0, 1) - matrix_.pointer.slice(0, 0, nodes);
  if (entries.eq(0).any().item<bool>()) alone_ = entries.eq(0).unsqueeze(1);
}

at::Tensor NeighbourMean::diffuse(const at::Tensor& signal, double alpha, std::int64_t steps, int threads,
                                  Job& job) const {
  if (signal.size(0) != matrix_.rows)
    fail(Code::Shape, "the signal has ", signal.size(0), " rows, the graph ", matrix_.rows, " nodes");
  at::Tensor s = signal.dim() == 1 ? signal.unsqueeze(1) : signal;
  for (std::int64_t step = 0; step < steps; ++step) {
    job.check();
    at::Tensor mean = multiply(matrix_, s.contiguous(), threads);
    if (alone_.defined()) mean = at::where(alone_, s, mean);
    s = s * alpha + mean * (1 - alpha);
  }
  return signal.dim() == 1 ? s.squeeze(1) : s;
}

}  // namespace langevin
