#include "gradients/tape.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/threads.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

// An operation of the plain path costs microseconds whatever its size, so its tiles are larger than sampling
// tiles: 2,304 rows of a small network make nine of them. The fused kernels want their buffers in the
// second-level cache instead.
constexpr std::int64_t kSmallestTile = 256, kSmallestFusedTile = 128;

std::vector<TileRange> cut(const Batch& rows, bool fused) {
  const std::int64_t n = rows.size();
  if (n == 0) return {};
  if (rows.x.is_cuda()) return {{0, n}};
  const Tiling tiling(n, fused ? kSmallestFusedTile : kSmallestTile);
  std::vector<TileRange> ranges;
  for (std::int64_t i = 0; i < tiling.count(); ++i) ranges.push_back(tiling.range(i));
  return ranges;
}

// d sum(value) / dx with its graph; zeros where the value does not depend on x.
at::Tensor slope(const at::Tensor& value, const at::Tensor& x) {
  at::Tensor gradient;
  if (value.requires_grad()) gradient = torch::autograd::grad({value.sum()}, {x}, {}, true, true, true)[0];
  return gradient.defined() ? gradient : at::zeros_like(x);
}

// v' (d2E/dx2) v, [n, m], from dE/dx with its graph and directions [n, m, d].
at::Tensor curvatures(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& directions) {
  std::vector<at::Tensor> columns;
  for (std::int64_t m = 0; m < directions.size(1); ++m) {
    const at::Tensor v = directions.select(1, m);
    columns.push_back((slope(gradient * v, x) * v).sum(1));
  }
  return at::stack(columns, 1);
}

// d loss / d value of a record from that of its leaves, zeros where the loss does not depend on one; undefined where it
// depends on none. `side`: the leaves are rows (0) or columns (1) of the value.
at::Tensor outerOf(const std::vector<at::Tensor>& leaves, std::vector<at::Tensor>::const_iterator gradient,
                   std::int64_t side) {
  std::vector<at::Tensor> outer(gradient, gradient + static_cast<std::ptrdiff_t>(leaves.size()));
  bool any = false;
  for (const at::Tensor& g : outer) any |= g.defined();
  if (!any) return {};
  for (std::size_t i = 0; i < outer.size(); ++i)
    if (!outer[i].defined()) outer[i] = at::zeros_like(leaves[i]);
  return outer.size() == 1 ? outer[0].contiguous() : at::cat(outer, side);
}

// parts[0] += parts[1] + parts[2] + ..., in that order; a piece of it stays in cache while the others come by.
void addUp(at::Tensor* parts, std::size_t count) {
  constexpr std::int64_t kPiece = 2048;
  if (!parts[0].is_cpu() || parts[0].scalar_type() != at::kFloat) {
    for (std::size_t i = 1; i < count; ++i) parts[0].add_(parts[i]);
    return;
  }
  auto* sum = parts[0].mutable_data_ptr<float>();
  for (std::int64_t first = 0, all = parts[0].numel(); first < all; first += kPiece)
    for (std::size_t i = 1; i < count; ++i)
      tileKernels().axpy(1.0f, parts[i].const_data_ptr<float>() + first, sum + first, std::min(kPiece, all - first));
}

// Adds derivatives in closed form to those of the graph.
void addKnown(std::vector<at::Tensor>& found, const std::vector<at::Tensor>& inputs,
              const std::vector<Derivative>& known) {
  for (const Derivative& d : known) {
    const auto at = std::find_if(inputs.begin(), inputs.end(), [&](const at::Tensor& t) { return t.is_same(d.of); });
    if (at == inputs.end()) fail(Code::Internal, "a derivative by something that this step did not record");
    if (!d.value.sizes().equals(d.of.sizes()))
      fail(Code::Internal, "a derivative of shape ", c10::str(d.value.sizes()), " by values of shape ",
           c10::str(d.of.sizes()));
    at::Tensor& sum = found[static_cast<std::size_t>(at - inputs.begin())];
    sum = sum.defined() ? sum + d.value : d.value;
  }
}

}  // namespace

