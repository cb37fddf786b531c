// Sparse products against dense arithmetic, adjacency from lists of edges, features.
#include <chrono>

#include "check.hpp"
#include "graphs/csr.hpp"
#include "graphs/features.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin::test::graphs_test {
namespace {

at::Tensor normals(std::int64_t rows, std::int64_t cols, int seed, at::ScalarType dtype = at::kDouble) {
  return Random(static_cast<std::uint64_t>(seed)).normal(rows, cols, 0, Stream::Data, at::TensorOptions(dtype));
}

at::Tensor edgeList(std::vector<std::int64_t> sources, const std::vector<std::int64_t>& targets) {
  const auto count = static_cast<std::int64_t>(sources.size());
  sources.insert(sources.end(), targets.begin(), targets.end());
  return at::tensor(sources, at::kLong).view({2, count});
}

at::Tensor randomEdges(std::int64_t nodes, std::int64_t count, int seed) {
  return Random(static_cast<std::uint64_t>(seed)).index(2 * count, nodes, 0, Stream::Data).view({2, count});
}

at::Tensor dense(const Csr& m) {
  return toDense({{}, {m.rows, m.cols, m.pointer, m.columns, m.values.defined() ? m.values : at::ones(m.stored())}},
                 at::kDouble);
}

double apart(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

// A with A[target, source] = 1, from the list, entry by entry.
at::Tensor denseAdjacency(const at::Tensor& edges, std::int64_t nodes, bool symmetrise, bool selfLoops) {
  at::Tensor a = at::zeros({nodes, nodes}, at::kDouble);
  for (std::int64_t e = 0; e < edges.size(1); ++e) {
    const auto s = edges[0][e].item<std::int64_t>(), t = edges[1][e].item<std::int64_t>();
    if (s == t && !selfLoops) continue;
    a[t][s] = 1;
    if (symmetrise) a[s][t] = 1;
  }
  return a;
}

}  // namespace

TEST(adjacency_is_that_of_the_list) {
  const at::Tensor edges = randomEdges(40, 200, 1);
  for (const bool symmetrise : {false, true})
    for (const bool selfLoops : {false, true}) {
      EdgeCounts counts;
      const Csr a = adjacencyOf(edges, 40, {symmetrise, selfLoops}, &counts);
      const at::Tensor expected = denseAdjacency(edges, 40, symmetrise, selfLoops);
      CHECK(dense(a).equal(expected));
      CHECK(hasSymmetricPattern(a) == symmetrise);
      const at::Tensor one = denseAdjacency(edges, 40, false, selfLoops);
      const auto unique = one.sum().item<double>();
      const auto loops = edges[0].eq(edges[1]).sum().item<std::int64_t>();
      CHECK(loops > 0 && counts.selfLoops == loops && counts.given == 200);
      CHECK(counts.duplicates == 200 - (selfLoops ? 0 : loops) - static_cast<std::int64_t>(unique));
      CHECK(counts.reversed == static_cast<std::int64_t>(expected.sum().item<double>() - unique));
      // Sorted by target, then source; a matrix of its own list is itself.
      const Csr again = adjacencyOf(edgesOf(a), 40, {false, true});
      CHECK(again.columns.equal(a.columns) && again.pointer.equal(a.pointer));
    }
}

TEST(edges_that_do_not_fit_are_named) {
  const auto message = [](const at::Tensor& edges, std::int64_t nodes) -> std::string {
    try {
      adjacencyOf(edges, nodes, {});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message(edgeList({0, 1}, {1, 3}), 3).find("the target of edge 1 is 3") != std::string::npos);
  CHECK(message(edgeList({0, -4}, {1, 2}), 3).find("the source of edge 1 is -4") != std::string::npos);
  CHECK(message(at::zeros({3, 2}, at::kLong), 3).find("edges are [2, E]") != std::string::npos);
  CHECK(message(at::zeros({2, 2}), 3).find("int64") != std::string::npos);
  CHECK(message(edgeList({0}, {0}), 0).find("0 nodes") != std::string::npos);
}

TEST(normalisations_are_those_of_the_formulas) {
  const at::Tensor edges = randomEdges(30, 90, 2);
  for (const bool loops : {false, true})
    for (const bool symmetrise : {false, true}) {
      const Csr a = adjacencyOf(edges, 30, {symmetrise, false});
      const at::Tensor m = dense(a) + (loops ? at::eye(30, at::kDouble) : at::zeros({30, 30}, at::kDouble));
      const at::Tensor d = m.sum(1);
      const at::Tensor inverse = d.gt(0).to(at::kDouble) / d.clamp_min(1);
      const at::Tensor root = inverse.sqrt();
      CHECK(dense(normalised(a, Normalisation::None, loops, at::kDouble)).equal(m));
      CHECK_NEAR(apart(dense(normalised(a, Normalisation::Row, loops, at::kDouble)), inverse.unsqueeze(1) * m), 0,
                 1e-15);
      CHECK_NEAR(apart(dense(normalised(a, Normalisation::Symmetric, loops, at::kDouble)),
                       root.unsqueeze(1) * m * root.unsqueeze(0)),
                 0, 1e-15);
    }
  // A self loop that is there already is not put in twice.
  const Csr kept = adjacencyOf(edgeList({0, 1}, {0, 2}), 3, {true, true});
  CHECK(normalised(kept, Normalisation::None, true, at::kDouble).stored() == 5);
}

TEST(products_are_those_of_dense_matrices_at_any_number_of_threads) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat})
    for (const std::int64_t width : {1, 7, 64, 83}) {
      const Csr a = normalised(adjacencyOf(randomEdges(500, 6000, 3), 500, {}), Normalisation::Symmetric, true, dtype);
      const at::Tensor x = normals(500, width, 4, dtype);
      const at::Tensor one = multiply(a, x, 1);
      // float64: sums of 30 terms below 5; float32: its unit roundoff times as much.
      CHECK_NEAR(apart(one.to(at::kDouble), dense(a).matmul(x.to(at::kDouble))), 0,
                 dtype == at::kDouble ? 1e-12 : 5e-6);
      CHECK(one.equal(multiply(a, x, 2)) && one.equal(multiply(a, x, 3)));
    }
}

