// graph.*: parameters, training and evaluation of networks of nodes.
#include <algorithm>

#include "base/function.hpp"
#include "graphs/node_training.hpp"
#include "graphs/tables.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { spec, features, classes }
std::unique_ptr<NodeNetwork> networkOf(const Spec& a) {
  return makeNodeNetwork(a.at("spec"), a.count("features", 1), a.count("classes", 1));
}

at::ScalarType dtypeOf(const Spec& a) {
  const at::ScalarType dtype = parseDtype(a.at("dtype"));
  if (dtype != at::kFloat && dtype != at::kDouble)
    fail(Code::Dtype, "networks of nodes are float32 or float64, not ", dtypeName(dtype));
  return dtype;
}

Map named(const Parameters& parameters) {
  Map values;
  for (auto& [name, value] : parameters.named()) values.emplace(name, box(value));
  return values;
}

// { spec, features, classes, dtype, parameters: { name: tensor } }: those of a classifier, all of them
Parameters parametersOf(const Spec& a, const NodeNetwork& network) {
  Parameters parameters = freshParameters(network, dtypeOf(a), 0);
  std::vector<std::pair<std::string, at::Tensor>> values;
  for (const auto& [name, value] : a.at("parameters").map()) values.emplace_back(name, unbox(Spec(value, name)));
  parameters.assign(values, true);
  return parameters;
}

NodeGraph graphOf(const Spec& a, const Parameters& parameters) {
  NodeGraph graph = NodeGraph::read(a.at("graph"), parameters.flat().scalar_type());
  const std::int64_t wanted = a.count("features", 1);
  if (graph.features().columns() != wanted)
    throw Error(Code::Shape,
                "the graph has " + std::to_string(graph.features().columns()) +
                    " features a node, and the classifier " + "was made for " + std::to_string(wanted),
                {{"features", graph.features().columns()}, {"expected", wanted}});
  return graph;
}

// { spec, features, classes, seed, dtype } -> { name: tensor }
Value freshNodeParameters(const Spec& a, Job&) {
  return named(freshParameters(*networkOf(a), dtypeOf(a), a.at("seed").seed()));
}

// { spec, features, classes, dtype, parameters, values?: { name: tensor } } -> the parameters with these values, checked
Value assignNodeParameters(const Spec& a, Job&) {
  const auto network = networkOf(a);
  Parameters parameters = parametersOf(a, *network);
  std::vector<std::pair<std::string, at::Tensor>> values;
  if (a.has("values"))
    for (const auto& [name, value] : a.at("values").map()) values.emplace_back(name, unbox(Spec(value, name)));
  parameters.assign(values, false);
  return named(parameters);
}

// { spec, features, classes } -> [{ name, shape, learnable }]
Value nodeParameterInfo(const Spec& a, Job&) {
  const auto network = networkOf(a);
  List result;
  for (const ParameterInfo& p : network->parameters()) {
    List shape;
    for (std::int64_t s : p.shape) shape.emplace_back(s);
    result.emplace_back(Map{{"name", p.name}, {"shape", shape}, {"learnable", p.learnable}});
  }
  return result;
}

// Numbers of nodes with a label, none twice. `where`: "train".
at::Tensor readNodes(const Spec& spec, const at::Tensor& labels) {
  const at::Tensor rows = unbox(spec).to(at::kCPU).contiguous();
  if (rows.dim() != 1 || rows.scalar_type() != at::kLong || rows.numel() == 0)
    fail(Code::Shape, spec.path(), " is a list of numbers of nodes, at least one; got ", dtypeName(rows.scalar_type()),
         " ", c10::str(rows.sizes()));
  std::vector<bool> seen(static_cast<std::size_t>(labels.numel()));
  for (std::int64_t k = 0; k < rows.numel(); ++k) {
    const std::int64_t node = rows.const_data_ptr<std::int64_t>()[k];
    const std::string place = spec.path() + "[" + std::to_string(k) + "] is " + std::to_string(node);
    const Map details{{"path", spec.path()}, {"entry", k}, {"node", node}};
    if (node < 0 || node >= labels.numel())
      throw Error(Code::InvalidOption,
                  place + ", and the graph has " + std::to_string(labels.numel()) + " nodes, numbered from 0", details);
    if (labels.const_data_ptr<std::int64_t>()[node] < 0)
      throw Error(Code::InvalidOption, place + ", a node without a label (-1)", details);
    if (seen[static_cast<std::size_t>(node)]) throw Error(Code::InvalidOption, place + " for the second time", details);
    seen[static_cast<std::size_t>(node)] = true;
  }
  return rows;
}

