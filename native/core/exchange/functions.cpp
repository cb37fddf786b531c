// network.program, program.operations, torchScript.*: programs as data, and files that other programs run.
#include "base/function.hpp"
#include "exchange/torchscript.hpp"
#include "networks/network.hpp"
#include "program/ops.hpp"
#include "program/plain.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

namespace {

template <class T>
List listOf(const std::vector<T>& values) {
  List result;
  for (const T& value : values) result.emplace_back(value);
  return result;
}

Map describeCondition(const Condition& condition) {
  const bool none = condition.kind == Condition::Kind::None;
  const char* kind = none ? "none" : condition.kind == Condition::Kind::Class ? "class" : "continuous";
  return {{"kind", kind}, {"width", condition.width}, {"optional", condition.optional}};
}

// { network } -> its program as data. Constants are float64, whatever the dtype of the parameters is.
Value programOf(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  const Program& program = network->program();
  List constants, parameters;
  for (const at::Tensor& constant : program.constants) constants.emplace_back(box(constant));
  for (const ParameterInfo& parameter : program.parameters) parameters.emplace_back(parameter.name);
  return Map{{"kind", program.kind},
             {"nodes", described(plainNodes(program))},
             {"parameters", parameters},
             {"constants", constants},
             {"input", listOf(program.input.axes)},
             {"condition", describeCondition(program.condition)},
             {"energy", program.energy},
             {"jointEnergy", program.jointEnergy},
             {"outputs", program.outputs}};
}

// {} -> names of all operations of programs
Value operations(const Spec&, Job&) { return listOf(operationNames()); }

// { network, methods, constants: { name: tensor } } -> the bytes of a TorchScript file, uint8 [n]
Value writeTorchScript(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  std::vector<std::pair<std::string, at::Tensor>> constants;
  for (const auto& [name, value] : a.at("constants").map())
    constants.emplace_back(name, unbox(Spec(value, "constants." + name)));
  return box(torchScriptBytes(*network, a.text("methods"), constants));
}

// { path, input, dtype?, device } -> energy. Runs the code of the file.
Value loadTorchScript(const Spec& a, Job&) {
  std::optional<at::ScalarType> dtype;
  if (a.has("dtype")) dtype = parseDtype(a.at("dtype"));
  return torchScriptEnergy(a.text("path"), Shape::read(a.at("input")), dtype, parseDevice(a.text("device", "cpu")));
}

// { network } -> energy
Value copyTorchScript(const Spec& a, Job&) { return copyTorchScriptEnergy(*a.at("network").network()); }

}  // namespace

const std::vector<Function>& exchangeFunctions() {
  static const std::vector<Function> table = {
      {"network.program", Lane::Short, programOf},          {"program.operations", Lane::Immediate, operations},
      {"torchScript.write", Lane::Short, writeTorchScript}, {"torchScript.load", Lane::Short, loadTorchScript},
      {"torchScript.copy", Lane::Short, copyTorchScript},
  };
  return table;
}

}  // namespace langevin
