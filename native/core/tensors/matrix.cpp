#include "tensors/matrix.hpp"

namespace langevin {

at::Tensor vectorOf(const Spec& spec) {
  const std::vector<double> numbers = spec.numbers();
  if (numbers.empty()) spec.invalid("needs at least one number");
  return at::tensor(numbers, at::kDouble);
}

at::Tensor matrixOf(const Spec& spec) {
  const std::vector<Spec> rows = spec.items();
  if (rows.empty()) spec.invalid("needs at least one row");
  std::vector<at::Tensor> parts;
  for (const Spec& row : rows) {
    parts.push_back(vectorOf(row));
    if (parts.back().size(0) != parts[0].size(0))
      row.invalid("has " + std::to_string(parts.back().size(0)) + " numbers, the first row has " +
                  std::to_string(parts[0].size(0)));
  }
  return at::stack(parts);
}

at::Tensor symmetricOf(const Spec& spec, std::int64_t d) {
  const List* list = spec.value().list();
  if (!list) return at::eye(d, at::kDouble) * spec.number();
  const bool nested = !list->empty() && list->front().list();
  const at::Tensor value = nested ? matrixOf(spec) : vectorOf(spec);
  if (value.size(0) != d || value.size(-1) != d)
    spec.invalid("must be a number, " + std::to_string(d) + " numbers, or a matrix of " + std::to_string(d) + " x " +
                 std::to_string(d));
  if (!nested) return at::diag(value);
  if (!value.equal(value.t())) spec.invalid("must be symmetric");
  return value;
}

at::Tensor choleskyOf(const Spec& spec, const at::Tensor& matrix) {
  auto [factor, info] = at::linalg_cholesky_ex(matrix);
  if (info.item<int>() != 0) spec.invalid("must be positive definite");
  return factor;
}

}  // namespace langevin
