// Adjacency matrices from lists of edges: sorted by counting, O(edges) memory.
#include "graphs/csr.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

at::Tensor indices(std::int64_t n) { return at::empty({n}, at::kLong); }
const std::int64_t* read(const at::Tensor& t) { return t.const_data_ptr<std::int64_t>(); }
std::int64_t* write(const at::Tensor& t) { return t.data_ptr<std::int64_t>(); }

// Row starts from the number of entries of each row, in place: counts[r] at r + 1.
void cumulate(std::int64_t* pointer, std::int64_t rows) { std::partial_sum(pointer, pointer + rows + 1, pointer); }

at::Tensor checkedEdges(const at::Tensor& edges, std::int64_t nodes, const std::string& what) {
  if (edges.dim() != 2 || edges.size(0) != 2)
    throw Error(Code::Shape,
                what + " has shape " + c10::str(edges.sizes()) +
                    "; edges are [2, E]: the sources, then the targets (PyTorch Geometric's edge_index)",
                {{"path", what}});
  if (edges.scalar_type() != at::kLong)
    throw Error(Code::Dtype, what + " has dtype " + dtypeName(edges.scalar_type()) + "; numbers of nodes are int64",
                {{"path", what}});
  at::Tensor list = edges.to(at::kCPU).contiguous();
  const std::int64_t count = list.size(1);
  const std::int64_t* ends = read(list);
  for (std::int64_t k = 0; k < 2 * count; ++k) {
    if (ends[k] >= 0 && ends[k] < nodes) continue;
    const std::int64_t edge = k % count;
    throw Error(Code::InvalidOption,
                what + ": the " + (k < count ? "source" : "target") + " of edge " + std::to_string(edge) + " is " +
                    std::to_string(ends[k]) + ", and the graph has " + std::to_string(nodes) + " nodes" +
                    (nodes > 0 ? ", numbered 0 to " + std::to_string(nodes - 1) : "") +
                    (ends[k] == nodes ? "; numbers that begin with 1 must be lowered by 1" : ""),
                {{"path", what}, {"edge", edge}, {"node", ends[k]}, {"nodes", nodes}});
  }
  return list;
}

// Entries of one matrix whose rows are not sorted yet: sorts each and drops what is there twice.
Csr settled(Csr loose) {
  at::Tensor pointer = indices(loose.rows + 1);
  const std::int64_t* from = read(loose.pointer);
  std::int64_t *to = write(pointer), *columns = write(loose.columns), kept = 0;
  to[0] = 0;
  for (std::int64_t r = 0; r < loose.rows; ++r) {
    std::int64_t *first = columns + from[r], *last = columns + from[r + 1];
    if (!std::is_sorted(first, last)) std::sort(first, last);
    last = std::unique(first, last);
    std::copy(first, last, columns + kept);
    kept += last - first;
    to[r + 1] = kept;
  }
  return {loose.rows, loose.cols, pointer, loose.columns.slice(0, 0, kept).clone(), {}};
}

// Rows of a and b, both sorted, merged.
Csr merged(const Csr& a, const Csr& b) {
  Csr sum{a.rows, a.cols, indices(a.rows + 1), indices(a.stored() + b.stored()), {}};
  const std::int64_t *pa = read(a.pointer), *pb = read(b.pointer), *ca = read(a.columns), *cb = read(b.columns);
  std::int64_t *pointer = write(sum.pointer), *out = write(sum.columns);
  std::int64_t* const start = out;
  pointer[0] = 0;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    out = std::set_union(ca + pa[r], ca + pa[r + 1], cb + pb[r], cb + pb[r + 1], out);
    pointer[r + 1] = out - start;
  }
  sum.columns = sum.columns.slice(0, 0, out - start).clone();
  return sum;
}

Csr directed(const at::Tensor& edges, std::int64_t nodes, bool selfLoops, EdgeCounts& counts) {
  const std::int64_t count = edges.size(1);
  const std::int64_t *source = read(edges), *target = source + count;
  at::Tensor pointer = at::zeros({nodes + 1}, at::kLong);
  std::int64_t* starts = write(pointer);
  for (std::int64_t e = 0; e < count; ++e) {
    const bool loop = source[e] == target[e];
    counts.selfLoops += loop;
    if (!loop || selfLoops) ++starts[target[e] + 1];
  }
  cumulate(starts, nodes);
  at::Tensor columns = indices(starts[nodes]);
  std::vector<std::int64_t> next(starts, starts + nodes);
  for (std::int64_t e = 0; e < count; ++e)
    if (selfLoops || source[e] != target[e]) write(columns)[next[static_cast<std::size_t>(target[e])]++] = source[e];
  const std::int64_t loose = columns.numel();
  Csr matrix = settled({nodes, nodes, pointer, columns, {}});
  counts.duplicates = loose - matrix.stored();
  return matrix;
}

}  // namespace