Tape::Tape(const Energy& model, int threads) : model_(model), threads_(threads) {
  std::string reason;
  if (model.tiles()) second_ = TileProgram::compileSecondOrder(model.program(), model.parameters(), reason);
  // The switch that keeps energies to the plain path keeps their derivatives to it as well.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (!executor || std::string(executor) != "aten") chain_ = ScoreChain::compile(model.program());
}

void Tape::begin(std::uint64_t seed, std::uint64_t step) {
  seed_ = seed;
  step_ = step;
  taken_ = 0;
  release();
}

void Tape::release() {
  for (Record& record : records_)
    for (Tile& tile : record.tiles)
      if (tile.workspace) spare_.push_back(std::move(tile.workspace));
  records_.clear();
}

ScoreChain::Directions Tape::directionsOf(const Record& record, const TileRange& range) {
  const at::Tensor& v = record.directions;
  return {v.const_data_ptr<float>() + range.first * v.stride(0), v.size(1)};
}

// Every tile writes its rows of the result.
at::Tensor Tape::evaluateFused(Record& record) {
  const Program& program = model_.program();
  const std::int64_t n = record.rows.size();
  at::Tensor value;
  if (record.kind == Kind::Score) value = at::empty(record.rows.x.sizes(), model_.options());
  if (record.kind == Kind::Curvature)
    value = at::empty({n, record.rows.x.size(1) + record.directions.size(1)}, model_.options());
  if (record.kind == Kind::Energy) value = at::empty({n}, model_.options());
  if (record.kind == Kind::Outputs)
    value = at::empty({n, program.nodes[static_cast<std::size_t>(program.outputs)].width}, model_.options());
  const std::int64_t width = value.numel() / n;
  auto* values = value.data_ptr<float>();
  for (Tile& tile : record.tiles) {
    if (spare_.empty()) spare_.push_back(std::make_unique<TileWorkspace>());
    tile.workspace = std::move(spare_.back());
    spare_.pop_back();
  }
  parallelTiles(static_cast<std::int64_t>(record.tiles.size()), threads_, [&](std::int64_t i) {
    const TileRange r = record.ranges[static_cast<std::size_t>(i)];
    const TileInput in = Energy::tileInput(record.rows.slice(r.first, r.last));
    TileWorkspace& workspace = *record.tiles[static_cast<std::size_t>(i)].workspace;
    float* to = values + r.first * width;
    if (record.kind == Kind::Score) return second_->recordScore(*record.packed, in, workspace, to);
    if (record.kind == Kind::Curvature)
      return chain_->evaluate(*record.packed, in, directionsOf(record, r), workspace, to);
    const bool energy = record.kind == Kind::Energy;
    model_.tiles()->record(*record.packed, in, workspace, energy ? to : nullptr, energy ? nullptr : to);
  });
  return value;
}

at::Tensor Tape::evaluatePlain(Record& record) {
  // Each record of a step has masks of its own; rows within it are told apart by firstRow.
  const std::uint64_t seed = Random(seed_).fork(records_.size()).seed();
  const bool cuda = record.rows.x.is_cuda();
  parallelTiles(static_cast<std::int64_t>(record.tiles.size()), cuda ? 1 : threads_, [&](std::int64_t i) {
    const TileRange r = record.ranges[static_cast<std::size_t>(i)];
    const EvaluationMode mode{true, seed, step_, static_cast<std::uint64_t>(r.first)};
    const at::Tensor& all = record.directions;
    const at::Tensor along = all.defined() ? all.slice(0, r.first, r.last) : all;
    record.tiles[static_cast<std::size_t>(i)] =
        evaluateTile(record.kind, record.rows.slice(r.first, r.last), along, mode);
  });
  std::vector<at::Tensor> pieces;
  for (const Tile& tile : record.tiles) pieces.push_back(tile.value.detach());
  // A leaf must not share storage with a tile's value: an objective may work on it in place.
  return pieces.size() == 1 ? pieces[0].clone() : at::cat(pieces);
}