TEST(a_hub_of_a_hundred_thousand_neighbours_is_summed_in_parts) {
  constexpr std::int64_t kNodes = 100001;
  const at::Tensor spokes = at::arange(1, kNodes, at::kLong);
  const Csr a = adjacencyOf(at::stack({spokes, at::zeros_like(spokes)}), kNodes, {});
  CHECK(a.stored() == 2 * (kNodes - 1));
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    const at::Tensor x = normals(kNodes, 5, 5, dtype);
    const at::Tensor one = multiply(a, x, 1);
    const at::Tensor sum = x.to(at::kDouble).slice(0, 1).sum(0);
    // |sum| is about 300, of 1e5 terms: 1e5 roundings of 2^-53 (2^-24) of sums that size at the very most; they cancel.
    CHECK_NEAR(apart(one[0].to(at::kDouble), sum), 0, dtype == at::kDouble ? 1e-10 : 5e-3);
    CHECK(one[7].equal(x[0]));
    CHECK(one.equal(multiply(a, x, 2)) && one.equal(multiply(a, x, 3)));
    // The other way round: the hub's value goes to every spoke.
    CHECK(multiply(transposed(a).matrix, x, 2).equal(one));
  }
}

TEST(isolated_nodes_and_no_edges_give_zeros) {
  const at::Tensor none = at::empty({2, 0}, at::kLong);
  const at::Tensor x = normals(4, 3, 6);
  CHECK(multiply(adjacencyOf(none, 4, {}), x, 2).equal(at::zeros({4, 3}, at::kDouble)));
  const Csr loops = normalised(adjacencyOf(none, 4, {}), Normalisation::Symmetric, true, at::kDouble);
  CHECK(multiply(loops, x, 2).equal(x));
  const Csr row = normalised(adjacencyOf(edgeList({0}, {1}), 4, {}), Normalisation::Row, false, at::kDouble);
  const at::Tensor y = multiply(row, x, 1);
  CHECK(y[0].equal(x[1]) && y[1].equal(x[0]) && y[3].equal(at::zeros({3}, at::kDouble)));
  CHECK(multiply(adjacencyOf(none, 0, {}), at::empty({0, 3}, at::kDouble), 1).size(0) == 0);
}

TEST(the_transpose_says_where_its_entries_come_from) {
  const Csr a =
      normalised(adjacencyOf(randomEdges(50, 300, 7), 50, {false, true}), Normalisation::Row, true, at::kDouble);
  const Transposed t = transposed(a);
  CHECK(dense(t.matrix).equal(dense(a).t()));
  CHECK(t.matrix.columns.equal(rowsOf(a).index_select(0, t.origin)));
}

TEST(gradients_of_a_product_are_products_of_the_transpose) {
  const Csr a =
      normalised(adjacencyOf(randomEdges(30, 100, 8), 30, {false, false}), Normalisation::Row, true, at::kDouble);
  const auto op = std::make_shared<const SparseOperator>(a);
  const at::Tensor x = normals(30, 4, 9).requires_grad_(true), weight = normals(30, 4, 10);
  const at::Tensor y = sparseProduct(op, x, 2);
  const at::Tensor g = torch::autograd::grad({(y * y * weight).sum()}, {x})[0];
  const at::Tensor expected = dense(a).t().matmul(2 * dense(a).matmul(x.detach()) * weight);
  CHECK_NEAR(apart(g, expected), 0, 1e-12);
  CHECK(!sparseProduct(op, x.detach(), 1).requires_grad());
}

TEST(a_million_edges_take_less_than_a_second) {
  // A bound on the order of growth, ten times what it takes here; what it takes is in the log.
  const at::Tensor edges = randomEdges(200000, 1000000, 11);
  const auto start = std::chrono::steady_clock::now();
  const Csr a = adjacencyOf(edges, 200000, {});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("  1e6 edges: %.3f s, %lld stored\n", seconds.count(), static_cast<long long>(a.stored()));
  CHECK(a.stored() > 1900000);
  CHECK(seconds.count() < 5);
}

TEST(sparse_features_are_the_dense_ones) {
  const at::Tensor x = normals(20, 9, 12) * Random(13).uniform(20, 9, 0, Stream::Data, at::kDouble).gt(0.7);
  const Features sparse{{}, toSparse(x)};
  CHECK(toDense(sparse, at::kDouble).equal(x));
  CHECK(apart(multiply(sparse.sparse, normals(9, 5, 14), 2), x.matmul(normals(9, 5, 14))) < 1e-12);
  const at::Tensor rows = at::tensor({3, 3, 0, 19}, at::kLong);
  CHECK(toDense(rowsOf(sparse, rows), at::kDouble).equal(x.index_select(0, rows)));
  const at::Tensor ones = x.ne(0).to(at::kDouble);
  const at::Tensor expected = ones / ones.norm(2, 1, true).clamp_min(1e-300);
  CHECK_NEAR(apart(toDense(prepared(sparse, true, 2), at::kDouble), expected), 0, 1e-15);
  CHECK_NEAR(apart(prepared({x, {}}, true, 2).dense, expected), 0, 1e-15);
  CHECK_NEAR(apart(prepared({x, {}}, false, 1).dense, x / x.abs().sum(1, true).clamp_min(1e-300)), 0, 1e-15);
}

}  // namespace langevin::test::graphs_test
