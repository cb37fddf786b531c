#include "gradients/divergence_chain.hpp"

#include <algorithm>
#include <string>

#include "executors/cpu/products.hpp"
#include "executors/cpu/tile_ops.hpp"
#include "gradients/score_chain.hpp"

namespace langevin {
namespace {

// ---- Number by number: the project's kernels on float32 on the CPU, ATen elsewhere

bool ownKernels(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }
Activation functionOf(const Node& node) { return {*node.op->traits.unary, 0.0f}; }

struct Derivatives {
  at::Tensor value, slope, bend;  // f, f', f''
};

// By the operation itself and autograd.
Derivatives differentiated(const Node& node, const at::Tensor& z, bool twice) {
  at::AutoGradMode enable(true);
  const std::vector<at::Tensor> in{z.detach().requires_grad_(true)}, none;
  const Batch rows;
  const EvaluationMode mode;
  const at::Tensor value = node.op->forward(OpCall{node, in, none, none, rows, mode});
  const at::Tensor slope = torch::autograd::grad({value.sum()}, {in[0]}, {}, twice, twice)[0];
  Derivatives f{value.detach(), slope.detach(), {}};
  if (twice) f.bend = torch::autograd::grad({slope.sum()}, {in[0]})[0];
  return f;
}

// Plane k of [planes, n, width]. Selecting it costs more than the loop over a small one, so the kernels go without.
struct Plane {
  const at::Tensor& of;
  std::int64_t k;
  std::int64_t size() const { return of.size(1) * of.size(2); }
  float* data() const { return of.data_ptr<float>() + k * size(); }
  at::Tensor tensor() const { return of[k]; }
};

// value <- f(z), slope <- f'(z)
void activateInto(const Node& node, Plane z, Plane value, Plane slope) {
  if (ownKernels(z.of)) return tileKernels().unary(functionOf(node), z.data(), value.data(), slope.data(), z.size());
  const Derivatives f = differentiated(node, z.tensor(), false);
  value.tensor().copy_(f.value);
  slope.tensor().copy_(f.slope);
}

// s <- f'(z) s + f''(z) t
void bendInto(const Node& node, Plane z, Plane slope, Plane t, Plane s) {
  if (ownKernels(z.of)) {
    tileKernels().bend(functionOf(node), {z.data(), slope.data(), t.data(), nullptr, s.data(), s.data(), false},
                       z.size());
  } else {
    const at::Tensor bend = differentiated(node, z.tensor(), true).bend;
    s.tensor().mul_(slope.tensor()).addcmul_(t.tensor(), bend);
  }
}

// out = a b, or out += a b with `add`.
void multiplyPlanes(Plane a, Plane b, Plane out, bool add = false) {
  if (ownKernels(out.of))
    return (add ? tileKernels().mulAdd : tileKernels().mul)(a.data(), b.data(), out.data(), out.size());
  at::Tensor to = out.tensor();
  if (add)
    to.addcmul_(a.tensor(), b.tensor());
  else
    at::mul_out(to, a.tensor(), b.tensor());
}

at::Tensor columnSums(Plane x) {
  if (!ownKernels(x.of)) return x.tensor().sum(0);
  at::Tensor sums = at::zeros({x.of.size(2)}, x.of.options());
  tileKernels().weightedSum(nullptr, x.data(), sums.data_ptr<float>(), x.of.size(1), x.of.size(2));
  return sums;
}

// ---- Layers

// [k, n, w] as [k n, w]
at::Tensor flatRows(const at::Tensor& x) { return x.view({-1, x.size(2)}); }

// Buffers are those of the call before where the shape is the same: fresh ones of this size are fresh pages each time.
at::Tensor& fitted(at::Tensor& buffer, at::IntArrayRef sizes, const at::Tensor& like) {
  const bool fits = buffer.defined() && buffer.sizes().equals(sizes) && buffer.scalar_type() == like.scalar_type();
  if (!fits) buffer = at::empty(sizes, like.options());
  return buffer;
}

// out <- x W', row by row
void through(const at::Tensor& x, const at::Tensor& w, at::Tensor& out) {
  at::Tensor rows = flatRows(fitted(out, {x.size(0), x.size(1), w.size(0)}, x));
  multiplyInto(rows, flatRows(x), w.t());
}

// From adjoints of [a_1 .. a_m, a] to those of [z_1 .. z_m, z], in place: f' abar_k, and f' abar + f''
// sum_k abar_k z_k.
void retreat(const Node& activation, at::Tensor& adjoints, DivergenceChain::Hidden& hidden) {
  const std::int64_t m = adjoints.size(0) - 1;
  const Plane slope{hidden.slope, 0}, last{adjoints, m};
  const Plane turned{fitted(hidden.turned, hidden.slope.sizes(), adjoints), 0};
  for (std::int64_t k = 0; k < m; ++k) {
    multiplyPlanes({adjoints, k}, {hidden.sums, k}, turned, k > 0);
    multiplyPlanes({adjoints, k}, slope, {adjoints, k});
  }
  bendInto(activation, {hidden.sums, m}, slope, turned, last);
}

}  // namespace

std::unique_ptr<DivergenceChain> DivergenceChain::compile(const Program& program) {
  if (program.outputs < 0 || program.condition.kind != Condition::Kind::None) return nullptr;
  const auto nodeAt = [&](int i) -> const Node& { return program.nodes[static_cast<std::size_t>(i)]; };
  auto chain = std::make_unique<DivergenceChain>();
  Node activation;
  int at = program.outputs;
  while (true) {
    const Node& linear = nodeAt(at);
    if (!linear.op->is(OpForm::Linear)) return nullptr;
    chain->layers_.push_back(
        {linear.parameters[0], linear.parameters.size() > 1 ? linear.parameters[1] : -1, activation});
    at = linear.inputs[0];
    if (!isSmoothActivation(*nodeAt(at).op)) break;
    activation = nodeAt(at);
    at = activation.inputs[0];
    activation.inputs = {0};
  }
  std::reverse(chain->layers_.begin(), chain->layers_.end());
  const Node& columns = nodeAt(at);
  const bool first =
      columns.op->is(OpForm::Slice) && columns.integers[0] == 0 && nodeAt(columns.inputs[0]).op->is(OpSource::Rows);
  if (!(first || columns.op->is(OpSource::Rows)) || columns.width() != program.outputWidth()) return nullptr;
  return chain;
}

void DivergenceChain::evaluate(const std::vector<at::Tensor>& parameters, const at::Tensor& x,
                               const at::Tensor& directions, Record& record) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const std::int64_t m = directions.size(0), n = x.size(0);
  record.entering = at::cat({directions, x.unsqueeze(0)});
  record.hidden.resize(layers_.size() - 1);
  const at::Tensor* entering = &record.entering;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const bool last = l + 1 == layers_.size();
    at::Tensor& sums = last ? record.outputs : record.hidden[l].sums;
    through(*entering, of(layer.weight), sums);
    if (layer.bias >= 0) sums[m] += of(layer.bias);
    if (last) break;
    Hidden& hidden = record.hidden[l];
    fitted(hidden.slope, {1, n, sums.size(2)}, x);
    fitted(hidden.leaving, sums.sizes(), x);
    activateInto(layer.activation, {sums, m}, {hidden.leaving, m}, {hidden.slope, 0});
    for (std::int64_t k = 0; k < m; ++k) multiplyPlanes({hidden.slope, 0}, {sums, k}, {hidden.leaving, k});
    entering = &hidden.leaving;
  }
  record.value = record.outputs[m].clone();
  record.trace = (record.outputs.slice(0, 0, m) * record.entering.slice(0, 0, m)).sum(0).sum(1);
}

