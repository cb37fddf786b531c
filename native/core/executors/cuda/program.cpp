#include "executors/cuda/program.hpp"

#include <algorithm>

namespace langevin::cuda {
namespace {

constexpr int kHeights[] = {64, 32, 16, 8};

std::int64_t paddedFloats(std::int64_t floats) { return (floats + 3) / 4 * 4; }

// Shared floats of a tile, with the arena kept or streamed through the two halves of the stage.
std::int64_t sharedFloats(const Lowering& l, int rows, bool resident) {
  const std::int64_t values =
      rows * std::max<std::int64_t>(strideOf(l.floatsPerRow()), 2 * kCounts);  // counts at the end
  return paddedFloats(values) + (resident ? paddedFloats(l.arenaFloats()) : 2 * kStageFloats);
}

struct Addresses {
  const Lowering& l;

  std::int32_t fixedAt(const Ref& ref) const {
    return static_cast<std::int32_t>(l.arena()[static_cast<std::size_t>(ref.id)].offset + ref.shift);
  }
  Operand operand(const Ref& ref) const {
    const auto width = static_cast<std::int32_t>(ref.width);
    if (ref.kind == Ref::Kind::None) return {};
    if (ref.kind == Ref::Kind::Fixed) return {fixedAt(ref), 0, width};
    const TileValue& v = l.values()[static_cast<std::size_t>(ref.id)];
    return {static_cast<std::int32_t>(v.offset + ref.shift), strideOf(l.floatsPerRow()), width};
  }
  Instruction instruction(const Draft& d) const {
    Instruction in;
    in.operation = d.operation;
    in.flags = static_cast<std::uint8_t>(d.flags);
    in.function = static_cast<std::uint8_t>(d.function);
    in.columns = static_cast<std::int32_t>(d.columns);
    in.out = operand(d.out);
    in.a = operand(d.a);
    in.b = operand(d.b);
    in.c = operand(d.c);
    in.keep = operand(d.keep);
    if (d.weights.kind == Ref::Kind::Fixed) {
      in.weights = fixedAt(d.weights);
      in.weightStride = strideOf(l.arena()[static_cast<std::size_t>(d.weights.id)].columns);
    }
    if (d.bias.kind == Ref::Kind::Fixed) in.bias = fixedAt(d.bias);
    in.n0 = static_cast<float>(d.n0);
    in.n1 = static_cast<float>(d.n1);
    return in;
  }
};

// The values of all nodes that are the same for all rows, by the plain operations.
std::vector<at::Tensor> folded(const Lowering& l, const Program& program, const std::vector<at::Tensor>& parameters,
                               const std::vector<at::Tensor>& constants) {
  std::vector<at::Tensor> values(program.nodes.size());
  const Batch none;
  const EvaluationMode mode;
  for (int i = 0; i < static_cast<int>(program.nodes.size()); ++i) {
    if (!l.fixed(i)) continue;
    const Node& node = program.nodes[static_cast<std::size_t>(i)];
    values[static_cast<std::size_t>(i)] = node.op->forward(OpCall{node, values, parameters, constants, none, mode});
  }
  return values;
}

}  // namespace

std::unique_ptr<CudaProgram> CudaProgram::compile(const Program& program, std::int64_t sharedBytes,
                                                  std::string& reason) {
  std::unique_ptr<CudaProgram> result(new CudaProgram);
  const bool conditional = program.condition.kind != Condition::Kind::None;
  if (!conditional || program.condition.optional) {
    result->plain_ = std::make_unique<Lowering>(program, false);
    if (!result->plain_->run(reason)) return nullptr;
  }
  if (conditional) {
    result->conditioned_ = std::make_unique<Lowering>(program, true);
    if (!result->conditioned_->run(reason)) return nullptr;
  }
  for (const Lowering* l : {result->plain_.get(), result->conditioned_.get()}) {
    if (!l) continue;
    const std::int64_t smallest = 4 * sharedFloats(*l, kHeights[3], false);
    if (smallest <= sharedBytes) continue;
    reason = "a tile of 8 chains takes " + std::to_string(smallest) + " bytes, a block has " +
             std::to_string(sharedBytes) + " bytes of shared memory";
    return nullptr;
  }
  return result;
}

Shape CudaProgram::shape(bool conditioned, std::int64_t n, std::int64_t sharedBytes, int multiprocessors) const {
  const Lowering& l = list(conditioned);
  for (const int rows : kHeights) {
    const bool last = rows == kHeights[3];
    if (!last && (n + rows - 1) / rows < multiprocessors) continue;
    for (const bool resident : {true, false}) {
      const std::int64_t floats = sharedFloats(l, rows, resident);
      if (4 * floats > sharedBytes) continue;
      // Weights that stay are worth a tile of half the height: nothing is read again, and no thread waits for a copy.
      if (!resident && !last && 4 * sharedFloats(l, rows / 2, true) <= sharedBytes) continue;
      return shapeOf(conditioned, rows, std::max(128, 4 * rows) / rows, resident);
    }
  }
  return {};
}

Shape CudaProgram::shapeOf(bool conditioned, int tileRows, int lanes, bool resident) const {
  return {tileRows, tileRows * lanes, lanes, resident, sharedFloats(list(conditioned), tileRows, resident)};
}

void CudaProgram::fill(bool conditioned, const Shape& shape, Launch& launch) const {
  const Lowering& l = list(conditioned);
  const Addresses addresses{l};
  launch.tileRows = shape.tileRows;
  launch.threads = shape.threads;
  launch.lanes = shape.lanes;
  launch.columns = static_cast<std::int32_t>(l.position().width);
  launch.position = addresses.operand(l.position());
  launch.slope = addresses.operand(l.slope());
  launch.level = addresses.operand(l.level());
  launch.condition = addresses.operand(l.condition());
  launch.sharedFloats = static_cast<std::int32_t>(shape.sharedFloats);
  launch.resident = shape.resident ? static_cast<std::int32_t>(paddedFloats(l.arenaFloats())) : 0;
  launch.residentAt = launch.stageAt =
      static_cast<std::int32_t>(shape.sharedFloats - (shape.resident ? launch.resident : 2 * kStageFloats));
  launch.count = static_cast<std::int32_t>(l.drafts().size());
  for (std::size_t i = 0; i < l.drafts().size(); ++i) launch.list[i] = addresses.instruction(l.drafts()[i]);
}

at::Tensor CudaProgram::arena(bool conditioned, const Program& program, const std::vector<at::Tensor>& parameters,
                              const std::vector<at::Tensor>& constants, at::Device device) const {
  at::NoGradGuard guard;
  const Lowering& l = list(conditioned);
  const std::vector<at::Tensor> values = folded(l, program, parameters, constants);
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  at::Tensor all = at::zeros({paddedFloats(l.arenaFloats()) + kArenaSlack}, options);
  for (const ArenaEntry& e : l.arena()) {
    const auto index = static_cast<std::size_t>(e.index);
    at::Tensor from;
    switch (e.source) {
      case ArenaEntry::Source::Parameter:
        from = parameters[index];
        break;
      case ArenaEntry::Source::TransposedParameter:
        from = parameters[index].t();
        break;
      case ArenaEntry::Source::Constant:
        from = constants[index];
        break;
      case ArenaEntry::Source::Folded:
        from = values[index];
        break;
      case ArenaEntry::Source::Symmetric:
        from = values[index] + values[index].t();
        break;
      case ArenaEntry::Source::List:
        from = at::tensor(program.nodes[index].integers, at::kLong).to(options);
        break;
    }
    all.narrow(0, e.offset, e.rows * strideOf(e.columns))
        .view({e.rows, strideOf(e.columns)})
        .narrow(1, 0, e.columns)
        .copy_(from.reshape({e.rows, e.columns}));
  }
  return all;
}

}  // namespace langevin::cuda
