#include "graphs/node_outputs.hpp"

#include "tensors/arguments.hpp"

namespace langevin {
namespace {

at::Tensor matrixAt(const Spec& given) {
  const at::Tensor& t = unbox(given);
  if (t.dim() != 2) fail(Code::Shape, given.path(), " must have shape [nodes, columns], got ", c10::str(t.sizes()));
  if (t.size(0) < 1 || t.size(1) < 1)
    fail(Code::Shape, given.path(), " has shape ", c10::str(t.sizes()), "; there is nothing to score");
  return readMatrix(given).contiguous();
}

}  // namespace

NodeOutputs readOutputs(const Spec& outputs, const std::string& which, Need need) {
  if (!outputs.has(which)) {
    const bool with = which == "withEdges";
    outputs.invalid("needs `" + which + "`, the network's outputs computed " +
                    (with ? "over the edges of the graph (infer with edges: true)"
                          : "without its edges, every layer being x W + b (infer with edges: false)"));
  }
  const Spec given = outputs.at(which);
  NodeOutputs out;
  out.logits = matrixAt(given.at("logits"));
  if (need == Need::Both) {
    out.embeddings = matrixAt(given.at("embeddings"));
    requireSameRows(out.logits, given.path() + ".logits", out.embeddings, given.path() + ".embeddings");
  }
  return out;
}

std::vector<at::Tensor> readSamples(const Spec& outputs, std::int64_t least) {
  if (!outputs.has("samples"))
    outputs.invalid("needs `samples`, the network's outputs of several passes or those of several networks");
  const Spec given = outputs.at("samples");
  std::vector<at::Tensor> samples;
  if (given.value().list() != nullptr) {
    for (const Spec& each : given.items()) samples.push_back(matrixAt(each.at("logits")));
  } else {
    const Spec logits = given.at("logits");
    const at::Tensor all = unbox(logits).to(at::kCPU, at::kDouble).contiguous();
    if (all.dim() != 3 || all.size(1) < 1 || all.size(2) < 1)
      fail(Code::Shape, logits.path(), " must have shape [samples, nodes, classes], got ", c10::str(all.sizes()));
    requireFinite(all.flatten(0, 1), logits.path());
    for (std::int64_t k = 0; k < all.size(0); ++k) samples.push_back(all[k]);
  }
  for (std::size_t k = 0; k < samples.size(); ++k)
    if (samples[k].sizes() != samples.front().sizes())
      fail(Code::Shape, given.path(), "[", k, "].logits has shape ", c10::str(samples[k].sizes()),
           ", the first sample ", c10::str(samples.front().sizes()));
  if (static_cast<std::int64_t>(samples.size()) < least)
    given.invalid("has " + std::to_string(samples.size()) + " samples; at least " + std::to_string(least) +
                  " are needed to see them disagree");
  return samples;
}

at::Tensor readNodeLabels(const Spec& given, std::int64_t nodes, std::int64_t classes) {
  const at::Tensor labels = unbox(given).to(at::kCPU);
  if (labels.scalar_type() != at::kLong) fail(Code::Dtype, given.path(), " must be int64 class numbers");
  if (labels.dim() != 1 || labels.size(0) != nodes)
    fail(Code::Shape, given.path(), " must have shape [", nodes, "], one for each node, got ",
         c10::str(labels.sizes()));
  const at::Tensor rows = labels.contiguous();
  const auto* y = rows.data_ptr<std::int64_t>();
  for (std::int64_t v = 0; v < nodes; ++v)
    if (y[v] < -1 || y[v] >= classes)
      fail(Code::InvalidOption, given.path(), "[", v, "] is ", y[v], "; class numbers run from 0 to ", classes - 1,
           " (the logits have ", classes, " columns), and -1 is unlabelled");
  return rows;
}

at::Tensor readNodeNumbers(const Spec& given, std::int64_t nodes) {
  const at::Tensor& t = unbox(given);
  at::Tensor numbers;
  if (t.scalar_type() == at::kBool) {
    if (t.dim() != 1 || t.size(0) != nodes)
      fail(Code::Shape, given.path(), ", a mask, must have shape [", nodes, "], got ", c10::str(t.sizes()));
    numbers = t.to(at::kCPU).nonzero().squeeze(1);
  } else if (t.scalar_type() == at::kLong && t.dim() == 1) {
    numbers = t.to(at::kCPU);
  } else {
    fail(Code::Dtype, given.path(), " must be a mask (bool [n]) or node numbers (int64 [k])");
  }
  numbers = numbers.contiguous();
  const auto* v = numbers.data_ptr<std::int64_t>();
  std::vector<bool> seen(static_cast<std::size_t>(nodes), false);
  for (std::int64_t i = 0; i < numbers.size(0); ++i) {
    if (v[i] < 0 || v[i] >= nodes)
      fail(Code::InvalidOption, given.path(), "[", i, "] is ", v[i], "; the graph has nodes 0 to ", nodes - 1);
    if (seen[static_cast<std::size_t>(v[i])])
      fail(Code::InvalidOption, given.path(), "[", i, "] names node ", v[i], " a second time");
    seen[static_cast<std::size_t>(v[i])] = true;
  }
  if (numbers.size(0) == 0) fail(Code::Shape, given.path(), " names no node");
  return numbers;
}

}  // namespace langevin
