// Operations over the columns of a row, column selection and constants.
#include "program/ops.hpp"

namespace langevin {

const std::vector<OpDefinition>& reductionOperations() {
  static const std::vector<OpDefinition> table = withTraits({
      {"input", [](const OpCall& c) { return c.rows.x; }},
      {"condition", [](const OpCall& c) { return c.rows.y; }},
      {"constant", [](const OpCall& c) { return c.constant(0); }},
      {"parameter",
       [](const OpCall& c) {
         const at::Tensor& p = c.parameter(0);
         return p.dim() < 2 ? p.reshape({1, -1}) : p;
       }},
      {"sum", [](const OpCall& c) { return c.in(0).sum(1, true); }},
      {"mean", [](const OpCall& c) { return c.in(0).mean(1, true); }},
      {"logsumexp", [](const OpCall& c) { return c.in(0).logsumexp(1, true); }},
      {"logSoftmax", [](const OpCall& c) { return at::log_softmax(c.in(0), 1); }},
      // x C with C [in, out]
      {"matmul", [](const OpCall& c) { return at::matmul(c.in(0), c.constant(0)); }},
      // integers: first column; width: how many
      {"slice",
       [](const OpCall& c) { return c.in(0).slice(1, c.node.integers[0], c.node.integers[0] + c.node.width()); }},
      // integers: the columns
      {"columns",
       [](const OpCall& c) {
         const at::Tensor index =
             at::tensor(c.node.integers, at::TensorOptions().dtype(at::kLong)).to(c.in(0).device());
         return c.in(0).index_select(1, index);
       }},
      {"concat",
       [](const OpCall& c) {
         std::vector<at::Tensor> parts;
         std::int64_t rows = 1;
         for (std::size_t i = 0; i < c.node.inputs.size(); ++i) {
           parts.push_back(c.in(static_cast<int>(i)));
           rows = std::max(rows, parts.back().size(0));
         }
         for (at::Tensor& p : parts)
           if (p.size(0) != rows) p = p.expand({rows, p.size(1)});
         return at::cat(parts, 1);
       }},
      // values [n, k], labels int64 [n] -> the labelled column
      {"gather",
       [](const OpCall& c) {
         return c.in(0).gather(1, c.in(1).reshape({-1, 1}));
       }},
      // Euclidean length of a row; its gradient at the zero row is 0, where sqrt(sum of squares) would give NaN
      {"norm", [](const OpCall& c) { return at::linalg_vector_norm(c.in(0), 2, at::IntArrayRef{1}, true); }},
      // (x - m)' P (x - m) / 2; x, m [1, d], P [d, d] as values
      {"quadratic",
       [](const OpCall& c) {
         const at::Tensor z = c.in(0) - c.in(1);
         return (at::matmul(z, c.in(2)) * z).sum(1, true) * 0.5;
       }},
      // |(x - m_k) s_k|^2 for every k; constant m [k, d], numbers s
      {"distances",
       [](const OpCall& c) {
         const at::Tensor scales = at::tensor(c.node.numbers, c.in(0).options());
         const at::Tensor apart = c.in(0).unsqueeze(1) - c.constant(0);
         return (apart * scales.unsqueeze(1)).square().sum(2);
       }},
      // the sums of blocks of columns, all as wide; width: how many blocks
      {"blockSums",
       [](const OpCall& c) {
         return c.in(0).reshape({c.in(0).size(0), c.node.width(), -1}).sum(2);
       }},
      // -x' (C * mask) x / 2 - h' x; parameters C [d, d], h [d]; constant mask [d, d]
      {"pairwise",
       [](const OpCall& c) {
         const at::Tensor coupling = c.parameter(0) * c.constant(0);
         return (at::addmm(c.parameter(1), c.in(0), coupling, 1, 0.5) * c.in(0)).sum(1, true).neg();
       }},
  });
  return table;
}

}  // namespace langevin
