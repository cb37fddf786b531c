// Networks of nodes: gradients against differences, dropout, attention over a hub, left-out edges.
#include "check.hpp"
#include "graphs/node_network.hpp"
#include "tensors/tensor.hpp"

namespace langevin::test::node_networks_test {
namespace {

constexpr std::int64_t kNodes = 12, kColumns = 5, kClasses = 3;

at::Tensor normals(std::int64_t rows, std::int64_t cols, int seed) {
  return Random(static_cast<std::uint64_t>(seed)).normal(rows, cols, 0, Stream::Data, at::TensorOptions(at::kDouble));
}

// Directed, so that a transpose which is none shows; node 0 has no edge.
NodeGraph smallGraph(at::ScalarType dtype = at::kDouble) {
  const at::Tensor ends = Random(3).index(60, kNodes - 1, 0, Stream::Data).add(1).view({2, 30});
  const at::Tensor x = normals(kNodes, kColumns, 4);
  return {std::make_shared<const FeatureMatrix>(Features{x * x.gt(0.5), {}}, dtype),
          adjacencyOf(ends, kNodes, {false, false}), dtype};
}

std::vector<Map> everyKind() {
  std::vector<Map> specs;
  for (const std::string& kind : nodeNetworkKinds())
    specs.push_back({{"kind", kind},
                     {"hidden", List{6, 4}},
                     {"dropout", 0.4},
                     {"heads", 2},
                     {"trainEpsilon", true},
                     {"epsilon", 0.2},
                     {"alpha", 0.3},
                     {"iterations", 3}});
  return specs;
}

// A network, its parameters away from where they start, and a scalar of its logits.
struct Subject {
  std::unique_ptr<NodeNetwork> network;
  Parameters parameters;

  explicit Subject(const Value& spec)
      : network(makeNodeNetwork(Spec(spec, "spec"), kColumns, kClasses)),
        parameters(freshParameters(*network, at::kDouble, 5)) {
    parameters.flat().add_(normals(1, parameters.count(), 6)[0] * 0.3);
  }

