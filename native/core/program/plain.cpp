#include "program/plain.hpp"

namespace langevin {

std::vector<PlainNode> plainNodes(const Program& program) {
  std::vector<PlainNode> nodes;
  for (const Node& node : program.nodes)
    nodes.push_back(
        {node.op->name, node.inputs, node.parameters, node.constants, node.numbers, node.integers, node.width()});
  return nodes;
}

List described(const std::vector<PlainNode>& nodes) {
  const auto listOf = [](const auto& items) {
    List list;
    for (const auto& item : items) list.emplace_back(item);
    return list;
  };
  List result;
  for (const PlainNode& node : nodes)
    result.emplace_back(Map{{"op", node.op},
                            {"inputs", listOf(node.inputs)},
                            {"parameters", listOf(node.parameters)},
                            {"constants", listOf(node.constants)},
                            {"numbers", listOf(node.numbers)},
                            {"integers", listOf(node.integers)},
                            {"width", node.width}});
  return result;
}

PlainProgram plain(const Program& program) {
  PlainProgram result;
  result.nodes = plainNodes(program);
  for (const ParameterInfo& info : program.parameters) {
    std::int64_t count = 1;
    for (std::int64_t size : info.shape) count *= size;
    result.parameters.push_back({count, info.learnable});
  }
  for (const at::Tensor& c : program.constants) {
    const at::Tensor f = c.to(at::kDouble).contiguous();
    result.constants.emplace_back(f.const_data_ptr<double>(), f.const_data_ptr<double>() + f.numel());
  }
  result.inputWidth = program.inputWidth();
  result.workPerRow = program.workPerRow;
  result.energy = program.energy;
  result.jointEnergy = program.jointEnergy;
  result.outputs = program.outputs;
  result.optionalCondition = program.condition.optional;
  if (program.condition.kind == Condition::Kind::Continuous) result.conditionWidth = program.condition.width;
  if (program.condition.kind == Condition::Kind::Class) result.classes = program.condition.width;
  return result;
}

}  // namespace langevin
