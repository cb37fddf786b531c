// Curvatures v' (d2E/dx2) v of multilayer perceptrons by second-order tangents, and their parameter gradients by one
// reverse pass over them: no tape of a tape of a tape.
//
// Along x + t v every layer has a value, a first and a second derivative in t:
//   z' = W a',  z'' = W a'',  a' = f'(z) z',  a'' = f''(z) z'^2 + f'(z) z''
// and the last layer's second derivative is the curvature. Derivatives of all directions lie in one tensor, the second
// ones first, so that each layer is one matrix product; on the CPU what lies between the products is one loop.
#include <cmath>
#include <numbers>

#include "training/chain_products.hpp"
#include "training/score_chain.hpp"

namespace langevin {
namespace {

// f'''(z)
at::Tensor third(const std::string& name, const at::Tensor& z) {
  if (name == "gelu") {
    const at::Tensor density = (z * z * -0.5).exp() * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return z * density * (z * z - 4);
  }
  if (name == "tanh") {
    const at::Tensor square = z.tanh().square();
    return (1 - square) * (6 * square - 2);
  }
  const at::Tensor s = z.sigmoid(), p = s * (1 - s);
  if (name == "sigmoid") return p * (1 - 6 * p);
  if (name == "softplus") return p * (1 - 2 * s);
  return p * (3 - 6 * s + z * (1 - 6 * p));  // silu
}

// [k, n, w] as [k n, w]
at::Tensor flat(const at::Tensor& x) { return x.reshape({-1, x.size(2)}); }

// One direction's a' = f' z' and a'' = f'' z'^2 + f' z''.
template <class T>
void advanceOne(const T* f1, const T* f2, const T* z1, const T* z2, T* __restrict a1, T* __restrict a2,
                std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    a1[i] = f1[i] * z1[i];
    a2[i] = f2[i] * z1[i] * z1[i] + f1[i] * z2[i];
  }
}

// Rows [a'', a'] of m directions (leaving) from [z'', z'], each [n, w].
void advance(const at::Tensor& slope, const at::Tensor& bend, const at::Tensor& z, at::Tensor& leaving) {
  const std::int64_t m = z.size(0) / 2, size = slope.numel();
  if (!z.is_cpu()) {
    const at::Tensor z2 = z.slice(0, 0, m), z1 = z.slice(0, m);
    leaving.slice(0, 0, m).copy_(bend * z1.square() + slope * z2);
    leaving.slice(0, m, 2 * m).copy_(slope * z1);
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "advance", [&] {
    for (std::int64_t k = 0; k < m; ++k) {
      const scalar_t* z2 = z.const_data_ptr<scalar_t>() + k * size;
      scalar_t* a2 = leaving.data_ptr<scalar_t>() + k * size;
      advanceOne(slope.const_data_ptr<scalar_t>(), bend.const_data_ptr<scalar_t>(), z2 + m * size, z2, a2 + m * size,
                 a2, size);
    }
  });
}

struct Bends {
  at::Tensor slope, second, third;  // derivatives of f, [n, w]
};

// One direction's adjoints of z' and z'' from those of a' and a'', and what it adds to that of z.
template <class T>
void retreatOne(const T* f1, const T* f2, const T* f3, const T* z1, const T* z2, const T* of1, const T* of2,
                T* __restrict to1, T* __restrict to2, T* __restrict to0, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    const T turned = f2[i] * z1[i];
    to2[i] = of2[i] * f1[i];
    to1[i] = 2 * of2[i] * turned + of1[i] * f1[i];
    to0[i] += of2[i] * (f3[i] * z1[i] * z1[i] + f2[i] * z2[i]) + of1[i] * turned;
  }
}

// Adjoints [z'', z', z] from those of [a'', a', a], each of m, m and 1 times [n, w].
at::Tensor retreat(const Bends& f, const at::Tensor& z, const at::Tensor& above) {
  const std::int64_t m = z.size(0) / 2, size = f.slope.numel();
  at::Tensor below = at::empty_like(above);
  at::Tensor value = below[2 * m];
  at::mul_out(value, above[2 * m], f.slope);
  if (!z.is_cpu()) {
    const at::Tensor z2 = z.slice(0, 0, m), z1 = z.slice(0, m);
    const at::Tensor of2 = above.slice(0, 0, m), of1 = above.slice(0, m, 2 * m);
    below.slice(0, 0, m).copy_(of2 * f.slope);
    below.slice(0, m, 2 * m).copy_(2 * of2 * f.second * z1 + of1 * f.slope);
    value += (of2 * (f.third * z1.square() + f.second * z2) + of1 * f.second * z1).sum(0);
    return below;
  }
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "retreat", [&] {
    for (std::int64_t k = 0; k < m; ++k) {
      const scalar_t* z2 = z.const_data_ptr<scalar_t>() + k * size;
      const scalar_t* of2 = above.const_data_ptr<scalar_t>() + k * size;
      scalar_t* to2 = below.data_ptr<scalar_t>() + k * size;
      retreatOne(f.slope.const_data_ptr<scalar_t>(), f.second.const_data_ptr<scalar_t>(),
                 f.third.const_data_ptr<scalar_t>(), z2 + m * size, z2, of2 + m * size, of2, to2 + m * size, to2,
                 value.data_ptr<scalar_t>(), size);
    }
  });
  return below;
}

}  // namespace

