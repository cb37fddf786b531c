// On a CUDA device: one training run with persistent chains, whose sampling goes through the kernel.
#include "check.hpp"
#include "training_support.hpp"

using namespace langevin;
using namespace langevin::test;

TEST(persistent_chains_fit_a_gaussian) {
  // E = x' P x / 2 fitted to rows of covariance I / 2. The sampler's bias moves the optimum: with variance v and step
  // h, v P (1 - h P / 4) = 1, so P = 2.0408 for v = 0.5 and h = 0.04 (docs/conventions.md). 512 chains of 10 steps and
  // an averaged Adam keep P within 0.2 of it.
  const Value spec(Map{{"kind", "gaussian"},
                       {"mean", List{0.0, 0.0}},
                       {"precision", List{Value(List{1.0, 0.0}), Value(List{0.0, 1.0})}},
                       {"learnable", true}});
  const EnergyRef energy = makeEnergy(Spec(spec, "energy"), at::kFloat, at::Device(at::kCUDA, 0), 11);
  if (!energy->cudaTiles()) fail(__FILE__, __LINE__, energy->planReason());
  const at::Tensor rows = gaussianRows(at::eye(2, at::kDouble) * 0.5, 2000).to(at::kFloat);
  Job job;
  train(energy, rows,
        {{"objective", Map{{"kind", "persistentContrastiveDivergence"},
                           {"sampler", Map{{"kind", "langevin"}, {"steps", 10}, {"stepSize", 0.1}}},
                           {"buffer", Map{{"size", 512}, {"reinit", 0.0}}}}},
         {"optimizer", adam(0.02, 0.002)},
         {"steps", 600},
         {"batchSize", 512},
         {"ema", 0.98}},
        job);
  const at::Tensor precision = energy->parameters().tensors()[1].detach().cpu().to(at::kDouble);
  CHECK(energy->parameters().tensors()[1].is_cuda());
  const at::Tensor symmetric = (precision + precision.t()) / 2;
  for (int i : {0, 1}) CHECK_NEAR(symmetric[i][i].item<double>(), 2.1115, 0.2);
  CHECK_NEAR(symmetric[0][1].item<double>(), 0.0, 0.2);
}
