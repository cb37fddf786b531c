// From an energy's program to tile operations, and from its parameters to packed weights.
#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// What a block's buffers may take of the second-level cache, with room for weights beside them.
constexpr std::int64_t kCacheFloats = 160 * 1024;

float* room(AlignedFloats& floats, std::int64_t count) {
  if (floats.size() != static_cast<std::size_t>(count)) floats = AlignedFloats(static_cast<std::size_t>(count));
  return floats.data();
}

void packMatrix(const Matrix& b, std::int64_t depth, std::int64_t cols, AlignedFloats& out) {
  const TileKernels& k = tileKernels();
  k.pack(b, depth, cols, room(out, k.packedFloats(depth, cols)));
}

void packHalfMatrix(const Matrix& b, std::int64_t depth, std::int64_t cols, AlignedFloats& out) {
  const TileKernels& k = tileKernels();
  k.packHalf(b, depth, cols, reinterpret_cast<std::uint32_t*>(room(out, k.packedHalfWords(depth, cols))));
}

// w [out, in] for both directions.
void packWeights(const float* w, std::int64_t in, std::int64_t out, Precision precision,
                 TileProgram::Weights& weights) {
  const Matrix turned{w, 1, in}, plain{w, in, 1};
  packMatrix(turned, in, out, weights.forward);
  if (in < kThinInput) {
    weights.columns.resize(static_cast<std::size_t>(in * out));
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t i = 0; i < in; ++i) weights.columns[static_cast<std::size_t>(i * out + o)] = w[o * in + i];
    return;
  }
  packMatrix(plain, out, in, weights.backward);
  if (precision != Precision::BFloat16) return;
  packHalfMatrix(turned, in, out, weights.forwardHalf);
  packHalfMatrix(plain, out, in, weights.backwardHalf);
}

// (P + P') / 2 of p [d, d], block by block: columns of a wide matrix lie far apart.
void packSymmetric(const float* p, std::int64_t d, TileProgram::Weights& weights) {
  constexpr std::int64_t kBlock = 32;
  AlignedFloats symmetric(static_cast<std::size_t>(d * d));
  float* s = symmetric.data();
  for (std::int64_t first = 0; first < d; first += kBlock)
    for (std::int64_t left = 0; left < d; left += kBlock)
      for (std::int64_t i = first; i < std::min(d, first + kBlock); ++i)
        for (std::int64_t j = left; j < std::min(d, left + kBlock); ++j)
          s[i * d + j] = 0.5f * p[i * d + j] + 0.5f * p[j * d + i];
  packMatrix({s, d, 1}, d, d, weights.forward);
}

}  // namespace

struct TileCompiler {
  const Program& source;
  const Parameters& parameters;
  TileProgram& target;
  bool separate;  // every operation has buffers of its own