Tape::Tile Tape::evaluateTile(Kind kind, const Batch& rows, const at::Tensor& directions,
                              const EvaluationMode& mode) const {
  Tile tile;
  if ((kind == Kind::Score || kind == Kind::Curvature) && chain_) {
    tile.value = chain_->evaluate(model_.parameters().tensors(), rows.x, directions, tile.chain);
    return tile;
  }
  at::AutoGradMode enable(true);
  tile.leaves = model_.parameters().leaves();
  if (kind == Kind::Score || kind == Kind::Curvature) {
    Batch leaf = rows;
    leaf.x = rows.x.detach().requires_grad_(true);
    const at::Tensor energy = model_.evaluateWith(tile.leaves, leaf, mode).energy;
    const at::Tensor gradient = slope(energy, leaf.x);
    tile.value = kind == Kind::Score ? -gradient : at::cat({-gradient, curvatures(gradient, leaf.x, directions)}, 1);
  } else {
    const ProgramValues values = model_.evaluateWith(tile.leaves, rows, mode);
    tile.value = kind == Kind::Energy ? values.energy : values.outputs;
  }
  return tile;
}

// Dropout's masks exist in the plain path only, and third derivatives in the fused kernels only along chains.
bool Tape::hasFused(Kind kind) const {
  if (kind == Kind::Curvature) return model_.tiles() && chain_;
  if (kind == Kind::Score) return second_ != nullptr;
  return model_.tiles() && model_.tiles()->trainable();
}

at::Tensor Tape::evaluate(Record& record) {
  const Kind kind = record.kind;
  if (kind == Kind::Score || kind == Kind::Curvature) requireSmooth(model_.program());
  if (kind == Kind::Outputs && model_.program().outputs < 0)
    fail(Code::Unsupported, "a ", model_.program().kind, " energy has no logits or outputs");
  if (record.rows.size() == 0) fail(Code::Shape, "an objective evaluated the energy on no rows");
  const bool fused = hasFused(kind);
  if (fused) record.packed = model_.packed();
  record.ranges = cut(record.rows, fused);
  record.tiles.resize(record.ranges.size());
  return fused ? evaluateFused(record) : evaluatePlain(record);
}

std::vector<at::Tensor> Tape::record(Kind kind, const std::vector<Batch>& parts) {
  Record record;
  record.kind = kind;
  record.rows = Batch::joined(parts);
  const at::Tensor value = evaluate(record);
  for (std::int64_t first = 0; const Batch& part : parts) {
    record.leaves.push_back(value.slice(0, first, first + part.size()).detach().requires_grad_(true));
    first += part.size();
  }
  records_.push_back(std::move(record));
  return records_.back().leaves;
}

std::vector<at::Tensor> Tape::recordCurvature(const Batch& rows, const at::Tensor& directions) {
  Record record;
  record.kind = Kind::Curvature;
  record.rows = Batch::joined({rows});
  record.directions = directions.contiguous();
  const at::Tensor value = evaluate(record);
  const std::int64_t d = rows.x.size(1);
  record.leaves = {value.slice(1, 0, d).detach().requires_grad_(true), value.slice(1, d).detach().requires_grad_(true)};
  records_.push_back(std::move(record));
  return records_.back().leaves;
}

// What the loss asks of a tile, added up over its rows.
void Tape::addFusedGradient(const Record& record, std::size_t index, const at::Tensor& outer, at::Tensor& flat) const {
  const TileRange r = record.ranges[index];
  const TileInput in = Energy::tileInput(record.rows.slice(r.first, r.last));
  const float* weights = outer.data_ptr<float>() + r.first * (outer.numel() / outer.size(0));
  TileWorkspace& workspace = *record.tiles[index].workspace;
  auto* to = flat.data_ptr<float>();
  if (record.kind == Kind::Score) {
    second_->scoreGradient(*record.packed, in, workspace, weights, to);
    return;
  }
  if (record.kind == Kind::Curvature)
    return chain_->parameterGradient(*record.packed, in, directionsOf(record, r), workspace, weights, to);
  const bool energy = record.kind == Kind::Energy;
  model_.tiles()->parameterGradient(*record.packed, in, workspace, energy ? weights : nullptr,
                                    energy ? nullptr : weights, to);
}

