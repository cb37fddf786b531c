#include "executors/cuda/lower.hpp"

#include <algorithm>
#include <unordered_map>

namespace langevin::cuda {
namespace {

std::int64_t padded(std::int64_t width) { return (width + 3) / 4 * 4; }

}  // namespace

const CudaOp* findCudaOp(const std::string& name) {
  static const auto index = [] {
    std::unordered_map<std::string, const CudaOp*> map;
    for (const auto* table : {&elementwiseCudaOps(), &rowCudaOps()})
      for (const CudaOp& row : *table) map.emplace(operation(row.name).name, &row);  // refuses a name that is none
    return map;
  }();
  const auto it = index.find(name);
  return it == index.end() ? nullptr : it->second;
}

Ref Lowering::fresh(std::int64_t width) {
  values_.push_back({});
  values_.back().width = width;
  return {Ref::Kind::Value, static_cast<int>(values_.size()) - 1, 0, width};
}

Ref Lowering::entry(ArenaEntry::Source source, int index, std::int64_t rows, std::int64_t columns) {
  for (std::size_t i = 0; i < arena_.size(); ++i)
    if (arena_[i].source == source && arena_[i].index == index)
      return {Ref::Kind::Fixed, static_cast<int>(i), 0, columns};
  arena_.push_back({source, index, rows, columns, arenaFloats_});
  arenaFloats_ += rows * strideOf(columns);
  return {Ref::Kind::Fixed, static_cast<int>(arena_.size()) - 1, 0, columns};
}

Ref Lowering::in(int i, int k) {
  const int node = input(i, k);
  return fixed(node) ? entry(ArenaEntry::Source::Folded, node, 1, width(node)) : value(node);
}

Draft& Lowering::push(Draft draft) {
  drafts_.push_back(std::move(draft));
  return drafts_.back();
}

Draft& Lowering::define(int i, Draft draft) {
  if (value(i).kind == Ref::Kind::None) setValue(i, fresh(width(i)));
  draft.out = value(i);
  return push(std::move(draft));
}

bool Lowering::give(int node, Draft draft) {
  if (!wants(node)) return false;
  Ref& target = adjointOf_[static_cast<std::size_t>(node)];
  if (target.kind == Ref::Kind::None)
    target = fresh(width(node));
  else
    draft.flags |= kAccumulate;
  if (width(node) == 1 && draft.columns > 1) draft.flags |= kReduce;
  draft.out = target;
  push(std::move(draft));
  return true;
}

Ref Lowering::addable(int node) {
  Ref& target = adjointOf_[static_cast<std::size_t>(node)];
  if (target.kind == Ref::Kind::None) {
    target = fresh(width(node));
    Draft zero;
    zero.columns = width(node);
    zero.out = target;
    push(zero);
  }
  return target;
}

// Which nodes reach the energy, which are the same for all rows, which carry a gradient, and how often each is read.
void Lowering::study(int energy) {
  const std::size_t n = program_.nodes.size();
  for (auto* flags : {&live_, &fixed_, &dependsOnInput_, &multiplied_, &functionOfProduct_}) flags->assign(n, 0);
  readers_.assign(n, 0);
  productOf_.assign(n, -1);
  for (auto* refs : {&valueOf_, &adjointOf_, &keptOf_}) refs->assign(n, {});
  live_[static_cast<std::size_t>(energy)] = 1;
  readers_[static_cast<std::size_t>(energy)] = 1;
  for (std::size_t i = n; i-- > 0;) {
    if (!live_[i]) continue;
    for (int k : program_.nodes[i].inputs) {
      live_[static_cast<std::size_t>(k)] = 1;
      ++readers_[static_cast<std::size_t>(k)];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const Node& node = program_.nodes[i];
    dependsOnInput_[i] = node.op->is(OpSource::Rows);
    fixed_[i] = !node.inputs.empty() || node.op->is(OpSource::Constant) || node.op->is(OpSource::Parameter);
    for (int k : node.inputs) {
      dependsOnInput_[i] |= dependsOnInput_[static_cast<std::size_t>(k)];
      fixed_[i] &= fixed_[static_cast<std::size_t>(k)];
    }
  }
}

bool Lowering::forward(std::string& reason) {
  for (int i = 0; i < static_cast<int>(program_.nodes.size()); ++i) {
    const OpDefinition& definition = *node(i).op;
    if (!live_[static_cast<std::size_t>(i)] || fixed(i)) continue;
    const bool condition = definition.is(OpSource::Condition);
    if (condition || definition.is(OpSource::Rows)) {
      if (condition && program_.condition.kind == Condition::Kind::Class) continue;
      Ref& ref = condition ? condition_ : position_;
      if (ref.kind == Ref::Kind::None) {
        ref = fresh(width(i));
        values_[static_cast<std::size_t>(ref.id)].permanent = true;
      }
      setValue(i, ref);
      continue;
    }
    const CudaOp* op = findCudaOp(definition.name);
    if (!op) {
      reason = std::string("operation '") + definition.name + "' has no fused form";
      return false;
    }
    op->forward(*this, i);
    if (!refused_.empty()) {
      reason = refused_;
      return false;
    }
  }
  return true;
}

void Lowering::backward(int energy) {
  Draft one;
  one.columns = 1;
  one.n0 = 1;
  give(energy, one);
  for (int i = static_cast<int>(program_.nodes.size()) - 1; i >= 0; --i) {
    if (!live_[static_cast<std::size_t>(i)] || !wants(i) || adjoint(i).kind == Ref::Kind::None) continue;
    const CudaOp* op = findCudaOp(node(i).op->name);
    if (op && op->backward) op->backward(*this, i);
  }
}

void Lowering::use(const Ref& ref, int index) {
  if (ref.kind != Ref::Kind::Value) return;
  TileValue& v = values_[static_cast<std::size_t>(ref.id)];
  if (v.first < 0) v.first = index;
  v.last = index;
}

// First fit: a value takes the lowest place that is free from its first to its last instruction. Places are within a
// row of the tile, and rows do not overlap: the lanes of one row need not wait for those of another before they reuse
// the place of a value.
void Lowering::place() {
  for (std::size_t i = 0; i < drafts_.size(); ++i)
    for (const Ref* ref : {&drafts_[i].out, &drafts_[i].a, &drafts_[i].b, &drafts_[i].c, &drafts_[i].keep})
      use(*ref, static_cast<int>(i));
  std::vector<TileValue*> order;
  for (TileValue& v : values_) {
    if (v.permanent) {
      v.first = 0;
      v.last = static_cast<int>(drafts_.size());
    }
    if (v.first >= 0) order.push_back(&v);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const TileValue* a, const TileValue* b) { return a->first < b->first; });
  std::vector<TileValue*> placed;
  for (TileValue* v : order) {
    std::vector<const TileValue*> taken;
    for (const TileValue* p : placed)
      if (p->last >= v->first) taken.push_back(p);
    std::sort(taken.begin(), taken.end(), [](const TileValue* a, const TileValue* b) { return a->offset < b->offset; });
    std::int64_t at = 0;
    for (const TileValue* p : taken) {
      if (at + padded(v->width) <= p->offset) break;
      at = std::max(at, p->offset + padded(p->width));
    }
    v->offset = at;
    floatsPerRow_ = std::max(floatsPerRow_, at + padded(v->width));
    placed.push_back(v);
  }
}

bool Lowering::run(std::string& reason) {
  const bool joint = conditioned_ && program_.jointEnergy >= 0;
  const int energy = joint ? program_.jointEnergy : program_.energy;
  study(energy);
  if (fixed(energy)) {
    reason = "the energy does not depend on the rows";
    return false;
  }
  if (!forward(reason)) return false;
  const auto input = std::find_if(program_.nodes.begin(), program_.nodes.end(),
                                  [](const Node& n) { return n.op->is(OpSource::Rows); });
  const int x = static_cast<int>(input - program_.nodes.begin());
  if (position_.kind == Ref::Kind::None) position_ = fresh(program_.inputWidth());
  level_ = value(energy);
  if (wants(energy)) backward(energy);
  slope_ = x < static_cast<int>(program_.nodes.size()) && live_[static_cast<std::size_t>(x)]
               ? addable(x)
               : fresh(program_.inputWidth());
  if (!wants(energy)) {
    Draft zero;
    zero.columns = program_.inputWidth();
    zero.out = slope_;
    push(zero);
  }
  for (const Ref* ref : {&position_, &slope_, &level_}) values_[static_cast<std::size_t>(ref->id)].permanent = true;
  place();
  if (drafts_.size() <= static_cast<std::size_t>(kMaxInstructions)) return true;
  reason = "its program has " + std::to_string(drafts_.size()) + " instructions, the CUDA kernel holds " +
           std::to_string(kMaxInstructions);
  return false;
}

}  // namespace langevin::cuda
