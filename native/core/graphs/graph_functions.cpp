// graph.*: adjacency from edges, features, labels, parts of graphs.
#include <algorithm>

#include "base/function.hpp"
#include "graphs/features.hpp"
#include "graphs/tables.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

std::int64_t nodesWithoutEdges(const Csr& adjacency) {
  at::Tensor touched = at::zeros({adjacency.rows}, at::kBool);
  touched.index_fill_(0, adjacency.columns, true);
  const at::Tensor degrees = adjacency.pointer.diff();
  return touched.logical_or(degrees.gt(0)).logical_not().sum().item<std::int64_t>();
}

// { edges [2, E], nodes, symmetrise?, selfLoops? } -> { edges [2, E'] by target and source, and what was found }
Value adjacency(const Spec& a, Job&) {
  EdgeCounts counts;
  const EdgePolicy policy{a.boolean("symmetrise", true), a.boolean("selfLoops", false)};
  const Csr matrix = adjacencyOf(unbox(a.at("edges")), a.count("nodes", 0), policy, &counts, a.text("what", "edges"));
  return Map{{"edges", box(edgesOf(matrix))},
             {"given", counts.given},
             {"duplicates", counts.duplicates},
             {"selfLoops", counts.selfLoops},
             {"reversed", counts.reversed},
             {"isolated", nodesWithoutEdges(matrix)},
             {"undirected", hasSymmetricPattern(matrix)}};
}

// { indptr, indices, values?, columns, weights? } -> edges int64 [2, E]: row -> column of every entry that is not 0
Value edgesOfCsr(const Spec& a, Job&) {
  const Csr matrix = readCsr(a, a.count("columns", 0));
  if (matrix.rows != matrix.cols)
    fail(Code::Shape, "an adjacency matrix is square, this one has ", matrix.rows, " rows and ", matrix.cols,
         " columns");
  at::Tensor edges = at::stack({rowsOf(matrix), matrix.columns});
  if (!matrix.values.defined()) return box(edges);
  const at::Tensor there = matrix.values.ne(0);
  const at::Tensor odd = there.logical_and(matrix.values.ne(1)).nonzero();
  if (odd.numel() > 0 && a.text("weights", "refuse") == "refuse") {
    const std::int64_t k = odd[0].item<std::int64_t>();
    throw Error(Code::Unsupported,
                a.at("values").path() + "[" + std::to_string(k) + "] is " +
                    std::to_string(matrix.values[k].item<double>()) + ": edges have no weights here; give { weights: " +
                    "'ignore' } to take every entry that is not 0 as an edge",
                {{"entry", k}});
  }
  return box(edges.index_select(1, there.nonzero().squeeze(1)));
}

// { features } -> the same, checked
Value features(const Spec& a, Job&) { return describe(readFeatures(a.at("features"))); }

// { features, binarise, norm }
Value prepareFeatures(const Spec& a, Job&) {
  return describe(
      prepared(readFeatures(a.at("features")), a.boolean("binarise", false), static_cast<int>(a.integer("norm", 0))));
}

// { features, dtype } -> [n, d]
Value denseFeatures(const Spec& a, Job&) {
  return box(toDense(readFeatures(a.at("features")), parseDtype(a.at("dtype"))));
}

// { features: { dense } } -> the sparse form
Value sparseFeatures(const Spec& a, Job&) {
  const Features given = readFeatures(a.at("features"));
  return describe(given.isDense() ? Features{{}, toSparse(given.dense)} : given);
}

at::Tensor checkedRows(const Spec& spec, std::int64_t nodes) {
  const at::Tensor rows = unbox(spec).to(at::kCPU).contiguous();
  if (rows.dim() != 1 || rows.scalar_type() != at::kLong)
    fail(Code::Shape, spec.path(), " is a list of numbers of nodes (int64 [k]), got ", dtypeName(rows.scalar_type()),
         " ", c10::str(rows.sizes()));
  const auto* row = rows.const_data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < rows.numel(); ++k)
    if (row[k] < 0 || row[k] >= nodes)
      throw Error(Code::InvalidOption,
                  spec.path() + "[" + std::to_string(k) + "] is " + std::to_string(row[k]) + ", and the graph has " +
                      std::to_string(nodes) + " nodes, numbered from 0",
                  {{"path", spec.path()}, {"entry", k}, {"node", row[k]}});
  return rows;
}