void Tape::addPlainGradient(const Record& record, std::size_t index, const at::Tensor& all, at::Tensor& flat) const {
  const Tile& tile = record.tiles[index];
  const at::Tensor outer = all.slice(0, record.ranges[index].first, record.ranges[index].last);
  if ((record.kind == Kind::Score || record.kind == Kind::Curvature) && chain_) {
    at::NoGradGuard guard;
    return model_.parameters().accumulate(flat,
                                          chain_->parameterGradient(model_.parameters().tensors(), tile.chain, outer));
  }
  if (!tile.value.requires_grad()) return;
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& leaf : tile.leaves)
    if (leaf.requires_grad()) inputs.push_back(leaf);
  std::vector<at::Tensor> found =
      torch::autograd::grad({tile.value}, inputs, {outer}, std::nullopt, false, /*allow_unused=*/true);
  std::vector<at::Tensor> gradients(tile.leaves.size());
  for (std::size_t i = 0, k = 0; i < tile.leaves.size(); ++i)
    if (tile.leaves[i].requires_grad()) gradients[i] = std::move(found[k++]);
  at::NoGradGuard guard;
  model_.parameters().accumulate(flat, gradients);
}

// Zeroed buffers of one gradient each: allocated every step, they would be most of what a small step allocates.
at::Tensor* Tape::blanks(std::size_t count) {
  while (gradients_.size() < taken_ + count) gradients_.push_back(at::empty_like(model_.parameters().flat()));
  at::Tensor* first = gradients_.data() + taken_;
  for (std::size_t i = 0; i < count; ++i) first[i].zero_();
  taken_ += count;
  return first;
}

Tape::Gradients Tape::backward(const at::Tensor& loss, const std::vector<at::Tensor>& extras,
                               const std::vector<Derivative>& known) {
  std::vector<at::Tensor> inputs;
  for (const Record& r : records_) inputs.insert(inputs.end(), r.leaves.begin(), r.leaves.end());
  for (const at::Tensor& e : extras) inputs.push_back(e);
  if (!loss.requires_grad() && known.empty())
    fail(Code::Unsupported, "the loss depends on no parameter: the energy has nothing to learn");
  std::vector<at::Tensor> found(inputs.size());
  if (loss.requires_grad()) found = torch::autograd::grad({loss}, inputs, {}, std::nullopt, false, true);
  at::NoGradGuard guard;
  addKnown(found, inputs, known);

  struct Piece {
    const Record* record;
    std::size_t tile;
    at::Tensor outer;  // of the whole record
  };
  std::vector<Piece> pieces;
  auto next = found.begin();
  for (const Record& r : records_) {
    const at::Tensor outer = outerOf(r.leaves, next, r.kind == Kind::Curvature ? 1 : 0);
    next += static_cast<std::ptrdiff_t>(r.leaves.size());
    if (!outer.defined()) continue;
    for (std::size_t i = 0; i < r.tiles.size(); ++i) pieces.push_back({&r, i, outer});
  }
  // Pieces that follow each other share a gradient. How many do depends on nothing but their number.
  const std::size_t groups = std::clamp<std::size_t>(pieces.size() / 2, std::min<std::size_t>(pieces.size(), 2), 32);
  at::Tensor* parts = blanks(std::max<std::size_t>(groups, 1));
  const bool cuda = model_.device().is_cuda();
  parallelTiles(static_cast<std::int64_t>(groups), cuda ? 1 : threads_, [&](std::int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    for (std::size_t at = k * pieces.size() / groups; at < (k + 1) * pieces.size() / groups; ++at) {
      const Piece& p = pieces[at];
      p.record->packed ? addFusedGradient(*p.record, p.tile, p.outer, parts[k])
                       : addPlainGradient(*p.record, p.tile, p.outer, parts[k]);
    }
  });
  Gradients result;
  result.parameters = parts[0];
  addUp(parts, groups);
  for (const at::Tensor& e : extras) {
    result.extras.push_back(next->defined() ? next->detach() : at::zeros_like(e).detach());
    ++next;
  }
  release();
  return result;
}

std::vector<Batch> Tape::recorded() const {
  std::vector<Batch> rows;
  for (const Record& r : records_) rows.push_back(r.rows);
  return rows;
}

}  // namespace langevin
