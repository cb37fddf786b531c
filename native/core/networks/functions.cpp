// network.*: create, evaluate, read and write parameters, explain; all but create and outputs take energies too.
#include "base/function.hpp"
#include "base/threads.hpp"
#include "networks/network.hpp"
#include "networks/registry.hpp"
#include "networks/size_limit.hpp"
#include "program/ops.hpp"
#include "program/plain.hpp"
#include "program/spectral.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { spec, seed, dtype, device, mostNumbers? } -> network
Value create(const Spec& a, Job&) {
  const at::ScalarType dtype = a.has("dtype") ? parseDtype(a.at("dtype")) : at::kFloat;
  const std::uint64_t seed = a.has("seed") ? a.at("seed").seed() : 0;
  if (a.has("mostNumbers")) requireAtMost(lowerNetwork(a.at("spec")), a.at("mostNumbers"));
  return makeNetwork(a.at("spec"), dtype, parseDevice(a.text("device", "cpu")), seed);
}

// { network, x, y?, threads? } -> [n, k]
Value outputs(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  const Batch rows = network->rows(unbox(a.at("x")), a.has("y") ? unbox(a.at("y")) : at::Tensor());
  at::Tensor values = network->outputsOf(rows, a.threads());
  requireFinite(values, network->isEnergy() ? "the logits" : "the outputs");
  return box(values);
}

// { network } -> { name: tensor }
Value parameters(const Spec& a, Job&) {
  Map result;
  for (auto& [name, tensor] : a.at("network").network()->parameters().named()) result.emplace(name, box(tensor));
  return result;
}

// { network, weights?: 'raw' | 'averaged' } -> { step, values: { name: tensor } }; between two updates of a run
Value snapshot(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  const std::string weights = a.text("weights", "");
  if (!weights.empty() && weights != "raw" && weights != "averaged")
    a.at("weights").invalid("'" + weights + "' is not one of raw, averaged");
  std::vector<std::pair<std::string, at::Tensor>> named;
  std::int64_t step = 0;
  {
    Network::InTraining& live = network->inTraining();
    const std::lock_guard lock(live.mutex);
    if (weights == "averaged" && live.active && !live.averages)
      a.at("weights").invalid("the run keeps no average of the weights: train with { ema }, or take the raw ones");
    // Before its first step a run has no average; its checkpoints hold the weights themselves then.
    const bool averaged = weights != "raw" && live.average.defined();
    named = network->parameters().named(averaged ? live.average : at::Tensor());
    step = averaged ? live.averageStep : live.step;
  }
  Map values;
  for (const auto& [name, value] : named) values.emplace(name, box(value));
  return Map{{"step", step}, {"values", values}};
}

// { network, values: { name: tensor }, complete? }
Value setParameters(const Spec& a, Job&) {
  std::vector<std::pair<std::string, at::Tensor>> values;
  for (const auto& [name, value] : a.at("values").map())
    values.emplace_back(name, unbox(Spec(value, "values." + name)));
  const NetworkRef network = a.at("network").network();
  network->parameters().assign(values, a.boolean("complete", false));
  settleSpectralNorms(network->program(), network->parameters(), values);
  return {};
}

// { network } -> [{ name, shape, learnable }] in state-dict order
Value parameterInfo(const Spec& a, Job&) {
  List result;
  for (const ParameterInfo& p : a.at("network").network()->parameters().info()) {
    List shape;
    for (std::int64_t s : p.shape) shape.emplace_back(s);
    result.emplace_back(Map{{"name", p.name}, {"shape", shape}, {"learnable", p.learnable}});
  }
  return result;
}

// { network } -> what runs it and why
Map explainScoreGradients(const Network& network) {
  if (!network.isEnergy()) return {{"executor", "none"}, {"reason", "a network without an energy has no score"}};
  std::string reason = network.planReason();
  bool fused = false;
  network.withTiles([&]<class T>(const TileProgramOf<T>&) {
    fused = TileProgramOf<T>::compileSecondOrder(plain(network.program()), reason) != nullptr;
  });
  if (fused) reason = "every operation has second derivatives in the fused kernels";
  return {{"executor", fused ? "fused-cpu" : "autograd"}, {"reason", reason}};
}

// What runs a network in the fused kernels of the CPU.
struct FusedPlan {
  std::string instructionSet, reason;
  std::int64_t blockRows = 0;
};

template <class T>
FusedPlan explainTiles(const Network& network, const TileProgramOf<T>& tiles) {
  const std::shared_ptr<const PackedOf<T>> packed = network.packed<T>();
  const bool loops = tiles.loops(*packed);
  std::string names;
  for (const std::string& name : tiles.scalarOperations()) names += (names.empty() ? "" : ", ") + name;
  std::string reason = std::string(dtypeName(network.dtype())) + " on the CPU and every operation has a tile form";
  if (loops) reason += "; energies and their gradients run as loops over a few rows, since no operation is a product";
  if (!names.empty() && !loops) reason += "; in loops over single numbers, not vectors: " + names;
  return {tileKernelsOf<T>().name, reason, tiles.preferredRows(*packed)};
}

