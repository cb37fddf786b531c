#include "program/plain.hpp"

namespace langevin {

PlainProgram plain(const Program& program) {
  PlainProgram result;
  for (const Node& node : program.nodes)
    result.nodes.push_back(
        {node.op->name, node.inputs, node.parameters, node.constants, node.numbers, node.integers, node.width()});
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
