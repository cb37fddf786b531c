#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cmath>
#include <mutex>
#include <unordered_map>

#include "exchange/torchscript.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kProbeRows = 4;
/// Products of several rows are added in another order than those of one: rows that differ by more depend on each other.
constexpr double kProbeTolerance = 1e-3;

[[noreturn]] void refuse(const std::string& path, const std::string& problem, const std::string& torch = "") {
  Map details{{"path", path}};
  if (!torch.empty()) details["torch"] = torch;
  throw Error(Code::Format, path + ": " + problem, std::move(details));
}

// The line for people of a message of LibTorch: the interpreter of scripts puts it last, behind its stack.
std::string sentenceOf(std::string text) {
  const bool stack = text.find("TorchScript interpreter") != std::string::npos;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return stack ? text.substr(text.rfind('\n') + 1) : text.substr(0, text.find('\n'));
}

bool outOfMemory(const std::string& text) {
  return text.find("not enough memory") != std::string::npos || text.find("out of memory") != std::string::npos;
}

/// The module of a file, as a function of rows.
class ScriptedModule {
 public:
  ScriptedModule(std::string path, Shape shape, at::Device device) : path_(std::move(path)), shape_(std::move(shape)) {
    guarded("cannot be read as TorchScript", [&] { module_ = torch::jit::load(path_, device); });
    const auto method = module_.find_method("forward");
    if (!method) refuse(path_, "the module has no method forward(x)");
    module_.eval();
    for (at::Tensor parameter : module_.parameters()) parameter.requires_grad_(false);
  }

  std::int64_t numbers() const {
    std::int64_t all = 0;
    for (const at::Tensor& parameter : module_.parameters()) all += parameter.numel();
    return all;
  }

  std::optional<at::ScalarType> dtype() const {
    for (const at::Tensor& parameter : module_.parameters())
      if (parameter.is_floating_point()) return parameter.scalar_type();
    for (const at::Tensor& buffer : module_.buffers())
      if (buffer.is_floating_point()) return buffer.scalar_type();
    return std::nullopt;
  }

  at::Tensor of(const at::Tensor& rows) const {
    // Without optimisation by profiles, which would give the first calls other bits than the later ones. A copy: the
    // script may write into what it is given.
    const torch::jit::GraphOptimizerEnabledGuard plain(false);
    const at::Tensor given = shape_.view(rows).clone();
    c10::IValue answer;
    guarded("forward(x) failed for x " + shape_.text("n") + " of dtype " + dtypeName(rows.scalar_type()),
            [&] { answer = module_.get_method("forward")({given}); });
    if (!answer.isTensor()) refuse(path_, "forward(x) gives a " + answer.tagKind() + ", not a tensor");
    const at::Tensor values = answer.toTensor();
    const std::int64_t n = rows.size(0);
    const bool column = values.dim() == 2 && values.size(1) == 1;
    if ((values.dim() != 1 && !column) || values.size(0) != n || !values.is_floating_point())
      refuse(path_, "forward(x) gives " + std::string(dtypeName(values.scalar_type())) + " " +
                        c10::str(values.sizes()) + " for " + std::to_string(n) +
                        " rows; an energy gives one floating-point number for each, [n] or [n, 1]");
    return values.reshape({n, 1}).to(rows.scalar_type());
  }

  /// What can be seen from outside of whether each row has an energy of its own.
  void requireRowwise(at::TensorOptions options) const {
    const at::Tensor rows = Random(0).normal(kProbeRows, shape_.numel(), 0, Stream::User, options);
    const at::NoGradGuard guard;
    const at::Tensor together = of(rows);
    for (std::int64_t r = 0; r < kProbeRows; ++r) {
      const double alone = of(rows.slice(0, r, r + 1)).item<double>();
      const double among = together[r].item<double>();
      if (std::abs(alone - among) > kProbeTolerance * std::max(1.0, std::abs(alone)))
        refuse(path_, "the energy of a row depends on the rows beside it (" + std::to_string(alone) + " alone, " +
                          std::to_string(among) + " among others); export the module in eval() mode");
    }
  }

