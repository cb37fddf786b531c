#include "graphs/features.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

at::Tensor wholeNumbers(const Spec& spec) {
  const at::Tensor& given = unbox(spec);
  if (given.dim() != 1)
    fail(Code::Shape, spec.path(), " has shape ", c10::str(given.sizes()), "; it is a list of whole numbers");
  if (given.scalar_type() != at::kLong)
    fail(Code::Dtype, spec.path(), " has dtype ", dtypeName(given.scalar_type()), "; whole numbers are int64");
  return given.to(at::kCPU).contiguous().clone();
}

at::Tensor floating(const at::Tensor& given, const std::string& what) {
  at::Tensor values = given.detach().to(at::kCPU);
  if (values.scalar_type() != at::kDouble && values.scalar_type() != at::kFloat)
    values = values.to(values.scalar_type() == at::kLong ? at::kDouble : at::kFloat);
  requireFinite(values, what);
  return values.contiguous();
}

// indptr begins with 0, never falls, and ends with the number of entries.
void requirePointer(const at::Tensor& pointer, std::int64_t stored, const std::string& what) {
  const auto* p = pointer.const_data_ptr<std::int64_t>();
  const std::int64_t rows = pointer.numel() - 1;
  if (rows < 0 || p[0] != 0) fail(Code::InvalidOption, what, " must begin with 0: it says where each row starts");
  for (std::int64_t r = 0; r < rows; ++r)
    if (p[r + 1] < p[r])
      throw Error(Code::InvalidOption,
                  what + " falls from " + std::to_string(p[r]) + " to " + std::to_string(p[r + 1]) + " at row " +
                      std::to_string(r) + "; row starts must rise",
                  {{"row", r}});
  if (p[rows] != stored)
    throw Error(Code::InvalidOption,
                what + " ends with " + std::to_string(p[rows]) + ", and there are " + std::to_string(stored) +
                    " indices; one of the two is cut off",
                {{"stored", stored}, {"said", p[rows]}});
}

void requireColumns(const Csr& matrix, const std::string& what) {
  const auto* columns = matrix.columns.const_data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < matrix.stored(); ++k)
    if (columns[k] < 0 || columns[k] >= matrix.cols)
      throw Error(Code::InvalidOption,
                  what + "[" + std::to_string(k) + "] is " + std::to_string(columns[k]) + ", and there are " +
                      std::to_string(matrix.cols) + " columns, numbered from 0",
                  {{"entry", k}, {"column", columns[k]}});
}

// Sorts the entries of each row, and refuses one that is there twice.
void sortRows(Csr& matrix, const std::string& what) {
  const auto* pointer = matrix.pointer.const_data_ptr<std::int64_t>();
  auto* columns = matrix.columns.data_ptr<std::int64_t>();
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    const std::int64_t first = pointer[r], count = pointer[r + 1] - first;
    if (!std::is_sorted(columns + first, columns + first + count)) {
      const auto order = std::get<1>(matrix.columns.slice(0, first, first + count).sort());
      matrix.columns.slice(0, first, first + count)
          .copy_(matrix.columns.slice(0, first, first + count).index_select(0, order));
      if (matrix.values.defined())
        matrix.values.slice(0, first, first + count)
            .copy_(matrix.values.slice(0, first, first + count).index_select(0, order));
    }
    const std::int64_t* twice = std::adjacent_find(columns + first, columns + first + count);
    if (twice != columns + first + count)
      throw Error(Code::InvalidOption,
                  what + ": row " + std::to_string(r) + " has column " + std::to_string(*twice) +
                      " twice; add the two up first (scipy: sum_duplicates())",
                  {{"row", r}, {"column", *twice}});
  }
}

template <class T>
void scaleToNorm(T* row, std::int64_t count, int norm) {
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const auto v = static_cast<double>(row[k]);
    sum += norm == 1 ? std::abs(v) : v * v;
  }
  if (sum == 0) return;
  const double length = norm == 1 ? sum : std::sqrt(sum);
  for (std::int64_t k = 0; k < count; ++k) row[k] = static_cast<T>(static_cast<double>(row[k]) / length);
}

template <class T>
void scaleRowsToNorm(at::Tensor& values, const std::int64_t* pointer, std::int64_t rows, std::int64_t width, int norm) {
  T* all = values.data_ptr<T>();
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t first = pointer ? pointer[r] : r * width;
    scaleToNorm(all + first, pointer ? pointer[r + 1] - first : width, norm);
  }
}

template <class T>
void scatter(const Csr& m, at::Tensor& dense) {
  const auto* pointer = m.pointer.const_data_ptr<std::int64_t>();
  const auto* columns = m.columns.const_data_ptr<std::int64_t>();
  const T* values = m.values.const_data_ptr<T>();
  T* out = dense.data_ptr<T>();
  for (std::int64_t r = 0; r < m.rows; ++r, out += m.cols)
    for (std::int64_t k = pointer[r]; k < pointer[r + 1]; ++k) out[columns[k]] = values[k];
}

}  // namespace

