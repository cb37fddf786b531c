#include "kernels/cpu/tile_program.hpp"

#include <cstring>
#include <mutex>
#include <unordered_map>

#include "kernels/cpu/tile_ops.hpp"

namespace langevin {

const TileOp* findTileOp(const std::string& name) {
  static const auto index = [] {
    std::unordered_map<std::string, const TileOp*> map;
    for (const auto* table : {&elementwiseTileOps(), &reductionTileOps(), &layerTileOps()})
      for (const TileOp& row : *table) map.emplace(row.name, &row);
    return map;
  }();
  const auto it = index.find(name);
  return it == index.end() ? nullptr : it->second;
}

// ---- TileCall
// ---------------------------------------------------------------------------------------------------------------

float* TileCall::valueAt(int i) const {
  const TileNode& n = nodes[static_cast<std::size_t>(i)];
  return n.perRow() ? pass.rowsBase + n.value * rows() : pass.fixedBase + n.value;
}

float* TileCall::adjointAt(int i) const {
  const TileNode& n = nodes[static_cast<std::size_t>(i)];
  if (n.adjoint < 0) return pass.gradient;  // the input
  return n.perRow() ? pass.rowsBase + n.adjoint * rows() : pass.fixedBase + n.adjoint;
}

const float* TileCall::in(int i) const {
  const int source = node().inputs[static_cast<std::size_t>(i)];
  const TileNode& n = nodes[static_cast<std::size_t>(source)];
  if (n.value >= 0) return valueAt(source);
  if (n.adjoint < 0 && n.dependsOnInput) return pass.in.x;
  if (!n.parameters.empty()) return pass.packed->plain[static_cast<std::size_t>(n.parameters[0].index)].data();
  return pass.in.y;
}

bool TileCall::wants(int i) const {
  const TileNode& n = input(i);
  return pass.wanted == Wanted::Input ? n.dependsOnInput : n.dependsOnParameters;
}

float* TileCall::addableAdjoint(int i) {
  float* a = adjointOf(i);
  const TileNode& n = input(i);
  if (!adds(i))
    std::memset(a, 0, sizeof(float) * static_cast<std::size_t>(n.perRow() ? rows() * n.width : n.fixedCount));
  return a;
}

const float* TileCall::parameter(int i) const {
  return pass.packed->plain[static_cast<std::size_t>(parameterInfo(i).index)].data();
}

const float* TileCall::transposed(int i) const {
  return pass.packed->transposed[static_cast<std::size_t>(parameterInfo(i).index)].data();
}

const float* TileCall::constant(int i) const {
  return program.constants_[static_cast<std::size_t>(node().constants[static_cast<std::size_t>(i)])].data();
}

float* TileCall::parameterGradient(int i) const {
  if (pass.wanted != Wanted::Parameters || parameterInfo(i).flatOffset < 0) return nullptr;
  return pass.flat + parameterInfo(i).flatOffset;
}

float* TileCall::scratch(std::size_t count, int slot) {
  thread_local std::vector<float> memory[3];
  auto& m = memory[slot];
  if (m.size() < count) m.resize(count);
  return m.data();
}

const float* TileCall::expanded(int i, int slot) {
  const TileNode& n = input(i);
  const std::int64_t w = width();
  if ((n.perRow() || !node().perRow()) && n.width == w) return in(i);
  float* full = scratch(static_cast<std::size_t>(rows() * w), slot);
  const float* source = in(i);
  for (std::int64_t r = 0; r < rows(); ++r) {
    const float* row = n.perRow() ? source + r * n.width : source;
    if (n.width == w)
      std::memcpy(full + r * w, row, sizeof(float) * static_cast<std::size_t>(w));
    else
      std::fill_n(full + r * w, w, row[0]);
  }
  return full;
}

void TileCall::contribute(int i, const float* full) {
  const TileNode& n = input(i);
  float* target = addableAdjoint(i);
  const std::int64_t w = width();
  if ((n.perRow() || !node().perRow()) && n.width == w) {
    k.axpy(1.0f, full, target, size());
    return;
  }
  for (std::int64_t r = 0; r < rows(); ++r) {
    float* row = n.perRow() ? target + r * n.width : target;
    if (n.width == w) {
      k.axpy(1.0f, full + r * w, row, w);
    } else {
      for (std::int64_t c = 0; c < w; ++c) row[0] += full[r * w + c];
    }
  }
}

// ---- Compilation
// ------------------------------------------------------------------------------------------------------------

struct TileCompiler {
  const Program& source;
  const Parameters& parameters;
  TileProgram& target;