std::vector<at::Tensor> DivergenceChain::parameterGradient(const std::vector<at::Tensor>& parameters, Record& record,
                                                           const at::Tensor& outer, double weight) const {
  at::NoGradGuard guard;
  const std::int64_t m = record.entering.size(0) - 1;
  std::vector<at::Tensor> gradients(parameters.size());
  const auto gradientOf = [&](int p) -> at::Tensor& { return gradients[static_cast<std::size_t>(p)]; };
  // Adjoints of [z_1 .. z_m, z]; those of the outputs' tangents are the directions.
  at::Tensor outputs = at::cat({record.entering.slice(0, 0, m) * weight, outer.unsqueeze(0)});
  at::Tensor* adjoints = &outputs;
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const Layer& layer = layers_[l];
    const at::Tensor& entering = l == 0 ? record.entering : record.hidden[l - 1].leaving;
    gradientOf(layer.weight) = product(flatRows(*adjoints).t(), flatRows(entering));
    if (layer.bias >= 0) gradientOf(layer.bias) = columnSums({*adjoints, m});
    if (l == 0) break;
    Hidden& below = record.hidden[l - 1];
    through(*adjoints, parameters[static_cast<std::size_t>(layer.weight)].t(), below.adjoints);
    retreat(layers_[l - 1].activation, below.adjoints, below);
    adjoints = &below.adjoints;
  }
  return gradients;
}

}  // namespace langevin
