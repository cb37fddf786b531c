#include "evaluation/classifier_head.hpp"

#include "base/threads.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kHeadBlock = 1 << 14;

Program programOfFeatures(const Program& whole, const std::string& what) {
  if (whole.outputs < 0)
    fail(Code::Unsupported, "a ", what, " detector needs an energy with logits (classifier), this one is a ",
         whole.kind);
  const Node& last = whole.nodes[static_cast<std::size_t>(whole.outputs)];
  if (!last.op->is(OpForm::Linear) || last.parameters.empty())
    fail(Code::Unsupported, "a ", what, " detector needs a classifier whose last layer is linear; here it is '",
         last.op->name, "' (without spectralNorm)");
  Program below = whole;
  below.outputs = last.inputs[0];
  below.nodes.resize(static_cast<std::size_t>(below.outputs) + 1);
  below.energy = below.jointEnergy = -1;
  return below;
}

}  // namespace

ClassifierHead::ClassifierHead(EnergyRef energy, const std::string& what)
    : energy_(std::move(energy)), below_(programOfFeatures(energy_->program(), what)) {
  const Program& whole = energy_->program();
  const Node& last = whole.nodes[static_cast<std::size_t>(whole.outputs)];
  const auto parameter = [&](std::size_t i) {
    const at::Tensor& p = energy_->parameters().tensors()[static_cast<std::size_t>(last.parameters[i])];
    return p.detach().to(at::kCPU, at::kDouble).clone();
  };
  weight_ = parameter(0);
  bias_ = last.parameters.size() > 1 ? parameter(1) : at::zeros({weight_.size(0)}, at::kDouble);
}

at::Tensor ClassifierHead::features(const at::Tensor& x, int threads, Job& job) const {
  const Batch rows = energy_->rows(x, {});
  at::Tensor out = at::empty({rows.size(), weight_.size(1)}, at::kDouble);
  const Tiling tiling(rows.size());
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    at::NoGradGuard guard;
    job.check();
    const TileRange r = tiling.range(t);
    const ProgramValues values = evaluate(below_, energy_->parameters().tensors(), energy_->constants(),
                                          rows.slice(r.first, r.last), EvaluationMode{});
    out.slice(0, r.first, r.last).copy_(values.outputs);
  });
  return out;
}

at::Tensor logitsOf(const Energy& energy, const at::Tensor& x, int threads, Job& job) {
  const Batch rows = energy.rows(x, {});
  at::Tensor out = at::empty({rows.size(), energy.outputWidth()}, at::kDouble);
  for (std::int64_t first = 0; first < rows.size(); first += kHeadBlock) {
    job.check();
    const std::int64_t last = std::min(rows.size(), first + kHeadBlock);
    out.slice(0, first, last).copy_(energy.outputsOf(rows.slice(first, last), threads).detach());
  }
  return out;
}

EnergyRef classifierIn(const Spec& detector) {
  const EnergyRef energy = energyIn(detector.at("model"));
  if (energy->program().outputs < 0)
    detector.invalid("a " + detector.kind() + " detector needs an energy with logits (classifier), this one is a " +
                     energy->program().kind);
  return energy;
}

}  // namespace langevin