  at::Tensor loss(const NodeGraph& graph, const std::vector<at::Tensor>& values, const NodeDropout* drop,
                  bool edges) const {
    graph.features().forget();
    const at::Tensor logits = network->forward({graph, values, edges, drop, 2}).logits;
    return (at::log_softmax(logits, 1) * normals(kNodes, kClasses, 7)).sum();
  }
};

}  // namespace

TEST(gradients_of_every_network_are_slopes) {
  const NodeGraph graph = smallGraph();
  const NodeDropout drop{0.4, Random(8), 3};
  for (const Map& spec : everyKind())
    for (const bool edges : {true, false}) {
      Subject s{Value(spec)};
      const std::vector<at::Tensor> leaves = s.parameters.leaves();
      const auto found = torch::autograd::grad({s.loss(graph, leaves, &drop, edges)}, leaves, {}, false, false, true);
      at::Tensor gradient = at::zeros_like(s.parameters.flat());
      s.parameters.accumulate(gradient, found);
      CHECK(gradient.abs().max().item<double>() > 0.1);
      const at::NoGradGuard guard;
      double most = 0;
      for (std::int64_t k = 0; k < s.parameters.count(); ++k) {
        // Central differences: error h^2 = 1e-10 times third derivatives, and 1e-16 / h; a ReLU's corner within h of a value
        // would show and does not happen at these seeds.
        constexpr double kStep = 1e-5;
        const double before = s.parameters.flat()[k].item<double>();
        double side[2];
        for (const int sign : {0, 1}) {
          s.parameters.flat()[k].fill_(before + (sign ? kStep : -kStep));
          side[sign] = s.loss(graph, s.parameters.tensors(), &drop, edges).item<double>();
        }
        s.parameters.flat()[k].fill_(before);
        most = std::max(most, std::abs((side[1] - side[0]) / (2 * kStep) - gradient[k].item<double>()));
      }
      CHECK_NEAR(most, 0, 1e-6);
    }
}

TEST(dropout_drops_its_share_and_keeps_the_mean) {
  const std::int64_t rows = 4000;
  const at::Tensor none = at::empty({2, 0}, at::kLong);
  const NodeGraph graph{
      std::make_shared<const FeatureMatrix>(Features{at::ones({rows, 1}, at::kDouble), {}}, at::kDouble),
      adjacencyOf(none, rows, {}), at::kDouble};
  const std::vector<at::Tensor> parameters;
  const NodeDropout drop{0.25, Random(1), 2};
  NodeValues values;
  const at::Tensor x = normals(rows, 50, 9), bias = normals(1, 50, 12)[0];
  const NodePass pass{graph, parameters, true, &drop, 2};
  const at::Tensor weight = at::eye(50, at::kDouble);
  const at::Tensor y = activated(pass, x - bias, bias, 0, values).times(weight);
  const at::Tensor positive = (x - bias + bias).gt(0), dropped = y.eq(0).logical_and(positive);
  const double n = positive.sum().item<double>();
  // Five standard deviations of a share of 1e5 numbers.
  CHECK_NEAR(dropped.sum().item<double>() / n, 0.25, 5 * std::sqrt(0.25 * 0.75 / n));
  CHECK_NEAR((y - at::relu(x) / 0.75).masked_select(y.ne(0)).abs().max().item<double>(), 0, 1e-12);
  CHECK(y.masked_select(positive.logical_not()).abs().max().item<double>() == 0);
  // Another layer, another step: other masks.
  const NodeDropout next{0.25, Random(1), 3};
  CHECK(!activated(pass, x - bias, bias, 1, values).times(weight).equal(y));
  CHECK(!activated({graph, parameters, true, &next, 2}, x - bias, bias, 0, values).times(weight).equal(y));
  CHECK(activated({graph, parameters, true, &drop, 1}, x - bias, bias, 0, values).times(weight).equal(y));
}

TEST(attention_over_a_hub_is_a_weighted_mean) {
  constexpr std::int64_t kHub = 20001;
  const at::Tensor spokes = at::arange(1, kHub, at::kLong);
  const Csr star = adjacencyOf(at::stack({spokes, at::zeros_like(spokes)}), kHub, {});
  const NodeGraph graph{std::make_shared<const FeatureMatrix>(Features{normals(kHub, 1, 10), {}}, at::kDouble), star,
                        at::kDouble};
  const Value spec = Map{{"kind", "gat"}, {"hidden", List{4}}, {"heads", 2}, {"dropout", 0}};
  const auto network = makeNodeNetwork(Spec(spec, "spec"), 1, 2);
  const Parameters parameters = freshParameters(*network, at::kDouble, 1);
  const at::Tensor one = network->forward({graph, parameters.tensors(), true, nullptr, 1}).logits;
  const at::Tensor two = network->forward({graph, parameters.tensors(), true, nullptr, 2}).logits;
  CHECK(one.equal(two));
  // The hub's embedding by dense arithmetic.
  const auto& p = parameters.tensors();  // weight, att_src, att_dst, bias
  const at::Tensor h = normals(kHub, 1, 10).matmul(p[0].t()).view({kHub, 2, 2});
  const at::Tensor score = at::leaky_relu((h * p[1]).sum(-1) + (h[0] * p[2][0]).sum(-1), 0.2);
  const at::Tensor expected = at::relu((at::softmax(score, 0).unsqueeze(-1) * h).sum(0).view({4}) + p[3]);
  const at::Tensor found = network->forward({graph, parameters.tensors(), true, nullptr, 2}).embeddings[0];
  CHECK_NEAR((found - expected).abs().max().item<double>(), 0, 1e-12);
}

TEST(edges_are_left_out_in_both_directions) {
  const at::Tensor ends = Random(11).index(8000, 500, 0, Stream::Data).view({2, 4000});
  const Csr a = adjacencyOf(ends, 500, {});
  const NodeGraph graph{
      std::make_shared<const FeatureMatrix>(Features{at::ones({500, 1}, at::kDouble), {}}, at::kDouble), a,
      at::kDouble};
  const Propagation sums{Normalisation::None, false};
  const NodeGraph thin = graph.withDroppedEdges(0.3, Random(2), 7);
  const Csr left = thin.propagation(sums)->matrix();
  CHECK(hasSymmetricPattern(left));
  const double pairs = static_cast<double>(a.stored()) / 2;
  CHECK_NEAR(static_cast<double>(left.stored()) / 2 / pairs, 0.7, 5 * std::sqrt(0.21 / pairs));
  CHECK(graph.withDroppedEdges(0.3, Random(2), 7).propagation(sums)->matrix().columns.equal(left.columns));
  CHECK(!graph.withDroppedEdges(0.3, Random(2), 8).propagation(sums)->matrix().columns.equal(left.columns));
  // What is left is among what was there.
  const auto dense = [](const Csr& m) { return toDense({{}, m}, at::kDouble); };
  const at::Tensor all = dense(graph.propagation(sums)->matrix());
  CHECK((all - dense(left)).min().item<double>() == 0);
  // In a graph with a direction every edge has a fate of its own.
  const NodeGraph one{std::make_shared<const FeatureMatrix>(Features{at::ones({500, 1}, at::kDouble), {}}, at::kDouble),
                      adjacencyOf(ends, 500, {false, false}), at::kDouble};
  const Csr part = one.withDroppedEdges(0.3, Random(2), 7).propagation(sums)->matrix();
  const auto edges = static_cast<double>(one.propagation(sums)->matrix().stored());
  CHECK_NEAR(static_cast<double>(part.stored()) / edges, 0.7, 5 * std::sqrt(0.21 / edges));
}

}  // namespace langevin::test::node_networks_test