  bool nodes(std::string& reason) {
    std::vector<std::int64_t> offsets;
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < parameters.info().size(); ++i) {
      offsets.push_back(parameters.info()[i].learnable ? offset : -1);
      if (parameters.info()[i].learnable) offset += parameters.tensors()[i].numel();
    }
    for (const Node& node : source.nodes) {
      TileNode n;
      n.op = findTileOp(node.op->name);
      if (!n.op) {
        reason = std::string("operation '") + node.op->name + "' has no fused form";
        return false;
      }
      n.inputs = node.inputs;
      n.constants = node.constants;
      n.numbers = node.numbers;
      n.integers = node.integers;
      n.width = node.width;
      for (int p : node.parameters)
        n.parameters.push_back(
            {p, offsets[static_cast<std::size_t>(p)], parameters.tensors()[static_cast<std::size_t>(p)].numel()});
      flags(n, node.op->name);
      if (std::string(node.op->name) == "dropout" && node.numbers[0] > 0) target.trainable_ = false;
      target.nodes_.push_back(std::move(n));
    }
    return true;
  }

  void flags(TileNode& n, const std::string& name) {
    n.dependsOnInput = name == "input";
    for (const TileParameter& p : n.parameters) n.dependsOnParameters |= p.flatOffset >= 0;
    bool fixed = !n.inputs.empty();
    for (int i : n.inputs) {
      const TileNode& in = target.nodes_[static_cast<std::size_t>(i)];
      n.dependsOnInput |= in.dependsOnInput;
      n.dependsOnParameters |= in.dependsOnParameters;
      fixed &= !in.perRow();
    }
    if (name == "constant") n.fixedCount = source.constants[static_cast<std::size_t>(n.constants[0])].numel();
    if (name == "parameter") n.fixedCount = n.parameters[0].count;
    if (fixed) n.fixedCount = n.width;  // elementwise functions of one-row values
  }

  // In place where a unary follows a linear layer nobody else reads; who comes first in the backward pass writes, the
  // rest add.
  void uses() {
    auto& nodes = target.nodes_;
    std::vector<int> count(nodes.size(), 0);
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) nodes[static_cast<std::size_t>(special)].live = true;
    for (std::size_t i = nodes.size(); i-- > 0;)
      if (nodes[i].live)
        for (int input : nodes[i].inputs) nodes[static_cast<std::size_t>(input)].live = true;
    for (const TileNode& n : nodes)
      if (n.live)
        for (int i : n.inputs) ++count[static_cast<std::size_t>(i)];
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) ++count[static_cast<std::size_t>(special)];
    for (TileNode& n : nodes) {
      if (n.op->keep != TileOp::Keep::Derivative) continue;
      const TileNode& in = nodes[static_cast<std::size_t>(n.inputs[0])];
      n.inPlace = std::string(in.op->name) == "linear" && count[static_cast<std::size_t>(n.inputs[0])] == 1;
    }
    std::vector<char> seen(nodes.size(), 0);
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) seen[static_cast<std::size_t>(special)] = 1;
    for (std::size_t i = nodes.size(); i-- > 0;) {
      if (!nodes[i].live) continue;
      for (int input : nodes[i].inputs) {
        TileNode& in = nodes[static_cast<std::size_t>(input)];
        nodes[i].adds.push_back(seen[static_cast<std::size_t>(input)]);
        seen[static_cast<std::size_t>(input)] = 1;
        in.lastReader = std::max(in.lastReader, static_cast<int>(i));
      }
    }
  }

  void offsets() {
    std::int64_t perRow = 0, fixed = 0;
    const auto take = [&](const TileNode& n, std::int64_t count) {
      std::int64_t& where = n.perRow() ? perRow : fixed;
      const std::int64_t at = where;
      where += count;
      return at;
    };
    for (TileNode& n : target.nodes_) {
      const std::string name = n.op->name;
      const std::int64_t size = n.perRow() ? n.width : n.fixedCount;
      if (name == "input" || name == "condition") continue;
      if (n.inPlace) {
        const TileNode& in = target.nodes_[static_cast<std::size_t>(n.inputs[0])];
        n.value = in.value;
        n.adjoint = in.adjoint;
      } else {
        if (name != "parameter") n.value = take(n, size);
        n.adjoint = take(n, size);
      }
      if (n.op->keep == TileOp::Keep::Derivative) n.keep = n.perRow() ? take(n, size) : -2;
      if (n.op->keep == TileOp::Keep::TwoNumbers) n.keep = take(n, 2);
    }
    target.floatsPerRow_ = perRow;
    target.fixedFloats_ = fixed;
    target.preferredRows_ = perRow * 128 * 4 <= 320 * 1024 ? 128 : 64;
  }
};