Csr readCsr(const Spec& spec, std::int64_t columns) {
  const Spec pointerSpec = spec.at("indptr"), columnSpec = spec.at("indices");
  Csr matrix{0, columns, wholeNumbers(pointerSpec), wholeNumbers(columnSpec), {}};
  matrix.rows = matrix.pointer.numel() - 1;
  requirePointer(matrix.pointer, matrix.stored(), pointerSpec.path());
  requireColumns(matrix, columnSpec.path());
  if (const auto values = spec.find("values")) {
    const at::Tensor& given = unbox(*values);
    if (given.dim() != 1 || given.numel() != matrix.stored())
      fail(Code::Shape, values->path(), " has shape ", c10::str(given.sizes()), ", and there are ", matrix.stored(),
           " indices; each entry has one value");
    matrix.values = floating(given, values->path()).clone();
  }
  sortRows(matrix, columnSpec.path());
  return matrix;
}

Features readFeatures(const Spec& spec) {
  if (spec.has("dense")) {
    const at::Tensor& given = unbox(spec.at("dense"));
    if (given.dim() != 2)
      fail(Code::Shape, spec.path(), " has shape ", c10::str(given.sizes()), "; features of nodes are [n, d]");
    return {floating(given, spec.path()), {}};
  }
  Features features{{}, readCsr(spec, spec.count("columns", 0))};
  if (!features.sparse.values.defined()) features.sparse.values = at::ones({features.sparse.stored()}, at::kFloat);
  return features;
}

Map describe(const Features& features) {
  if (features.isDense()) return {{"dense", box(features.dense)}};
  const Csr& m = features.sparse;
  return {{"indptr", box(m.pointer)}, {"indices", box(m.columns)}, {"values", box(m.values)}, {"columns", m.cols}};
}

Features rowsOf(const Features& features, const at::Tensor& rows) {
  if (features.isDense()) return {rowsAt(features.dense, rows), {}};
  const Csr& m = features.sparse;
  const auto* from = m.pointer.const_data_ptr<std::int64_t>();
  const auto* wanted = rows.const_data_ptr<std::int64_t>();
  const std::int64_t count = rows.numel();
  Csr part{count, m.cols, at::zeros({count + 1}, at::kLong), {}, {}};
  auto* pointer = part.pointer.data_ptr<std::int64_t>();
  for (std::int64_t r = 0; r < count; ++r) pointer[r + 1] = pointer[r] + from[wanted[r] + 1] - from[wanted[r]];
  at::Tensor entries = at::empty({pointer[count]}, at::kLong);
  for (std::int64_t r = 0; r < count; ++r)
    std::iota(entries.data_ptr<std::int64_t>() + pointer[r], entries.data_ptr<std::int64_t>() + pointer[r + 1],
              from[wanted[r]]);
  part.columns = m.columns.index_select(0, entries);
  part.values = m.values.index_select(0, entries);
  return {{}, part};
}

at::Tensor toDense(const Features& features, at::ScalarType dtype) {
  if (features.isDense()) return features.dense.to(dtype);
  const Csr& m = features.sparse;
  at::Tensor dense = at::zeros({m.rows, m.cols}, m.values.scalar_type());
  if (m.values.scalar_type() == at::kFloat)
    scatter<float>(m, dense);
  else
    scatter<double>(m, dense);
  return dense.to(dtype);
}

Csr toSparse(const at::Tensor& dense) {
  const at::Tensor places = dense.nonzero();  // row by row
  const at::Tensor rows = places.select(1, 0).contiguous();
  Csr m{dense.size(0), dense.size(1), at::zeros({dense.size(0) + 1}, at::kLong), places.select(1, 1).contiguous(), {}};
  auto* pointer = m.pointer.data_ptr<std::int64_t>();
  const auto* row = rows.const_data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < rows.numel(); ++k) ++pointer[row[k] + 1];
  std::partial_sum(pointer, pointer + m.rows + 1, pointer);
  m.values = dense.index({rows, m.columns});
  return m;
}

Features prepared(const Features& features, bool binarise, int norm) {
  const at::Tensor& given = features.isDense() ? features.dense : features.sparse.values;
  at::Tensor values = binarise ? given.ne(0).to(given.scalar_type()) : given.clone();
  const std::int64_t* pointer = features.isDense() ? nullptr : features.sparse.pointer.const_data_ptr<std::int64_t>();
  if (norm > 0 && values.scalar_type() == at::kFloat)
    scaleRowsToNorm<float>(values, pointer, features.nodes(), features.columns(), norm);
  if (norm > 0 && values.scalar_type() == at::kDouble)
    scaleRowsToNorm<double>(values, pointer, features.nodes(), features.columns(), norm);
  Features result = features;
  (features.isDense() ? result.dense : result.sparse.values) = values;
  return result;
}

}  // namespace langevin