 private:
  template <class Body>
  void guarded(const std::string& problem, Body body) const {
    try {
      body();
    } catch (const std::exception& error) {
      const auto* torch = dynamic_cast<const c10::Error*>(&error);
      const std::string text = torch ? torch->what_without_backtrace() : error.what();
      if (outOfMemory(text)) throw;
      refuse(path_, problem + ": " + sentenceOf(text), error.what());
    }
  }

  std::string path_;
  Shape shape_;
  torch::jit::Module module_;
};

/// The modules of all energies that live, by number: a program is plain data, and its operation names one of them.
class Modules {
 public:
  std::int64_t add(std::shared_ptr<const ScriptedModule> module) {
    const std::lock_guard lock(mutex_);
    modules_.emplace(++last_, std::move(module));
    return last_;
  }
  void remove(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    modules_.erase(number);
  }
  std::shared_ptr<const ScriptedModule> at(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    return modules_.at(number);
  }
  static Modules& all() {
    static Modules modules;
    return modules;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::int64_t, std::shared_ptr<const ScriptedModule>> modules_;
  std::int64_t last_ = 0;
};

// Not in the table of operations: a spec or formula must not name it. integers: number of the module
const OpDefinition kScript = {"torchScript",
                              [](const OpCall& c) { return Modules::all().at(c.node.integers[0])->of(c.in(0)); }};

Program scriptedProgram(const ScriptedModule& module, std::int64_t number, const Shape& input) {
  Program program;
  program.kind = "torchScript";
  program.input = input;
  program.domain = Domain::of(Domain::Kind::Real, input.numel());
  program.workPerRow = static_cast<double>(module.numbers() + input.numel());
  Node rows;
  rows.op = &operation("input");
  rows.shape = input;
  Node energy;
  energy.op = &kScript;
  energy.inputs = {0};
  energy.integers = {number};
  energy.takes = {input};
  energy.shape = 1;
  program.nodes = {std::move(rows), std::move(energy)};
  program.energy = 1;
  return program;
}

class ScriptedEnergy : public Energy {
 public:
  ScriptedEnergy(std::shared_ptr<const ScriptedModule> module, const Shape& input, at::ScalarType dtype,
                 at::Device device)
      : ScriptedEnergy(Modules::all().add(module), *module, input, dtype, device) {}
  ~ScriptedEnergy() override { Modules::all().remove(number_); }

  std::shared_ptr<Energy> copy() const {
    return std::make_shared<ScriptedEnergy>(Modules::all().at(number_), Network::input(), dtype(), device());
  }

 private:
  ScriptedEnergy(std::int64_t number, const ScriptedModule& module, const Shape& input, at::ScalarType dtype,
                 at::Device device)
      : Energy(scriptedProgram(module, number, input), dtype, device, 0), number_(number) {}

  std::int64_t number_;
};

}  // namespace

std::shared_ptr<Energy> torchScriptEnergy(const std::string& path, const Shape& input,
                                          std::optional<at::ScalarType> dtype, at::Device device) {
  const auto module = std::make_shared<const ScriptedModule>(path, input, device);
  const at::ScalarType numbers = dtype.value_or(module->dtype().value_or(at::kFloat));
  requireParameterDtype(numbers);
  module->requireRowwise(at::TensorOptions().dtype(numbers).device(device));
  return std::make_shared<ScriptedEnergy>(module, input, numbers, device);
}

std::shared_ptr<Energy> copyTorchScriptEnergy(const Network& network) {
  const auto* energy = dynamic_cast<const ScriptedEnergy*>(&network);
  if (!energy) fail(Code::Internal, network.describe(), " is of no TorchScript module");
  return energy->copy();
}

}  // namespace langevin