NodeSplit readSplit(const Spec& a) {
  NodeSplit split{unbox(a.at("labels")).contiguous(), {}, {}};
  const std::int64_t classes = a.count("classes", 1),
                     most = split.labels.numel() == 0 ? -1 : split.labels.max().item<std::int64_t>();
  if (most >= classes)
    fail(Code::InvalidOption, "labels go up to ", most, ", and the classifier has ", classes, " classes");
  split.train = readNodes(a.at("train"), split.labels);
  if (!a.has("validation")) return split;
  split.validation = readNodes(a.at("validation"), split.labels);
  const at::Tensor both = at::isin(split.validation, split.train).nonzero();
  if (both.numel() > 0) {
    const std::int64_t node = split.validation[both[0].item<std::int64_t>()].item<std::int64_t>();
    throw Error(Code::InvalidOption,
                "node " + std::to_string(node) + " is in train and in validation; a node is trained on or validated on",
                {{"node", node}});
  }
  return split;
}

NodeTrainingOptions readTrainingOptions(const Spec& a) {
  NodeTrainingOptions o;
  o.epochs = a.count("epochs", 1, o.epochs);
  o.learningRate = a.positive("learningRate", o.learningRate);
  o.weightDecay = a.nonNegative("weightDecay", o.weightDecay);
  o.patience = a.count("patience", 0, o.patience);
  o.minDelta = a.nonNegative("minDelta", o.minDelta);
  o.dropEdge = a.probability("dropEdge", 0);
  if (o.dropEdge >= 1) a.at("dropEdge").invalid("must be below 1");
  o.seed = a.has("seed") ? a.at("seed").seed() : 0;
  o.threads = a.threads();
  return o;
}

// { spec, features, classes, dtype, parameters, graph, labels, train, validation?, ...options } -> { parameters, epochs,
// bestEpoch, stopped, history }
Value trainNodeClassifier(const Spec& a, Job& job) {
  const auto network = networkOf(a);
  Parameters parameters = parametersOf(a, *network);
  const NodeGraph graph = graphOf(a, parameters);
  Value result = trainNodes(*network, parameters, graph, readSplit(a), readTrainingOptions(a), job);
  Map told = *result.map();
  told.emplace("parameters", named(parameters));
  return told;
}

// { spec, features, classes, dtype, parameters, graph, edges?, threads? } -> { logits [n, C], embeddings [n, h] }
Value inferNodes(const Spec& a, Job&) {
  const at::NoGradGuard guard;
  const auto network = networkOf(a);
  const Parameters parameters = parametersOf(a, *network);
  const NodeGraph graph = graphOf(a, parameters);
  const NodeValues values =
      network->forward({graph, parameters.tensors(), a.boolean("edges", true), nullptr, a.threads()});
  requireFinite(values.logits, "the logits");
  return Map{{"logits", box(values.logits)}, {"embeddings", box(values.embeddings)}};
}

// { ..., graph, samples, dropout, dropEdge, edges, seed } -> logits [samples, n, C]
Value sampleNodes(const Spec& a, Job& job) {
  const at::NoGradGuard guard;
  const auto network = networkOf(a);
  const Parameters parameters = parametersOf(a, *network);
  const NodeGraph graph = graphOf(a, parameters);
  const std::int64_t samples = a.count("samples", 1, 50);
  const double dropEdge = a.probability("dropEdge", 0);
  if (dropEdge >= 1) a.at("dropEdge").invalid("must be below 1");
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  NodeDropout drop{a.boolean("dropout", true) ? network->dropout() : 0, random.fork(Salt::Record), 0};
  at::Tensor logits = at::empty({samples, graph.nodes(), a.count("classes", 1)}, parameters.flat().options());
  for (std::int64_t s = 0; s < samples; ++s) {
    job.check();
    drop.step = static_cast<std::uint64_t>(s);
    const NodeGraph used =
        dropEdge > 0 ? graph.withDroppedEdges(dropEdge, random.fork(Salt::Record, 1), drop.step) : graph;
    logits[s].copy_(
        network->forward({used, parameters.tensors(), a.boolean("edges", true), &drop, a.threads()}).logits);
  }
  requireFinite(logits.view({samples * graph.nodes(), -1}), "the logits");
  return box(logits);
}

Value kindsOfNodeNetworks(const Spec&, Job&) {
  List result;
  for (const std::string& kind : nodeNetworkKinds()) result.emplace_back(kind);
  return result;
}

}  // namespace

const std::vector<Function>& nodeNetworkFunctions() {
  static const std::vector<Function> table = {
      {"graph.freshParameters", Lane::Short, freshNodeParameters},
      {"graph.assignParameters", Lane::Short, assignNodeParameters},
      {"graph.parameterInfo", Lane::Immediate, nodeParameterInfo},
      {"graph.train", Lane::Queued, trainNodeClassifier},
      {"graph.infer", Lane::Short, inferNodes},
      {"graph.inferSamples", Lane::Short, sampleNodes},
      {"graph.networkKinds", Lane::Immediate, kindsOfNodeNetworks},
  };
  return table;
}

}  // namespace langevin
