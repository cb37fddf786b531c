// From an energy's program to tile operations, and from its parameters to packed weights.
#include "executors/cpu/loop_program.hpp"
#include "executors/cpu/packing.hpp"
#include "executors/cpu/tile_ops.hpp"

namespace langevin {
namespace {

// What a block's buffers may take of the second-level cache, with room for weights beside them; and where there are none.
constexpr std::int64_t kCacheBytes = 640 * 1024, kCacheBytesAlone = 192 * 1024;

/// Operations that read a packed matrix, which pays for many rows.
bool isProduct(const NamedTraits& d) {
  return d.is(OpForm::Linear) || d.is(OpForm::Matmul) || d.is(OpForm::Quadratic) || d.is(OpForm::Distances) ||
         d.is(OpForm::Pairwise);
}

/// Layers that apply what follows them to their result.
bool isLayer(const NamedTraits& d) { return d.is(OpForm::Linear) || d.is(OpForm::Conv); }

}  // namespace

template <class T>
struct TileCompiler {
  const PlainProgram& source;
  TileProgramOf<T>& target;
  bool separate;  // every operation has buffers of its own

  bool nodes(std::string& reason) {
    std::vector<std::int64_t> offsets;
    std::int64_t offset = 0;
    for (const PlainParameter& parameter : source.parameters) {
      offsets.push_back(parameter.learnable ? offset : -1);
      if (parameter.learnable) offset += parameter.count;
    }
    target.learnableNumbers_ = offset;
    for (const PlainNode& node : source.nodes) {
      TileNodeOf<T> n;
      n.definition = findTraits(node.op);
      n.op = findTileOp<T>(node.op);
      if (!n.op) {
        reason = "operation '" + node.op + "' has no fused form";
        return false;
      }
      n.inputs = node.inputs;
      n.constants = node.constants;
      n.numbers = node.numbers;
      n.integers = node.integers;
      n.width = node.width;
      for (int p : node.parameters) {
        const auto i = static_cast<std::size_t>(p);
        n.parameters.push_back({p, offsets[i], source.parameters[i].count});
      }
      flags(n);
      if (n.definition->is(OpForm::Quadratic) && !packs(n)) {
        reason = "'quadratic' has a fused form only where the matrix is a parameter and the mean is one for all rows";
        return false;
      }
      if (n.definition->traits.stochastic && node.numbers[0] > 0) target.trainable_ = false;
      target.nodes_.push_back(std::move(n));
    }
    return true;
  }

  // The matrix of a quadratic form is packed with the weights.
  bool packs(const TileNodeOf<T>& n) const {
    const auto input = [&](std::size_t i) -> const TileNodeOf<T>& {
      return target.nodes_[static_cast<std::size_t>(n.inputs[i])];
    };
    return !input(1).perRow() && input(2).definition->is(OpSource::Parameter);
  }

  void flags(TileNodeOf<T>& n) {
    n.dependsOnInput = n.definition->is(OpSource::Rows);
    for (const TileParameter& p : n.parameters) n.dependsOnParameters |= p.flatOffset >= 0;
    bool fixed = !n.inputs.empty();
    for (int i : n.inputs) {
      const TileNodeOf<T>& in = target.nodes_[static_cast<std::size_t>(i)];
      n.dependsOnInput |= in.dependsOnInput;
      n.dependsOnParameters |= in.dependsOnParameters;
      fixed &= !in.perRow();
    }
    if (n.definition->is(OpSource::Constant))
      n.fixedCount = static_cast<std::int64_t>(source.constants[static_cast<std::size_t>(n.constants[0])].size());
    if (n.definition->is(OpSource::Parameter)) n.fixedCount = n.parameters[0].count;
    if (n.definition->is(OpSource::Computed)) n.fixedCount = n.width;
    if (fixed) n.fixedCount = n.width;  // elementwise functions of one-row values
  }