std::string explainHalf(const Network& network) {
  if (!network.tiles<float>()) return "no effect: only the fused kernels of float32 have it";
  if (std::string(tileKernels().name) == "avx512_bf16") return "products of pairs in hardware, float32 sums";
  return "the same numbers as hardware products would have, and slower than float32: this processor has no bfloat16 "
         "products";
}

// The kind where all columns are of one, else a list of the blocks.
Value explainStates(const Domain& domain) {
  if (domain.homogeneous()) return std::string(domain.name());
  List blocks;
  for (const ColumnBlock& block : domain.blocks()) {
    Map told{{"kind", std::string(nameOf(block.kind))}, {"firstColumn", block.first}, {"columns", block.width}};
    if (block.discrete()) told["levels"] = block.levels;
    if (!block.name.empty()) told["name"] = block.name;
    blocks.emplace_back(std::move(told));
  }
  return blocks;
}

Value explain(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  List ops;
  for (const Node& node : network->program().nodes) ops.emplace_back(std::string(node.op->name));
  List rough;
  for (const std::string& name : nonSmoothOperations(network->program())) rough.emplace_back(name);
  const bool onCuda = network->cudaTiles() != nullptr;
  FusedPlan plan{"as LibTorch chooses",
                 onCuda ? "float32 on CUDA and every operation has a form in the kernel" : network->planReason()};
  const bool fused = network->withTiles([&](const auto& tiles) { plan = explainTiles(*network, tiles); });
  return Map{{"executor", fused    ? "fused-cpu"
                          : onCuda ? "fused-cuda"
                                   : "aten"},
             {"instructionSet", plan.instructionSet},
             {"operations", ops},
             {"nonSmooth", rough},
             {"states", explainStates(network->program().domain)},
             {"reason", plan.reason},
             {"scoreGradients", explainScoreGradients(*network)},
             {"bfloat16", explainHalf(*network)},
             {"blockRows", plan.blockRows},
             {"threads",
              Map{{"tiles", defaultThreads()},
                  {"intraOp", at::get_num_threads()},
                  {"reason", "rows are independent: threads take tiles of them, so operations keep to one thread"}}}};
}

// Why the fused kernels of the CPU cannot run a program; empty where they can.
std::string refusalOf(const Network& network, const PlainProgram& program) {
  if (network.dtype() != at::kFloat && network.dtype() != at::kDouble)
    return std::string("the fused kernels are for float32 and float64, this one is ") + dtypeName(network.dtype());
  std::string reason;
  try {
    if (network.dtype() == at::kFloat)
      TileProgramOf<float>::compile(program, reason);
    else
      TileProgramOf<double>::compile(program, reason);
    if (reason.empty()) requireSound(program);
  } catch (const Error& error) {
    reason = error.what();
  }
  return reason;
}

// { network } -> its program in plain numbers, and in `refusal` why the fused kernels cannot run it
Value programOf(const Spec& a, Job&) {
  const NetworkRef network = a.at("network").network();
  const PlainProgram program = plain(network->program());
  List constants;
  for (const at::Tensor& constant : network->program().constants)
    constants.emplace_back(box(constant.to(at::kDouble).reshape({-1})));
  return Map{{"nodes", described(program.nodes)},
             {"constants", constants},
             {"inputWidth", program.inputWidth},
             {"workPerRow", program.workPerRow},
             {"energy", program.energy},
             {"jointEnergy", program.jointEnergy},
             {"outputs", program.outputs},
             {"optionalCondition", program.optionalCondition},
             {"conditionWidth", program.conditionWidth},
             {"classes", program.classes},
             {"refusal", refusalOf(*network, program)}};
}

// {} -> [{ name, smooth }]
Value activationRows(const Spec&, Job&) {
  List result;
  for (const OpDefinition& row : activationOperations())
    result.emplace_back(Map{{"name", row.name}, {"smooth", row.traits.smooth}});
  return result;
}

Value kindsOfNetworks(const Spec&, Job&) {
  List result;
  for (const std::string& kind : networkKinds()) result.emplace_back(kind);
  return result;
}

}  // namespace

const std::vector<Function>& networkFunctions() {
  static const std::vector<Function> table = {
      {"network.create", Lane::Short, create},
      {"network.outputs", Lane::Short, outputs},
      {"network.parameters", Lane::Short, parameters},
      {"network.snapshot", Lane::Short, snapshot, Access::Peeks},
      {"network.setParameters", Lane::Short, setParameters, Access::Writes},
      {"network.parameterInfo", Lane::Immediate, parameterInfo},
      {"network.explain", Lane::Immediate, explain},
      {"network.plainProgram", Lane::Immediate, programOf},
      {"network.kinds", Lane::Immediate, kindsOfNetworks},
      {"network.activations", Lane::Immediate, activationRows},
  };
  return table;
}

}  // namespace langevin