// { features, rows int64 [k], nodes }
Value featureRows(const Spec& a, Job&) {
  const Features given = readFeatures(a.at("features"));
  return describe(rowsOf(given, checkedRows(a.at("rows"), given.nodes())));
}

// { edges, nodes, rows int64 [k] } -> the edges between these nodes, by their places in `rows`
Value subgraphEdges(const Spec& a, Job&) {
  const std::int64_t nodes = a.count("nodes", 0);
  const at::Tensor rows = checkedRows(a.at("rows"), nodes);
  at::Tensor places = at::full({nodes}, -1, at::kLong);
  auto* place = places.data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < rows.numel(); ++k) {
    const std::int64_t node = rows.const_data_ptr<std::int64_t>()[k];
    if (place[node] >= 0)
      throw Error(Code::InvalidOption,
                  a.at("rows").path() + "[" + std::to_string(k) + "]: node " + std::to_string(node) +
                      " is there already (at " + std::to_string(place[node]) + ")",
                  {{"entry", k}, {"node", node}});
    place[node] = k;
  }
  const at::Tensor& edges = unbox(a.at("edges"));
  const at::Tensor moved = places.index_select(0, edges.reshape({-1})).view({2, -1});
  return box(moved.index_select(1, moved.ge(0).all(0).nonzero().squeeze(1)));
}

// { labels, nodes, classes? } -> { labels int64 [n], classes }; -1 is a node without one
Value labels(const Spec& a, Job&) {
  const at::Tensor given = unbox(a.at("labels")).to(at::kCPU).contiguous();
  const std::int64_t nodes = a.count("nodes", 0);
  if (given.dim() != 1 || given.size(0) != nodes)
    fail(Code::Shape, "labels have shape ", c10::str(given.sizes()), ", and the graph has ", nodes,
         " nodes; give one whole number for each, -1 where there is no label");
  at::Tensor whole = given.to(at::kLong);
  if (given.is_floating_point()) {
    const at::Tensor odd = given.ne(whole.to(given.scalar_type())).nonzero();
    if (odd.numel() > 0) {
      const std::int64_t k = odd[0].item<std::int64_t>();
      throw Error(Code::Dtype,
                  "labels[" + std::to_string(k) + "] is " + std::to_string(given[k].item<double>()) +
                      "; labels are whole numbers, 0 to the number of classes - 1, and -1 where there is none",
                  {{"node", k}});
    }
  }
  std::int64_t most = -1;
  const auto* label = whole.const_data_ptr<std::int64_t>();
  for (std::int64_t k = 0; k < nodes; ++k) most = std::max(most, label[k]);
  const std::int64_t classes = a.has("classes") ? a.count("classes", 0) : most + 1;
  for (std::int64_t k = 0; k < nodes; ++k)
    if (label[k] < -1 || label[k] >= classes)
      throw Error(Code::InvalidOption,
                  "labels[" + std::to_string(k) + "] is " + std::to_string(label[k]) + "; with " +
                      std::to_string(classes) + " classes a label is 0 to " + std::to_string(classes - 1) +
                      ", or -1 where there is none",
                  {{"node", k}, {"label", label[k]}});
  return Map{{"labels", box(whole)}, {"classes", classes}};
}

}  // namespace

const std::vector<Function>& graphDataFunctions() {
  static const std::vector<Function> table = {
      {"graph.adjacency", Lane::Immediate, adjacency},
      {"graph.edgesOfCsr", Lane::Immediate, edgesOfCsr},
      {"graph.features", Lane::Immediate, features},
      {"graph.prepareFeatures", Lane::Immediate, prepareFeatures},
      {"graph.denseFeatures", Lane::Immediate, denseFeatures},
      {"graph.sparseFeatures", Lane::Immediate, sparseFeatures},
      {"graph.featureRows", Lane::Immediate, featureRows},
      {"graph.subgraphEdges", Lane::Immediate, subgraphEdges},
      {"graph.labels", Lane::Immediate, labels},
  };
  return table;
}

}  // namespace langevin