  // A sum of squares or of products reads what they are of; the products are not written down.
  void joinSums() {
    auto& nodes = target.nodes_;
    const auto at = [&](int i) -> TileNodeOf<T>& { return nodes[static_cast<std::size_t>(i)]; };
    std::vector<int> readers(nodes.size(), 0);
    for (const TileNodeOf<T>& n : nodes)
      for (const int i : n.inputs) ++readers[static_cast<std::size_t>(i)];
    for (const int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) ++readers[static_cast<std::size_t>(special)];
    for (TileNodeOf<T>& n : nodes) {
      if (!n.definition->is(OpForm::Sum) || !n.perRow() || readers[static_cast<std::size_t>(n.inputs[0])] != 1)
        continue;
      const TileNodeOf<T>& of = at(n.inputs[0]);
      if (of.width == 1) continue;
      if (of.op->unary == Unary::Square) {
        n.op = &sumOfSquares<T>();
        n.inputs = of.inputs;
      } else if (std::string(of.op->name) == "mul" && of.inputs[0] != of.inputs[1] &&
                 at(of.inputs[0]).width == of.width && at(of.inputs[1]).width == of.width) {
        n.op = &sumOfProducts<T>();
        n.inputs = of.inputs;
        if (!at(n.inputs[0]).perRow()) std::swap(n.inputs[0], n.inputs[1]);
      }
    }
  }

  // In place where a unary follows a linear layer that is not read elsewhere; the first one in the backward pass
  // writes, the rest add.
  void uses() {
    if (!separate) joinSums();
    auto& nodes = target.nodes_;
    std::vector<int> count(nodes.size(), 0);
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) nodes[static_cast<std::size_t>(special)].live = true;
    for (std::size_t i = nodes.size(); i-- > 0;)
      if (nodes[i].live)
        for (int input : nodes[i].inputs) nodes[static_cast<std::size_t>(input)].live = true;
    for (const TileNodeOf<T>& n : nodes)
      if (n.live)
        for (int i : n.inputs) ++count[static_cast<std::size_t>(i)];
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) ++count[static_cast<std::size_t>(special)];
    for (TileNodeOf<T>& n : nodes) {
      if (separate || n.op->keep != TileKeep::Derivative) continue;
      const TileNodeOf<T>& in = nodes[static_cast<std::size_t>(n.inputs[0])];
      n.inPlace = isLayer(*in.definition) && count[static_cast<std::size_t>(n.inputs[0])] == 1;
    }
    joinLayers(count);
    std::vector<char> seen(nodes.size(), 0);
    for (int special : {target.energy_, target.joint_, target.outputs_})
      if (special >= 0) seen[static_cast<std::size_t>(special)] = 1;
    for (std::size_t i = nodes.size(); i-- > 0;) {
      if (!nodes[i].live) continue;
      for (int input : nodes[i].inputs) {
        TileNodeOf<T>& in = nodes[static_cast<std::size_t>(input)];
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
      TileNodeOf<T>& n = nodes[i];
      if (n.live && n.inPlace && n.op->unary && n.width > 1) {
        n.applied = true;
        nodes[static_cast<std::size_t>(n.inputs[0])].activation = static_cast<int>(i);
      }
      if (!n.live || !isLayer(*n.definition)) continue;
      TileNodeOf<T>& below = nodes[static_cast<std::size_t>(n.inputs[0])];
      below.multiplied = below.inPlace && count[static_cast<std::size_t>(n.inputs[0])] == 1;
    }
  }