std::unique_ptr<TileProgram> TileProgram::compile(const Program& program, const Parameters& parameters,
                                                  std::string& reason) {
  std::unique_ptr<TileProgram> result(new TileProgram);
  result->inputWidth_ = program.inputWidth;
  result->energy_ = program.energy;
  result->joint_ = program.jointEnergy;
  result->outputs_ = program.outputs;
  result->optionalCondition_ = program.condition.optional;
  TileCompiler compiler{program, parameters, *result};
  if (!compiler.nodes(reason)) return nullptr;
  for (const TileNode& n : result->nodes_)
    if (!n.perRow() && n.op->keep != TileOp::Keep::Nothing) {
      reason = std::string("'") + n.op->name + "' of a value that does not depend on the rows";
      return nullptr;
    }
  if (!result->nodes_[static_cast<std::size_t>(program.energy)].perRow()) {
    reason = "the energy does not depend on the rows";
    return nullptr;
  }
  compiler.uses();
  compiler.offsets();
  for (const at::Tensor& c : program.constants) {
    const at::Tensor f = c.to(at::kFloat).contiguous();
    result->constants_.emplace_back(f.data_ptr<float>(), f.data_ptr<float>() + f.numel());
  }
  // Constant values are read from the fixed region; they are copied there by layout().
  return result;
}

TileProgram::~TileProgram() = default;

std::shared_ptr<const TileProgram::Packed> TileProgram::pack(const Parameters& parameters,
                                                             std::uint64_t version) const {
  auto packed = std::make_shared<Packed>();
  packed->version = version;
  packed->plain.resize(parameters.tensors().size());
  packed->transposed.resize(parameters.tensors().size());
  for (std::size_t i = 0; i < parameters.tensors().size(); ++i) {
    const at::Tensor t = parameters.tensors()[i].detach().contiguous();
    packed->plain[i].assign(t.data_ptr<float>(), t.data_ptr<float>() + t.numel());
  }
  for (const TileNode& n : nodes_) {
    if (std::string(n.op->name) != "linear") continue;
    const std::int64_t out = n.width, in = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
    const auto& w = packed->plain[static_cast<std::size_t>(n.parameters[0].index)];
    auto& t = packed->transposed[static_cast<std::size_t>(n.parameters[0].index)];
    t.resize(w.size());
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t i = 0; i < in; ++i)
        t[static_cast<std::size_t>(i * out + o)] = w[static_cast<std::size_t>(o * in + i)];
  }
  return packed;
}

// ---- Passes
// -----------------------------------------------------------------------------------------------------------------

namespace {

// Rows first .. first + rows - 1 of the input.
TileInput blockOf(const TileInput& in, std::int64_t first, std::int64_t rows, std::int64_t width,
                  const std::vector<TileNode>& nodes) {
  TileInput part = in;
  part.rows = rows;
  part.x = in.x + first * width;
  if (in.y)
    for (const TileNode& n : nodes)
      if (std::strcmp(n.op->name, "condition") == 0) part.y = in.y + first * n.width;
  if (in.labels) part.labels = in.labels + first;
  return part;
}

// A node's values of a block, copied to where row `first` of the result lies.
void copyOut(const float* base, const TileNode& n, std::int64_t rows, float* to, std::int64_t first) {
  std::memcpy(to + first * n.width, base + n.value * rows, sizeof(float) * static_cast<std::size_t>(n.width * rows));
}

}  // namespace

TileProgram::Pass TileProgram::layout(const Packed& packed, const TileInput& in, TileWorkspace& ws,
                                      bool derivatives) const {
  Pass pass;
  pass.packed = &packed;
  pass.in = in;
  pass.workspace = &ws;
  pass.derivatives = derivatives;
  const auto rowFloats = static_cast<std::size_t>(floatsPerRow_ * in.rows);
  pass.rowsBase = ws.reserve(rowFloats + static_cast<std::size_t>(fixedFloats_));
  pass.fixedBase = pass.rowsBase + rowFloats;
  const bool conditioned = in.y || in.labels;
  pass.energyNode = joint_ >= 0 && conditioned ? joint_ : energy_;
  pass.last = optionalCondition_ && !conditioned ? std::max(energy_, outputs_) : static_cast<int>(nodes_.size()) - 1;
  return pass;
}

void TileProgram::runForward(Pass& pass) const {
  for (int i = 0; i <= pass.last; ++i) {
    const TileNode& n = nodes_[static_cast<std::size_t>(i)];
    if (!n.live) continue;
    if (!n.constants.empty() && n.inputs.empty()) {
      const auto& c = constants_[static_cast<std::size_t>(n.constants[0])];
      std::memcpy(pass.fixedBase + n.value, c.data(), c.size() * sizeof(float));
      continue;
    }
    if (!n.op->forward) continue;
    TileCall call{*this, pass, nodes_, i, tileKernels()};
    n.op->forward(call);
  }
}