  bool nodes(std::string& reason) {
    std::vector<std::int64_t> offsets;
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < parameters.info().size(); ++i) {
      offsets.push_back(parameters.info()[i].learnable ? offset : -1);
      if (parameters.info()[i].learnable) offset += parameters.tensors()[i].numel();
    }
    for (const Node& node : source.nodes) {
      TileNode n;
      n.definition = node.op;
      n.op = findTileOp(node.op->name);
      if (!n.op) {
        reason = std::string("operation '") + node.op->name + "' has no fused form";
        return false;
      }
      n.inputs = node.inputs;
      n.constants = node.constants;
      n.numbers = node.numbers;
      n.integers = node.integers;
      n.width = node.width();
      for (int p : node.parameters)
        n.parameters.push_back(
            {p, offsets[static_cast<std::size_t>(p)], parameters.tensors()[static_cast<std::size_t>(p)].numel()});
      flags(n);
      if (n.definition->is(OpForm::Quadratic) && !packs(n)) {
        reason = "'quadratic' has a fused form only where the matrix is a parameter and the mean is one for all rows";
        return false;
      }
      if (node.op->traits.stochastic && node.numbers[0] > 0) target.trainable_ = false;
      target.nodes_.push_back(std::move(n));
    }
    return true;
  }

  // The matrix of a quadratic form is packed with the weights.
  bool packs(const TileNode& n) const {
    const auto input = [&](std::size_t i) -> const TileNode& {
      return target.nodes_[static_cast<std::size_t>(n.inputs[i])];
    };
    return !input(1).perRow() && input(2).definition->is(OpSource::Parameter);
  }

  void flags(TileNode& n) {
    n.dependsOnInput = n.definition->is(OpSource::Rows);
    for (const TileParameter& p : n.parameters) n.dependsOnParameters |= p.flatOffset >= 0;
    bool fixed = !n.inputs.empty();
    for (int i : n.inputs) {
      const TileNode& in = target.nodes_[static_cast<std::size_t>(i)];
      n.dependsOnInput |= in.dependsOnInput;
      n.dependsOnParameters |= in.dependsOnParameters;
      fixed &= !in.perRow();
    }
    if (n.definition->is(OpSource::Constant))
      n.fixedCount = source.constants[static_cast<std::size_t>(n.constants[0])].numel();
    if (n.definition->is(OpSource::Parameter)) n.fixedCount = n.parameters[0].count;
    if (n.definition->is(OpSource::Computed)) n.fixedCount = n.width;
    if (fixed) n.fixedCount = n.width;  // elementwise functions of one-row values
  }

  // In place where a unary follows a linear layer that is not read elsewhere; the first one in the backward pass
  // writes, the rest add.
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
      if (separate || n.op->keep != TileOp::Keep::Derivative) continue;
      const TileNode& in = nodes[static_cast<std::size_t>(n.inputs[0])];
      n.inPlace = in.definition->is(OpForm::Linear) && count[static_cast<std::size_t>(n.inputs[0])] == 1;
    }
    joinLayers(count);
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

  // A linear layer applies the activation behind it while its result is in cache, and hands the adjoint of the
  // activation before it over times the derivative.
  void joinLayers(const std::vector<int>& count) {
    auto& nodes = target.nodes_;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      TileNode& n = nodes[i];
      if (n.live && n.inPlace && n.op->unary && n.width > 1) {
        n.applied = true;
        nodes[static_cast<std::size_t>(n.inputs[0])].activation = static_cast<int>(i);
      }
      if (!n.live || !n.definition->is(OpForm::Linear)) continue;
      TileNode& below = nodes[static_cast<std::size_t>(n.inputs[0])];
      below.multiplied = below.inPlace && count[static_cast<std::size_t>(n.inputs[0])] == 1;
    }
  }

  // What a program gives is read from the buffers of its rows; inputs and shared values lie elsewhere.
  bool givesRows(std::string& reason) const {
    for (int special : {target.energy_, target.joint_, target.outputs_}) {
      if (special < 0) continue;
      const TileNode& n = target.nodes_[static_cast<std::size_t>(special)];
      if (n.perRow() && n.value >= 0) continue;
      const bool outputs = special == target.outputs_;
      if (n.perRow())
        reason = std::string(outputs ? "the outputs are" : "the energy is") + " a source of the program";
      else
        reason = std::string(outputs ? "the outputs do" : "the energy does") + " not depend on the rows";
      return false;
    }
    return true;
  }

  void offsets() {
    std::int64_t perRow = 0, adjoints = 0, fixed = 0;
    const auto from = [&](std::int64_t& where, std::int64_t count) {
      const std::int64_t at = where;
      where += count;
      return at;
    };
    const auto take = [&](const TileNode& n, std::int64_t count) { return from(n.perRow() ? perRow : fixed, count); };
    for (TileNode& n : target.nodes_) {
      const std::int64_t size = n.perRow() ? n.width : n.fixedCount;
      if (n.definition->is(OpSource::Rows) || n.definition->is(OpSource::Condition)) continue;
      if (n.inPlace) {
        const TileNode& in = target.nodes_[static_cast<std::size_t>(n.inputs[0])];
        n.value = in.value;
        n.adjoint = in.adjoint;
      } else {
        if (!n.definition->is(OpSource::Parameter)) n.value = take(n, size);
        // Constants and buffers have no adjoint; the matrix of a wide quadratic form would be large.
        if (n.perRow() || n.dependsOnInput || n.dependsOnParameters)
          n.adjoint = from(n.perRow() ? adjoints : fixed, size);
      }
      if (n.op->keep == TileOp::Keep::Derivative) n.keep = take(n, size);
      if (n.op->keep == TileOp::Keep::TwoNumbers) n.keep = take(n, 2);
      if (n.op->keep == TileOp::Keep::InputWidth)
        n.keep = take(n, target.nodes_[static_cast<std::size_t>(n.inputs[0])].width);
    }
    target.floatsPerRow_ = perRow;
    target.adjointsPerRow_ = adjoints;
    target.fixedFloats_ = fixed;
    target.preferredRows_ =
        std::clamp<std::int64_t>(kCacheFloats / std::max<std::int64_t>(1, perRow + adjoints) / 12 * 12, 96, 144);
  }
};

