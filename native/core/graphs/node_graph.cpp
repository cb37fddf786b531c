#include "graphs/node_graph.hpp"

#include "base/threads.hpp"
#include "graphs/backward.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

using Index = std::int64_t;

Features inDtype(const Features& given, at::ScalarType dtype) {
  if (!given.isDense()) {
    Features features = given;
    features.sparse.values = given.sparse.values.to(dtype);
    return features;
  }
  const auto filled = static_cast<double>(given.dense.count_nonzero().item<Index>());
  at::Tensor dense = given.dense.to(dtype).contiguous();
  if (filled < 0.2 * static_cast<double>(dense.numel())) return {{}, toSparse(dense)};
  return {dense, {}};
}

// a [n, d] b [d, k], tiles of rows of a.
at::Tensor tiledProduct(const at::Tensor& a, const at::Tensor& b, int threads) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  const Tiling tiles(a.size(0), smallestTile(static_cast<double>(b.numel())));
  parallelTiles(tiles.count(), threads, [&](Index i) {
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
  return tiledProduct(dense_.t(), gradient.contiguous(), threads).t();
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

NodeGraph::NodeGraph(std::shared_ptr<const FeatureMatrix> features, Csr adjacency, at::ScalarType dtype)
    : features_(std::move(features)),
      adjacency_(std::move(adjacency)),
      undirected_(hasSymmetricPattern(adjacency_)),
      dtype_(dtype) {}

NodeGraph NodeGraph::read(const Spec& graph, at::ScalarType dtype) {
  const Index nodes = graph.count("nodes", 0);
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

NodeGraph NodeGraph::withDroppedEdges(double p, const Random& random, std::uint64_t step) const {
  const at::Tensor edges = edgesOf(adjacency_);
  const auto* source = edges.const_data_ptr<Index>();
  const Index count = edges.size(1), n = nodes();
  const Index* target = source + count;
  at::Tensor kept = at::empty({count}, at::kBool);
  bool* keep = kept.data_ptr<bool>();
  const auto limit = static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1.fffffffep31));
  for (Index e = 0; e < count; ++e) {
    const Index low = std::min(source[e], target[e]), high = std::max(source[e], target[e]);
    std::uint32_t word = 0;
    fillBits(&word, 1, 1, random.seed(), static_cast<std::uint64_t>(low * n + high), step, Stream::Dropout);
    keep[e] = word >= limit;
  }
  const at::Tensor left = edges.index_select(1, kept.nonzero().squeeze(1));
  return {features_, adjacencyOf(left, n, {false, true}), dtype_};
}

}  // namespace langevin
