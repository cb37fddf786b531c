// Distribution shifts on a graph (protocol of Fuchsgruber et al. 2024): which nodes they concern, and features that are replaced.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/threads.hpp"
#include "graphs/features.hpp"
#include "graphs/node_outputs.hpp"
#include "graphs/tables.hpp"
#include "tensors/arguments.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

std::uint64_t seedOf(const Spec& a) { return a.has("seed") ? a.at("seed").seed() : 0; }

Csr adjacencyIn(const Spec& a, bool turned = false) {
  at::Tensor edges = unbox(a.at("edges"));
  if (turned) edges = edges.flip(0);
  return adjacencyOf(edges, a.count("nodes"), {.symmetrise = false, .selfLoops = false});
}

// { edges, nodes, labels } -> float64 [n]: of the edges that end at a node, the share that begins at one of its class; 1
// where there is none.
Value homophily(const Spec& a, Job&) {
  const Csr adjacency = adjacencyIn(a);
  const at::Tensor labels = readNodeLabels(a.at("labels"), adjacency.rows, std::int64_t{1} << 62);
  const auto* y = labels.const_data_ptr<std::int64_t>();
  const auto *pointer = adjacency.pointer.const_data_ptr<std::int64_t>(),
             *columns = adjacency.columns.const_data_ptr<std::int64_t>();
  at::Tensor out = at::ones({adjacency.rows}, at::kDouble);
  for (std::int64_t v = 0; v < adjacency.rows; ++v) {
    if (y[v] < 0) fail(Code::InvalidOption, "labels[", v, "] is -1; homophily needs the class of every node");
    std::int64_t same = 0;
    for (std::int64_t k = pointer[v]; k < pointer[v + 1]; ++k) same += y[columns[k]] == y[v];
    const std::int64_t degree = pointer[v + 1] - pointer[v];
    if (degree > 0) out.data_ptr<double>()[v] = static_cast<double>(same) / static_cast<double>(degree);
  }
  return box(out);
}

// { edges, nodes, teleport, iterations, threads? } -> float64 [n], sum 1: r <- (1 - t) P' r + t / n from 1 / n on, P being the
// step to one of the nodes a node has an edge to, or to itself.
Value pageRank(const Spec& a, Job& job) {
  const double teleport = a.probability("teleport", 0.2);
  const std::int64_t iterations = a.count("iterations", 0, 10);
  const Csr outward = normalised(adjacencyIn(a, true), Normalisation::Row, true, at::kDouble);
  const Csr inward = transposed(outward).matrix;
  const auto n = static_cast<double>(outward.rows);
  at::Tensor rank = at::full({outward.rows, 1}, 1 / n, at::kDouble);
  for (std::int64_t k = 0; k < iterations; ++k) {
    job.check();
    rank = multiply(inward, rank, a.threads()) * (1 - teleport) + teleport / n;
  }
  return box(rank.squeeze(1));
}

// { values?: [n], labels: [n], share, seed? } -> bool [n]: of each class the floor(share * nodes) nodes of lowest value, equal
// ones in an order drawn by the seed; without values a drawn share of each class. Unlabelled nodes are left out.
Value lowestPerClass(const Spec& a, Job&) {
  const at::Tensor labels = readNodeLabels(a.at("labels"), unbox(a.at("labels")).size(0), std::int64_t{1} << 62);
  const std::int64_t n = labels.size(0);
  const double share = a.probability("share", 0.5);
  const at::Tensor values = a.has("values") ? readVector(a.at("values")) : at::zeros({n}, at::kDouble);
  requireSameRows(values, "values", labels, "labels");
  const at::Tensor drawn = Random(seedOf(a)).permutation(n, 0, Stream::Data);
  const auto *y = labels.const_data_ptr<std::int64_t>(), *draw = drawn.const_data_ptr<std::int64_t>();
  const auto* value = values.const_data_ptr<double>();
  std::vector<std::int64_t> order(draw, draw + n);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t u, std::int64_t v) { return y[u] != y[v] ? y[u] < y[v] : value[u] < value[v]; });
  at::Tensor chosen = at::zeros({n}, at::kBool);
  for (std::int64_t first = 0; first < n;) {
    std::int64_t end = first;
    while (end < n && y[order[end]] == y[order[first]]) ++end;
    const auto most = static_cast<std::int64_t>(static_cast<double>(end - first) * share);
    if (y[order[first]] >= 0)
      for (std::int64_t k = first; k < first + most; ++k) chosen.data_ptr<bool>()[order[k]] = true;
    first = end;
  }
  return box(chosen);
}