at::Tensor ScoreChain::curvature(const std::vector<at::Tensor>& parameters, const at::Tensor& directions,
                                 Record& record) const {
  at::NoGradGuard guard;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const at::Tensor v = directions.transpose(0, 1).contiguous();  // [m, n, d]
  const std::int64_t m = v.size(0), n = v.size(1);
  const std::size_t hidden = layers_.size() - 1;
  // What enters a layer: [a'', a', a]; the first layer's a'' is 0 and left out.
  at::Tensor entering = hidden == 0 ? v : at::cat({v * scale_, record.inputs[0].unsqueeze(0)});
  for (std::size_t l = 0; l < hidden; ++l) {
    const at::Tensor& w = of(layers_[l].weight);
    const std::int64_t width = w.size(0), known = l == 0 ? m : 2 * m;
    at::Tensor z = l == 0 ? at::zeros({2 * m, n, width}, v.options()) : at::empty({2 * m, n, width}, v.options());
    at::Tensor to = flat(z.slice(0, 2 * m - known));
    multiplyInto(to, flat(entering.slice(0, 0, known)), w.t());
    record.entering.push_back(entering);
    record.derivatives.push_back(z);
    const bool last = l + 1 == hidden;
    entering = at::empty({2 * m + (last ? 0 : 1), n, width}, v.options());
    advance(record.slopes[l], record.curvatures[l], z, entering);
    if (!last) entering[2 * m].copy_(record.inputs[l + 1]);
  }
  if (hidden > 0) record.entering.push_back(entering);
  at::Tensor result = hidden == 0 ? at::zeros({m, n}, v.options())
                                  : flat(entering.slice(0, 0, m)).mv(of(layers_.back().weight)[0]).view({m, n});
  if (round_ != 0) result = result + round_ * v.square().sum(2);
  if (precision_ >= 0) result = result + (v.matmul(of(precision_)) * v).sum(2);
  return result.t();
}

void ScoreChain::addCurvatureGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                      const at::Tensor& outer, std::vector<at::Tensor>& gradients) const {
  at::NoGradGuard guard;
  const std::size_t hidden = layers_.size() - 1;
  if (hidden == 0) return;
  const auto of = [&](int p) -> const at::Tensor& { return parameters[static_cast<std::size_t>(p)]; };
  const auto gradient = [&](int p) -> at::Tensor& { return gradients[static_cast<std::size_t>(p)]; };
  const at::Tensor weight = outer.t().contiguous();  // [m, n]
  const std::int64_t m = weight.size(0), n = weight.size(1);
  const at::Tensor& last = of(layers_.back().weight);
  gradient(layers_.back().weight) += weight.view({1, -1}).mm(flat(record.entering[hidden].slice(0, 0, m)));
  // Adjoints of [a'', a', a].
  at::Tensor above = at::zeros({2 * m + 1, n, last.size(1)}, last.options());
  above.slice(0, 0, m).copy_(weight.unsqueeze(2) * last);
  for (std::size_t l = hidden; l-- > 0;) {
    const Layer& layer = layers_[l];
    const Bends f{record.slopes[l], record.curvatures[l], third(layer.activation, record.sums[l])};
    const at::Tensor below = retreat(f, record.derivatives[l], above);
    multiplyInto(gradient(layer.weight), flat(l == 0 ? below.slice(0, m) : below).t(), flat(record.entering[l]), true);
    if (layer.bias >= 0) gradient(layer.bias) += below[2 * m].sum(0);
    if (l == 0) return;
    const at::Tensor& w = of(layer.weight);
    above = at::empty({2 * m + 1, n, w.size(1)}, w.options());
    at::Tensor to = flat(above);
    multiplyInto(to, flat(below), w);
  }
}

}  // namespace langevin
