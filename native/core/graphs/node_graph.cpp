#include "graphs/node_graph.hpp"

#include "base/threads.hpp"
#include "graphs/backward.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// The share of numbers that are not 0 from which on a matrix is dense. Products with 64 columns, 35 % of 767 columns filled: 14 ms
// dense and 27 ms sparse.
constexpr double kDense = 0.2;

Features inDtype(const Features& given, at::ScalarType dtype) {
  const auto size = static_cast<double>(given.nodes()) * static_cast<double>(given.columns());
  if (!given.isDense()) {
    Features features = given;
    features.sparse.values = given.sparse.values.to(dtype);
    if (static_cast<double>(given.sparse.stored()) < kDense * size || size == 0) return features;
    return {toDense(features, dtype), {}};
  }
  const auto filled = static_cast<double>(given.dense.count_nonzero().item<std::int64_t>());
  at::Tensor dense = given.dense.to(dtype).contiguous();
  if (filled < kDense * size) return {{}, toSparse(dense)};
  return {dense, {}};
}

// a [n, d] b [d, k], tiles of rows of a.
at::Tensor tiledProduct(const at::Tensor& a, const at::Tensor& b, int threads) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  const Tiling tiles(a.size(0), smallestTile(static_cast<double>(b.numel())));
  parallelTiles(tiles.count(), threads, [&](std::int64_t i) {
    const at::InferenceMode guard;
    const auto [first, last] = tiles.range(i);
    at::Tensor part = out.slice(0, first, last);
    at::mm_out(part, a.slice(0, first, last), b);
  });
  return out;
}

}  // namespace

FeatureMatrix::FeatureMatrix(const Features& features, at::ScalarType dtype) {
  Features own = inDtype(features, dtype);
  dense_ = own.dense;
  if (!own.isDense()) sparse_ = std::make_shared<const SparseOperator>(std::move(own.sparse));
}

at::Tensor FeatureMatrix::product(const at::Tensor& weight, int threads) const {
  const at::Tensor turned = weight.t().contiguous();
  return sparse_ ? multiply(sparse_->matrix(), turned, threads) : tiledProduct(dense_, turned, threads);
}

at::Tensor FeatureMatrix::weightGradient(const at::Tensor& gradient, int threads) const {
  if (sparse_) return multiply(sparse_->turned(), gradient, threads).t();
  if (!denseTurned_.defined()) denseTurned_ = dense_.t().contiguous();
  return tiledProduct(denseTurned_, gradient.contiguous(), threads).t();
}

at::Tensor FeatureMatrix::times(const at::Tensor& weight, int threads, const SparseOperatorRef& by) const {
  const at::Tensor numbers = weight.detach();
  Products& kept = products_[numbers.const_data_ptr()];
  if (!kept.plain.defined()) kept.plain = product(numbers, threads);
  if (by && kept.by != by) {
    kept.spread = multiply(by->matrix(), kept.plain, threads);
    kept.by = by;
  }
  return withBackward((by ? kept.spread : kept.plain).detach(), {weight}, [this, by, threads](const at::Tensor& g) {
    return std::vector<at::Tensor>{weightGradient(by ? multiply(by->turned(), g, threads) : g, threads)};
  });
}

NodeGraph NodeGraph::read(const Spec& graph, at::ScalarType dtype) {
  const std::int64_t nodes = graph.count("nodes", 0);
  const auto features = std::make_shared<const FeatureMatrix>(readFeatures(graph.at("features")), dtype);
  if (features->nodes() != nodes)
    fail(Code::Shape, "the features have ", features->nodes(), " rows, and the graph has ", nodes, " nodes");
  // Cleaned before: what is there now is meant to be there.
  return {features, adjacencyOf(unbox(graph.at("edges")), nodes, {false, true}), dtype};
}

const SparseOperatorRef& NodeGraph::propagation(const Propagation& by) const {
  SparseOperatorRef& found = operators_[by];
  if (!found) {
    const bool symmetric = undirected_ && by.how != Normalisation::Row;
    found = std::make_shared<const SparseOperator>(normalised(adjacency_, by.how, by.selfLoops, dtype_), symmetric);
  }
  return found;
}

const std::shared_ptr<const AttentionPattern>& NodeGraph::attention(bool selfLoops) const {
  std::shared_ptr<const AttentionPattern>& found = attention_[selfLoops];
  if (!found) {
    Csr matrix = normalised(adjacency_, Normalisation::None, selfLoops, dtype_);
    Transposed turned = transposed(matrix);
    found = std::make_shared<const AttentionPattern>(AttentionPattern{std::move(matrix), std::move(turned)});
  }
  return found;
}

const NodeGraph::Fates& NodeGraph::fates() const {
  if (fates_.of.defined()) return fates_;
  const std::int64_t stored = adjacency_.stored();
  if (!undirected_) {
    fates_ = {stored, at::arange(stored, at::kLong)};
    return fates_;
  }
  at::Tensor of = at::empty({stored}, at::kLong);
  const at::Tensor rows = rowsOf(adjacency_), reversed = transposed(adjacency_).origin;
  const auto* row = rows.const_data_ptr<std::int64_t>();
  const auto* column = adjacency_.columns.const_data_ptr<std::int64_t>();
  const auto* other = reversed.const_data_ptr<std::int64_t>();  // of each entry the one in the other direction
  auto* fate = of.data_ptr<std::int64_t>();
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < stored; ++k)
    if (column[k] <= row[k]) fate[k] = count++;
  for (std::int64_t k = 0; k < stored; ++k)
    if (column[k] > row[k]) fate[k] = fate[other[k]];
  fates_ = {count, of};
  return fates_;
}

NodeGraph NodeGraph::withDroppedEdges(double p, const Random& random, std::uint64_t step) const {
  const Fates& fates = this->fates();
  std::vector<std::uint32_t> words(static_cast<std::size_t>(fates.count));
  fillBits(words.data(), fates.count, 1, random.seed(), 0, step, Stream::Dropout);
  const auto limit = static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1.fffffffep31));
  const auto* pointer = adjacency_.pointer.const_data_ptr<std::int64_t>();
  const auto* column = adjacency_.columns.const_data_ptr<std::int64_t>();
  const auto* fate = fates.of.const_data_ptr<std::int64_t>();
  Csr left{adjacency_.rows,
           adjacency_.cols,
           at::zeros({adjacency_.rows + 1}, at::kLong),
           at::empty({adjacency_.stored()}, at::kLong),
           {}};
  auto *starts = left.pointer.data_ptr<std::int64_t>(), *columns = left.columns.data_ptr<std::int64_t>();
  std::int64_t kept = 0;
  for (std::int64_t r = 0; r < adjacency_.rows; ++r) {
    for (std::int64_t k = pointer[r]; k < pointer[r + 1]; ++k)
      if (words[static_cast<std::size_t>(fate[k])] >= limit) columns[kept++] = column[k];
    starts[r + 1] = kept;
  }
  left.columns = left.columns.slice(0, 0, kept);
  return {features_, left, dtype_, undirected_};
}

}  // namespace langevin