// { features, nodes, labels?, classes? } -> float64 [d], or [classes, d] with labels: the share of these nodes (of each class)
// whose number in a column is not 0.
Value featureShares(const Spec& a, Job&) {
  const Features features = readFeatures(a.at("features"));
  const at::Tensor nodes = readNodeNumbers(a.at("nodes"), features.nodes());
  const bool perClass = a.has("labels");
  const std::int64_t classes = perClass ? a.count("classes") : 1, d = features.columns();
  at::Tensor labels = at::zeros({features.nodes()}, at::kLong);
  if (perClass) labels = readNodeLabels(a.at("labels"), features.nodes(), classes);
  const auto* y = labels.const_data_ptr<std::int64_t>();
  const Csr sparse = features.isDense() ? toSparse(features.dense) : features.sparse;
  const at::Tensor numbers = sparse.values.defined() ? sparse.values.ne(0) : at::ones({sparse.stored()}, at::kBool);
  const auto *pointer = sparse.pointer.const_data_ptr<std::int64_t>(),
             *columns = sparse.columns.const_data_ptr<std::int64_t>();
  std::vector<double> count(static_cast<std::size_t>(classes), 0);
  at::Tensor out = at::zeros({classes, d}, at::kDouble);
  auto* sum = out.data_ptr<double>();
  for (std::int64_t i = 0; i < nodes.size(0); ++i) {
    const std::int64_t v = nodes.const_data_ptr<std::int64_t>()[i], c = y[v];
    if (c < 0) continue;
    ++count[static_cast<std::size_t>(c)];
    for (std::int64_t k = pointer[v]; k < pointer[v + 1]; ++k)
      if (numbers.const_data_ptr<bool>()[k]) ++sum[c * d + columns[k]];
  }
  for (std::int64_t c = 0; c < classes; ++c)
    for (std::int64_t j = 0; j < d; ++j) sum[c * d + j] /= std::max(count[static_cast<std::size_t>(c)], 1.0);
  return box(perClass ? out : out.squeeze(0));
}

/// Row `node` of the noise: standard normal numbers, or 0 and 1 by the probabilities, divided by their Euclidean norm.
void drawRow(float* row, std::int64_t d, std::int64_t node, const double* probabilities, std::uint64_t seed) {
  const auto first = static_cast<std::uint64_t>(node);
  if (probabilities == nullptr) return fillNormal(row, 1, d, seed, first, 0, Stream::DataNoise);
  fillUniform(row, 1, d, seed, first, 0, Stream::DataNoise);
  std::int64_t ones = 0;
  for (std::int64_t j = 0; j < d; ++j) {
    const bool one = row[j] < probabilities[j];
    row[j] = one ? 1.f : 0.f;
    ones += one;
  }
  if (ones == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(ones)));
  for (std::int64_t j = 0; j < d; ++j) row[j] *= scale;
}

// { features, nodes, probabilities?: [d] or [classes, d], labels?, seed?, threads? } -> the features with the rows of these nodes
// replaced: standard normal numbers, or with probabilities (of a node's class) zeros and ones, divided by their Euclidean norm.
// Sparse features stay sparse while that is less memory.
Value replaceFeatures(const Spec& a, Job& job) {
  const Features given = readFeatures(a.at("features"));
  const std::int64_t n = given.nodes(), d = given.columns();
  const at::Tensor nodes = readNodeNumbers(a.at("nodes"), n);
  at::Tensor p, labels;
  if (a.has("probabilities")) {
    p = unbox(a.at("probabilities")).to(at::kCPU, at::kDouble).contiguous();
    requireFinite(p, "probabilities");
    if (p.dim() < 1 || p.dim() > 2 || p.size(-1) != d)
      fail(Code::Shape, "probabilities must have ", d, " columns, as the features have");
    if (p.dim() == 2) labels = readNodeLabels(a.at("labels"), n, p.size(0));
  }
  const std::uint64_t seed = seedOf(a);
  const std::int64_t count = nodes.size(0);
  at::Tensor drawn = at::empty({count, d}, at::kFloat);
  const auto* number = nodes.const_data_ptr<std::int64_t>();
  const Tiling tiling(count, 32);
  parallelTiles(tiling.count(), a.threads(), [&](std::int64_t t) {
    const TileRange r = tiling.range(t);
    for (std::int64_t i = r.first; i < r.last; ++i) {
      const std::int64_t c = labels.defined() ? labels.const_data_ptr<std::int64_t>()[number[i]] : 0;
      if (c < 0)
        fail(Code::InvalidOption, "labels[", number[i], "] is -1; probabilities by class need the class of the node");
      drawRow(drawn.data_ptr<float>() + i * d, d, number[i], p.defined() ? p.const_data_ptr<double>() + c * d : nullptr,
              seed);
    }
  });
  job.check();
  if (!given.isDense()) {
    const Csr fresh = toSparse(drawn);
    // An entry costs three numbers, in a dense matrix one.
    if (3 * (fresh.stored() + given.sparse.stored()) < n * d) {
      at::Tensor keep = at::ones({n}, at::kBool);
      keep.index_fill_(0, nodes, false);
      const at::Tensor others = keep.nonzero().squeeze(1), rows = at::cat({others, nodes});
      const Features left = rowsOf(given, others);
      const at::Tensor values = left.sparse.values;
      Csr joined{n, d, at::cat({left.sparse.pointer, fresh.pointer.slice(0, 1) + left.sparse.stored()}),
                 at::cat({left.sparse.columns, fresh.columns}),
                 at::cat({values, fresh.values.to(values.scalar_type())})};
      return describe(rowsOf(Features{{}, joined}, rows.argsort()));
    }
  }
  const at::ScalarType dtype = given.isDense() ? given.dense.scalar_type() : given.sparse.values.scalar_type();
  at::Tensor dense = given.isDense() ? given.dense.clone() : toDense(given, dtype);
  dense.index_copy_(0, nodes, drawn.to(dtype));
  return describe(Features{dense, {}});
}

}  // namespace

const std::vector<Function>& shiftFunctions() {
  static const std::vector<Function> table = {
      {"graph.homophily", Lane::Immediate, homophily},
      {"graph.pageRank", Lane::Short, pageRank},
      {"graph.lowestPerClass", Lane::Immediate, lowestPerClass},
      {"graph.featureShares", Lane::Immediate, featureShares},
      {"graph.replaceFeatures", Lane::Short, replaceFeatures},
  };
  return table;
}

}  // namespace langevin