Csr adjacencyOf(const at::Tensor& edges, std::int64_t nodes, const EdgePolicy& policy, EdgeCounts* counts,
                const std::string& what) {
  const at::Tensor list = checkedEdges(edges, nodes, what);
  EdgeCounts found;
  found.given = list.size(1);
  Csr matrix = directed(list, nodes, policy.selfLoops, found);
  if (policy.symmetrise) {
    const std::int64_t before = matrix.stored();
    matrix = merged(matrix, transposed(matrix).matrix);
    found.reversed = matrix.stored() - before;
  }
  if (counts) *counts = found;
  return matrix;
}

at::Tensor rowsOf(const Csr& matrix) {
  at::Tensor rows = indices(matrix.stored());
  const std::int64_t* pointer = read(matrix.pointer);
  for (std::int64_t r = 0; r < matrix.rows; ++r) std::fill(write(rows) + pointer[r], write(rows) + pointer[r + 1], r);
  return rows;
}

at::Tensor edgesOf(const Csr& adjacency) { return at::stack({adjacency.columns, rowsOf(adjacency)}); }

Transposed transposed(const Csr& matrix) {
  Transposed t{{matrix.cols, matrix.rows, at::zeros({matrix.cols + 1}, at::kLong), indices(matrix.stored()), {}},
               indices(matrix.stored())};
  std::int64_t *pointer = write(t.matrix.pointer), *columns = write(t.matrix.columns), *origin = write(t.origin);
  const std::int64_t *from = read(matrix.pointer), *given = read(matrix.columns);
  for (std::int64_t k = 0; k < matrix.stored(); ++k) ++pointer[given[k] + 1];
  cumulate(pointer, matrix.cols);
  std::vector<std::int64_t> next(pointer, pointer + matrix.cols);
  for (std::int64_t r = 0; r < matrix.rows; ++r)
    for (std::int64_t k = from[r]; k < from[r + 1]; ++k) {
      const std::int64_t place = next[static_cast<std::size_t>(given[k])]++;
      columns[place] = r;
      origin[place] = k;
    }
  if (matrix.values.defined()) t.matrix.values = matrix.values.index_select(0, t.origin);
  return t;
}

bool hasSymmetricPattern(const Csr& matrix) {
  if (matrix.rows != matrix.cols) return false;
  const Csr other = transposed(matrix).matrix;
  return other.pointer.equal(matrix.pointer) && other.columns.equal(matrix.columns);
}

Normalisation readNormalisation(const Spec& spec) {
  const std::string& name = spec.text();
  if (name == "none") return Normalisation::None;
  if (name == "row") return Normalisation::Row;
  if (name == "symmetric") return Normalisation::Symmetric;
  spec.invalid("'" + name + "' is not one of symmetric, row, none");
}

Csr normalised(const Csr& adjacency, Normalisation how, bool selfLoops, at::ScalarType dtype) {
  Csr matrix = selfLoops ? merged(adjacency, identity(adjacency.rows, dtype)) : adjacency;
  at::Tensor values = at::empty({matrix.stored()}, at::kDouble);
  auto* out = values.data_ptr<double>();
  const std::int64_t *pointer = read(matrix.pointer), *columns = read(matrix.columns);
  const auto degree = [pointer](std::int64_t r) { return static_cast<double>(pointer[r + 1] - pointer[r]); };
  for (std::int64_t r = 0; r < matrix.rows; ++r)
    for (std::int64_t k = pointer[r]; k < pointer[r + 1]; ++k) {
      if (how == Normalisation::None) out[k] = 1;
      if (how == Normalisation::Row) out[k] = 1 / degree(r);
      if (how == Normalisation::Symmetric) {
        const double product = degree(r) * degree(columns[k]);
        out[k] = product > 0 ? 1 / std::sqrt(product) : 0;
      }
    }
  matrix.values = values.to(dtype);
  return matrix;
}

Csr identity(std::int64_t n, at::ScalarType dtype) {
  return {n, n, at::arange(n + 1, at::kLong), at::arange(n, at::kLong), at::ones({n}, dtype)};
}

}  // namespace langevin