  // What a program gives is read from the buffers of its rows; inputs and shared values lie elsewhere.
  bool givesRows(std::string& reason) const {
    for (int special : {target.energy_, target.joint_, target.outputs_}) {
      if (special < 0) continue;
      const TileNodeOf<T>& n = target.nodes_[static_cast<std::size_t>(special)];
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
    const auto take = [&](const TileNodeOf<T>& n, std::int64_t count) {
      return from(n.perRow() ? perRow : fixed, count);
    };
    for (TileNodeOf<T>& n : target.nodes_) {
      if (!n.live) continue;
      const std::int64_t size = n.perRow() ? n.width : n.fixedCount;
      if (n.definition->is(OpSource::Rows) || n.definition->is(OpSource::Condition)) continue;
      if (n.inPlace) {
        const TileNodeOf<T>& in = target.nodes_[static_cast<std::size_t>(n.inputs[0])];
        n.value = in.value;
        n.adjoint = in.adjoint;
      } else {
        if (!n.definition->is(OpSource::Parameter)) n.value = take(n, size);
        // Constants and buffers have no adjoint; the matrix of a wide quadratic form would be large.
        if (n.perRow() || n.dependsOnInput || n.dependsOnParameters)
          n.adjoint = from(n.perRow() ? adjoints : fixed, size);
      }
      if (n.op->keep == TileKeep::Derivative) n.keep = take(n, size);
      if (n.op->keep == TileKeep::TwoNumbers) n.keep = take(n, 2);
      if (n.op->keep == TileKeep::InputWidth)
        n.keep = take(n, target.nodes_[static_cast<std::size_t>(n.inputs[0])].width);
    }
    target.numbersPerRow_ = perRow;
    target.adjointsPerRow_ = adjoints;
    target.fixedNumbers_ = fixed;
    target.preferredRows_ = rowsOfBlock(perRow + adjoints);
  }

  // Without a packed matrix nothing is gained by many rows but fewer calls.
  std::int64_t rowsOfBlock(std::int64_t numbersPerRow) {
    const std::int64_t bytes = std::max<std::int64_t>(1, numbersPerRow) * static_cast<std::int64_t>(sizeof(T));
    // A convolution has many windows a row, so that a few rows are enough of a product; more would leave the cache.
    target.images_ = std::any_of(target.nodes_.begin(), target.nodes_.end(),
                                 [](const TileNodeOf<T>& n) { return n.live && isConvolution(*n.definition); });
    if (target.images_) return std::clamp<std::int64_t>(kCacheBytes / bytes, 4, 144);
    const bool products = std::any_of(target.nodes_.begin(), target.nodes_.end(),
                                      [](const TileNodeOf<T>& n) { return n.live && isProduct(*n.definition); });
    if (products) return std::clamp<std::int64_t>(kCacheBytes / bytes / 12 * 12, 96, 144);
    return std::clamp<std::int64_t>(kCacheBytesAlone / bytes / 16 * 16, 16, 1024);
  }
};

template <class T>
std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compile(const PlainProgram& program, std::string& reason) {
  return compile(program, reason, false);
}

template <class T>
std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compile(const PlainProgram& program, std::string& reason,
                                                            bool separate) {
  std::unique_ptr<TileProgramOf<T>> result(new TileProgramOf<T>);
  result->inputWidth_ = program.inputWidth;
  result->energy_ = program.energy;
  result->joint_ = program.jointEnergy;
  result->outputs_ = program.outputs;
  result->optionalCondition_ = program.optionalCondition;
  TileCompiler<T> compiler{program, *result, separate};
  if (!compiler.nodes(reason)) return nullptr;
  for (const TileNodeOf<T>& n : result->nodes_)
    if (!n.perRow() && n.op->keep != TileKeep::Nothing && (separate || n.op->keep != TileKeep::Derivative)) {
      reason = std::string("'") + n.op->name + "' of a value that does not depend on the rows";
      return nullptr;
    }
  compiler.uses();
  compiler.offsets();
  if (!compiler.givesRows(reason)) return nullptr;
  for (const std::vector<double>& c : program.constants) {
    std::vector<T>& numbers = result->constants_.emplace_back(c.size());
    std::transform(c.begin(), c.end(), numbers.begin(), [](double number) { return static_cast<T>(number); });
  }
  result->packConstants();
  if (!separate && program.outputs < 0) result->loops_ = LoopProgramOf<T>::compile(program);
  // Constant values are read from the fixed region; they are copied there by layout().
  return result;
}

template <class T>
TileProgramOf<T>::~TileProgramOf() {}  // here, where nodes are complete

template <class T>
void TileProgramOf<T>::packConstants() {
  packedConstants_.resize(constants_.size());
  packedForAdjoints_.resize(constants_.size());
  centres_.resize(constants_.size());
  for (const TileNodeOf<T>& n : nodes_) {
    const bool matmul = n.definition->is(OpForm::Matmul);
    if (!matmul && !n.definition->is(OpForm::Distances)) continue;
    const auto i = static_cast<std::size_t>(n.constants[0]);
    const T* numbers = constants_[i].data();
    const std::int64_t depth = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
    if (matmul) {
      packMatrix<T>({numbers, n.width, 1}, depth, n.width, packedConstants_[i]);
      packMatrix<T>({numbers, 1, n.width}, n.width, depth, packedForAdjoints_[i]);
    } else {
      packMatrix<T>({numbers, 1, depth}, depth, n.width, packedConstants_[i]);
      packCentres<T>(numbers, n.width, depth, centres_[i]);
    }
  }
}

template <class T>
void TileProgramOf<T>::pack(const std::vector<ParameterValuesOf<T>>& parameters, std::uint64_t version,
                            Precision precision, Packed& packed) const {
  const std::size_t count = parameters.size();
  packed.version = version;
  packed.precision = precision;
  packed.plain.resize(count);
  packed.weights.resize(count);
  packed.versions.resize(count);
  std::vector<char> changed(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    const ParameterValuesOf<T>& values = parameters[i];
    // 0: nothing here yet. Buffers of a step before are there still.
    const std::uint64_t now = values.version + 1;
    changed[i] = values.learnable || packed.versions[i] != now;
    packed.versions[i] = now;
    if (changed[i]) packed.plain[i].assign(values.data, values.data + values.count);
  }
  for (const TileNodeOf<T>& n : nodes_) {
    if (n.definition->is(OpForm::Quadratic)) {
      const auto p = static_cast<std::size_t>(nodes_[static_cast<std::size_t>(n.inputs[2])].parameters[0].index);
      const std::int64_t d = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
      if (changed[p]) packSymmetric<T>(packed.plain[p].data(), nullptr, d, packed.weights[p]);
    }
    if (n.definition->is(OpForm::Pairwise)) {
      const auto p = static_cast<std::size_t>(n.parameters[0].index);
      const T* mask = constants_[static_cast<std::size_t>(n.constants[0])].data();
      if (changed[p])
        packSymmetric(packed.plain[p].data(), mask, nodes_[static_cast<std::size_t>(n.inputs[0])].width,
                      packed.weights[p]);
    }
    if (isConvolution(*n.definition)) {
      const auto p = static_cast<std::size_t>(n.parameters[0].index);
      const ImageWindows w = ImageWindows::of(n.integers);
      packConvolution(packed.plain[p].data(), w, n.parameters[0].count / w.depth(), precision, packed.weights[p]);
    }
    if (!n.definition->is(OpForm::Linear) || n.width == 1) continue;
    const std::int64_t in = nodes_[static_cast<std::size_t>(n.inputs[0])].width;
    const auto p = static_cast<std::size_t>(n.parameters[0].index);
    packWeights(packed.plain[p].data(), in, n.width, precision, packed.weights[p]);
  }
}

// What this file has of the class.
#define LANGEVIN_INSTANCES(T)                                                                                       \
  template std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compile(const PlainProgram&, std::string&);          \
  template std::unique_ptr<TileProgramOf<T>> TileProgramOf<T>::compile(const PlainProgram&, std::string&, bool);    \
  template TileProgramOf<T>::~TileProgramOf();                                                                      \
  template void TileProgramOf<T>::pack(const std::vector<ParameterValuesOf<T>>&, std::uint64_t, Precision, Packed&) \
      const;
LANGEVIN_INSTANCES(float)
LANGEVIN_INSTANCES(double)
#undef LANGEVIN_INSTANCES

}  // namespace langevin
