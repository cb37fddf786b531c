#include "program/program.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/error.hpp"
#include "program/ops.hpp"

namespace langevin {
namespace {

const std::unordered_map<std::string, const OpDefinition*>& operationIndex() {
  static const auto index = [] {
    std::unordered_map<std::string, const OpDefinition*> map;
    for (const auto* table : {&elementwiseOperations(), &activationOperations(), &reductionOperations(),
                              &layerOperations(), &imageOperations(), &spectralOperations()})
      for (const OpDefinition& row : *table) map.emplace(row.name, &row);
    return map;
  }();
  return index;
}

}  // namespace

std::vector<OpDefinition> withTraits(std::vector<OpDefinition> rows) {
  for (OpDefinition& row : rows) {
    const NamedTraits* named = findTraits(row.name);
    if (!named) fail(Code::Internal, "the operation '", row.name, "' has no row in program/op_traits.cpp");
    row.traits = named->traits;
  }
  return rows;
}

std::vector<std::string> operationNames() {
  std::vector<std::string> names;
  for (const auto& [name, row] : operationIndex()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

const OpDefinition& operation(const std::string& name) {
  const auto it = operationIndex().find(name);
  if (it == operationIndex().end()) {
    std::string list;
    for (const std::string& n : operationNames()) list += (list.empty() ? "" : ", ") + n;
    fail(Code::Unsupported, "unknown operation '", name, "'; known: ", list);
  }
  return *it->second;
}

ProgramValues evaluate(const Program& program, const std::vector<at::Tensor>& parameters,
                       const std::vector<at::Tensor>& constants, const Batch& rows, const EvaluationMode& mode) {
  std::vector<at::Tensor> values;
  values.reserve(program.nodes.size());
  const bool joint = program.jointEnergy >= 0 && rows.y.defined();
  const int energy = joint ? program.jointEnergy : program.energy;
  // With an optional condition the joint branch comes last; without y there is nothing to evaluate there.
  const bool withoutCondition = program.condition.optional && !rows.y.defined();
  const int last =
      withoutCondition ? std::max(program.energy, program.outputs) : static_cast<int>(program.nodes.size()) - 1;
  for (int i = 0; i <= last; ++i) {
    const Node& node = program.nodes[static_cast<std::size_t>(i)];
    values.push_back(node.op->forward(OpCall{node, values, parameters, constants, rows, mode}));
  }
  // A value that ignores the rows is one row for all of them. A column of the rows, or dropout out of training, is a
  // view of them: whoever moves the rows must not move their energies.
  const auto ofEveryRow = [&rows](const at::Tensor& value) {
    const at::Tensor own =
        value.is_alias_of(rows.x) || (rows.y.defined() && value.is_alias_of(rows.y)) ? value.clone() : value;
    return own.size(0) == rows.size() ? own : own.expand({rows.size(), own.size(1)});
  };
  ProgramValues result;
  if (energy >= 0) result.energy = ofEveryRow(values[static_cast<std::size_t>(energy)]).squeeze(1);
  if (program.outputs >= 0) result.outputs = ofEveryRow(values[static_cast<std::size_t>(program.outputs)]);
  return result;
}

std::vector<std::string> nonSmoothOperations(const Program& program) {
  std::vector<std::string> names;
  for (const Node& node : program.nodes)
    if (!node.op->traits.smooth && std::find(names.begin(), names.end(), node.op->name) == names.end())
      names.emplace_back(node.op->name);
  return names;
}

void requireSmooth(const Program& program) {
  const std::vector<std::string> rough = nonSmoothOperations(program);
  if (rough.empty()) return;
  std::string names;
  for (const std::string& n : rough) names += (names.empty() ? "" : ", ") + n;
  throw Error(Code::Unsupported,
              "this objective differentiates the score dE/dx, and the energy's second derivatives vanish almost "
              "everywhere because of " +
                  names + "; use a smooth activation (" + activationNames(true) + ")",
              {{"operations", names}});
}

}  // namespace langevin
