// energy.*: create, evaluate, read and write parameters.
#include "base/function.hpp"
#include "base/threads.hpp"
#include "energies/energy.hpp"
#include "energies/registry.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

Batch rowsOf(const Spec& a, const Energy& energy) {
  return energy.rows(unbox(a.at("x")), a.has("y") ? unbox(a.at("y")) : at::Tensor());
}

// { spec, seed, dtype, device } -> energy
Value create(const Spec& a, Job&) {
  const at::ScalarType dtype = a.has("dtype") ? parseDtype(a.at("dtype")) : at::kFloat;
  const std::uint64_t seed = a.has("seed") ? a.at("seed").seed() : 0;
  return makeEnergy(a.at("spec"), dtype, parseDevice(a.text("device", "cpu")), seed);
}

// { energy, x, y?, threads? } -> [n]
Value energyValues(const Spec& a, Job&) {
  const EnergyRef energy = a.at("energy").energy();
  at::Tensor values = energy->energyOf(rowsOf(a, *energy), a.threads());
  requireFinite(values, "the energy");
  return box(values);
}

Value score(const Spec& a, Job&) {
  const EnergyRef energy = a.at("energy").energy();
  at::Tensor gradient = energy->energyAndGradient(rowsOf(a, *energy), a.threads()).gradient;
  requireFinite(gradient, "the score");
  return box(-gradient);
}

Value logits(const Spec& a, Job&) {
  const EnergyRef energy = a.at("energy").energy();
  at::Tensor values = energy->outputsOf(rowsOf(a, *energy), a.threads());
  requireFinite(values, "the logits");
  return box(values);
}

// { energy } -> { name: tensor }
Value parameters(const Spec& a, Job&) {
  Map result;
  for (auto& [name, tensor] : a.at("energy").energy()->parameters().named()) result.emplace(name, box(tensor));
  return result;
}

// { energy, values: { name: tensor }, complete? }
Value setParameters(const Spec& a, Job&) {
  std::vector<std::pair<std::string, at::Tensor>> values;
  for (const auto& [name, value] : a.at("values").map())
    values.emplace_back(name, unbox(Spec(value, "values." + name)));
  const EnergyRef energy = a.at("energy").energy();
  energy->parameters().assign(values, a.boolean("complete", false));
  settleSpectralNorms(energy->program(), energy->parameters(), values);
  return {};
}

// { energy } -> [{ name, shape, learnable }] in state-dict order
Value parameterInfo(const Spec& a, Job&) {
  List result;
  for (const ParameterInfo& p : a.at("energy").energy()->parameters().info()) {
    List shape;
    for (std::int64_t s : p.shape) shape.emplace_back(s);
    result.emplace_back(Map{{"name", p.name}, {"shape", shape}, {"learnable", p.learnable}});
  }
  return result;
}

// { energy } -> what runs it and why
Map explainScoreGradients(const Energy& energy) {
  std::string reason = energy.planReason();
  const bool fused = energy.tiles() && TileProgram::compileSecondOrder(energy.program(), energy.parameters(), reason);
  if (fused) reason = "every operation has second derivatives in the fused kernels";
  return {{"executor", fused ? "fused-cpu" : "autograd"}, {"reason", reason}};
}

std::string explainHalf(const Energy& energy) {
  if (!energy.tiles()) return "no effect: only the fused kernels have it";
  if (std::string(tileKernels().name) == "avx512_bf16") return "products of pairs in hardware, float32 sums";
  return "the same numbers as hardware products would have, and slower than float32: this processor has no bfloat16 "
         "products";
}

Value explain(const Spec& a, Job&) {
  const EnergyRef energy = a.at("energy").energy();
  List ops;
  for (const Node& node : energy->program().nodes) ops.emplace_back(std::string(node.op->name));
  List rough;
  for (const std::string& name : nonSmoothOperations(energy->program())) rough.emplace_back(name);
  const bool fused = energy->tiles() != nullptr, onCuda = energy->cudaTiles() != nullptr;
  return Map{{"executor", fused    ? "fused-cpu"
                          : onCuda ? "fused-cuda"
                                   : "aten"},
             {"instructionSet", fused ? tileKernels().name : "as LibTorch chooses"},
             {"operations", ops},
             {"nonSmooth", rough},
             {"states", energy->program().states.name()},
             {"reason", fused    ? std::string("float32 on the CPU and every operation has a tile form")
                        : onCuda ? std::string("float32 on CUDA and every operation has a form in the kernel")
                                 : energy->planReason()},
             {"scoreGradients", explainScoreGradients(*energy)},
             {"bfloat16", explainHalf(*energy)},
             {"blockRows", fused ? energy->tiles()->preferredRows() : std::int64_t{0}},
             {"threads",
              Map{{"tiles", defaultThreads()},
                  {"intraOp", at::get_num_threads()},
                  {"reason", "rows are independent: threads take tiles of them, so operations keep to one thread"}}}};
}

Value kindsOfEnergies(const Spec&, Job&) {
  List result;
  for (const std::string& kind : energyKinds()) result.emplace_back(kind);
  return result;
}

}  // namespace

const std::vector<Function>& energyFunctions() {
  static const std::vector<Function> table = {
      {"energy.create", Lane::Queued, create},
      {"energy.energy", Lane::Queued, energyValues},
      {"energy.score", Lane::Queued, score},
      {"energy.logits", Lane::Queued, logits},
      {"energy.parameters", Lane::Queued, parameters},
      {"energy.setParameters", Lane::Queued, setParameters},
      {"energy.parameterInfo", Lane::Immediate, parameterInfo},
      {"energy.explain", Lane::Immediate, explain},
      {"energy.kinds", Lane::Immediate, kindsOfEnergies},
  };
  return table;
}

}  // namespace langevin