std::unique_ptr<TileProgram> TileProgram::compile(const Program& program, const Parameters& parameters,
                                                  std::string& reason) {
  return compile(program, parameters, reason, false);
}

std::unique_ptr<TileProgram> TileProgram::compile(const Program& program, const Parameters& parameters,
                                                  std::string& reason, bool separate) {
  std::unique_ptr<TileProgram> result(new TileProgram);
  result->inputWidth_ = program.inputWidth();
  result->energy_ = program.energy;
  result->joint_ = program.jointEnergy;
  result->outputs_ = program.outputs;
  result->optionalCondition_ = program.condition.optional;
  TileCompiler compiler{program, parameters, *result, separate};
  if (!compiler.nodes(reason)) return nullptr;
  for (const TileNode& n : result->nodes_)
    if (!n.perRow() && n.op->keep != TileOp::Keep::Nothing && (separate || n.op->keep != TileOp::Keep::Derivative)) {
      reason = std::string("'") + n.op->name + "' of a value that does not depend on the rows";
      return nullptr;
    }
  compiler.uses();
  compiler.offsets();
  if (!compiler.givesRows(reason)) return nullptr;
  for (const at::Tensor& c : program.constants) {
    const at::Tensor f = c.to(at::kFloat).contiguous();
    result->constants_.emplace_back(f.data_ptr<float>(), f.data_ptr<float>() + f.numel());
  }
  result->packConstants();
  // Constant values are read from the fixed region; they are copied there by layout().
  return result;
}

TileProgram::~TileProgram() = default;

void TileProgram::packConstants() {
  packedConstants_.resize(constants_.size());
  for (const TileNode& n : nodes_) {
    if (!n.definition->is(OpForm::Distances)) continue;
    const auto i = static_cast<std::size_t>(n.constants[0]);
    const std::int64_t depth = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
    packMatrix({constants_[i].data(), 1, depth}, depth, n.width, packedConstants_[i]);
  }
}

void TileProgram::pack(const Parameters& parameters, std::uint64_t version, Precision precision, Packed& packed) const {
  const std::size_t count = parameters.tensors().size();
  packed.version = version;
  packed.precision = precision;
  packed.plain.resize(count);
  packed.weights.resize(count);
  packed.versions.resize(count);
  std::vector<char> changed(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    const at::Tensor t = parameters.tensors()[i].detach().contiguous();
    // 0: nothing here yet. Buffers of a step before are there still.
    const auto now = static_cast<std::uint64_t>(parameters.tensors()[i]._version()) + 1;
    changed[i] = parameters.info()[i].learnable || packed.versions[i] != now;
    packed.versions[i] = now;
    if (changed[i]) packed.plain[i].assign(t.data_ptr<float>(), t.data_ptr<float>() + t.numel());
  }
  for (const TileNode& n : nodes_) {
    if (n.definition->is(OpForm::Quadratic)) {
      const auto p = static_cast<std::size_t>(nodes_[static_cast<std::size_t>(n.inputs[2])].parameters[0].index);
      const std::int64_t d = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
      if (changed[p]) packSymmetric(packed.plain[p].data(), d, packed.weights[p]);
    }
    if (!n.definition->is(OpForm::Linear) || n.width == 1) continue;
    const std::int64_t in = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
    const auto p = static_cast<std::size_t>(n.parameters[0].index);
    packWeights(packed.plain[p].data(), in, n.width, precision, packed.weights[p]);
  }
}

}  // namespace langevin