// Everybody adds to the adjoints of the energies and the outputs. So they do to those whose first writer does not run:
// without the condition the nodes of E(x, y) are left out.
void TileProgram::clearAdjoints(const Pass& pass) const {
  for (int i = 0; i <= pass.last; ++i) {
    const TileNode& n = nodes_[static_cast<std::size_t>(i)];
    if (!n.live || (i != energy_ && i != joint_ && i != outputs_ && n.lastReader <= pass.last)) continue;
    if (n.adjoint >= 0) {
      float* base = n.perRow() ? pass.rowsBase + n.adjoint * pass.in.rows : pass.fixedBase + n.adjoint;
      std::fill_n(base, n.perRow() ? n.width * pass.in.rows : n.fixedCount, 0.0f);
    } else if (n.dependsOnInput && pass.gradient) {  // the input
      std::fill_n(pass.gradient, n.width * pass.in.rows, 0.0f);
    }
  }
}

void TileProgram::runBackward(Pass& pass, Wanted wanted) const {
  pass.wanted = wanted;
  for (int i = pass.last; i >= 0; --i) {
    const TileNode& n = nodes_[static_cast<std::size_t>(i)];
    const bool needed = wanted == Wanted::Input ? n.dependsOnInput : n.dependsOnParameters;
    if (!needed || !n.live || !n.op->backward) continue;
    TileCall call{*this, pass, nodes_, i, tileKernels()};
    n.op->backward(call);
  }
}

void TileProgram::record(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy,
                         float* outputs) const {
  Pass pass = layout(packed, in, ws, true);
  runForward(pass);
  const auto node = [this](int i) -> const TileNode& { return nodes_[static_cast<std::size_t>(i)]; };
  if (energy) copyOut(pass.rowsBase, node(pass.energyNode), in.rows, energy, 0);
  if (outputs && outputs_ >= 0) copyOut(pass.rowsBase, node(outputs_), in.rows, outputs, 0);
}

void TileProgram::forward(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy,
                          float* outputs) const {
  const std::int64_t d = inputWidth_;
  for (std::int64_t first = 0; first < in.rows; first += preferredRows_) {
    const TileInput part = blockOf(in, first, std::min(preferredRows_, in.rows - first), d, nodes_);
    Pass pass = layout(packed, part, ws, false);
    runForward(pass);
    const auto node = [this](int i) -> const TileNode& { return nodes_[static_cast<std::size_t>(i)]; };
    if (energy) copyOut(pass.rowsBase, node(pass.energyNode), part.rows, energy, first);
    if (outputs && outputs_ >= 0) copyOut(pass.rowsBase, node(outputs_), part.rows, outputs, first);
  }
}

void TileProgram::energyAndGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy,
                                    float* gradient) const {
  const std::int64_t d = inputWidth_;
  for (std::int64_t first = 0; first < in.rows; first += preferredRows_) {
    const TileInput part = blockOf(in, first, std::min(preferredRows_, in.rows - first), d, nodes_);
    Pass pass = layout(packed, part, ws, true);
    pass.gradient = gradient + first * d;
    runForward(pass);
    const TileNode& e = nodes_[static_cast<std::size_t>(pass.energyNode)];
    if (energy) copyOut(pass.rowsBase, e, part.rows, energy, first);
    if (!e.dependsOnInput) {
      std::memset(pass.gradient, 0, sizeof(float) * static_cast<std::size_t>(part.rows * d));
      continue;
    }
    clearAdjoints(pass);
    std::fill_n(pass.rowsBase + e.adjoint * part.rows, part.rows, 1.0f);
    runBackward(pass, Wanted::Input);
  }
}

void TileProgram::parameterGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, const float* we,
                                    const float* wo, float* flat) const {
  Pass pass = layout(packed, in, ws, true);
  pass.flat = flat;
  clearAdjoints(pass);
  const auto seed = [&](int node, const float* weights) {
    const TileNode& n = nodes_[static_cast<std::size_t>(node)];
    float* a = pass.rowsBase + n.adjoint * in.rows;
    for (std::int64_t i = 0; i < n.width * in.rows; ++i) a[i] += weights[i];
  };
  if (we) seed(pass.energyNode, we);
  if (wo && outputs_ >= 0) seed(outputs_, wo);
  runBackward(pass, Wanted::Parameters);
}

}  // namespace langevin
