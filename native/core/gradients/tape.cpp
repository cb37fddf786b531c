#include "gradients/tape.hpp"

#include <atomic>

#include "base/threads.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

// An operation of the plain path costs microseconds whatever its size, so its tiles are larger than sampling tiles:
// 2,304 rows of a small network make nine of them. The fused kernels want their buffers in the second-level cache
// instead.
constexpr std::int64_t kSmallestTile = 256, kSmallestFusedTile = 128;

std::vector<TileRange> cut(const Batch& rows, double workPerRow, bool fused) {
  const std::int64_t n = rows.size();
  if (n == 0) return {};
  if (rows.x.is_cuda()) return {{0, n}};
  const Tiling tiling(n, smallestTile(workPerRow, fused ? kSmallestFusedTile : kSmallestTile));
  std::vector<TileRange> ranges;
  for (std::int64_t i = 0; i < tiling.count(); ++i) ranges.push_back(tiling.range(i));
  return ranges;
}

// Tells which of any two records was made first, whatever tapes they lie on.
std::uint64_t nextNumber() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool anyRequiresGrad(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors)
    if (t.requires_grad()) return true;
  return false;
}

}  // namespace

bool Tape::Record::flowsOn() const {
  for (const Input& input : inputs)
    if (anyRequiresGrad(input.given)) return true;
  return false;
}

Tape::Tape(const Network& network, int threads, std::string name)
    : network_(network), compiled_(network), threads_(threads), name_(std::move(name)) {}

void Tape::begin(std::uint64_t seed, std::uint64_t step) {
  seed_ = seed;
  step_ = step;
  taken_ = 0;
  count_ = 0;
  for (Record& record : records_) release(record);
  records_.clear();
  spent_.clear();
}

void Tape::release(Record& record) {
  for (Tile& tile : record.tiles)
    if (tile.workspace) spare_.push_back(std::move(tile.workspace));
  record.tiles.clear();
}

Tape::Path Tape::pathOf(const Quantity& quantity, Differentiable wanted) const {
  const bool rows = wanted.y || anyRequiresGrad(quantity.perRow);
  const FusedQuantity* fused = quantity.fused;
  if (fused && !rows && (!wanted.x || fused->hasInputGradient()) && fused->covers(compiled_)) return Path::Fused;
  if (quantity.byHand && !rows && !wanted.x && quantity.byHand->covers(compiled_)) return Path::ByHand;
  return Path::Autograd;
}

std::string Tape::explain(const Quantity& quantity, Differentiable wanted) const {
  const Path path = pathOf(quantity, wanted);
  if (path == Path::Fused) return "fused kernels";
  if (path == Path::ByHand) return "by hand on tensors";
  const std::string name = quantity.name, prefix = "autograd: ";
  const bool covered = quantity.fused && quantity.fused->covers(compiled_);
  if (!quantity.fused && !quantity.byHand) return prefix + "'" + name + "' has no other form";
  if (!covered && !(quantity.byHand && quantity.byHand->covers(compiled_)))
    return prefix + "no fused form of '" + name + "' covers " + network_.describe();
  if (wanted.y) return prefix + "the fused form of '" + name + "' has no gradient in y";
  if (wanted.x) return prefix + "the fused form of '" + name + "' has no gradient in x";
  return prefix + "the fused form of '" + name + "' has no gradient in its tensors per row";
}

at::Tensor& Tape::tensorOf(int tensor, Batch& rows, std::vector<at::Tensor>& perRow) {
  if (tensor == 0) return rows.x;
  return tensor == 1 ? rows.y : perRow[static_cast<std::size_t>(tensor - 2)];
}

void Tape::require(const Record& record) const {
  const Quantity& q = record.quantity;
  if (q.needs.energy && !network_.isEnergy())
    fail(Code::Unsupported, "'", q.name, "' needs an energy, and ", network_.describe(), " has outputs only");
  if (q.needs.smooth) requireSmooth(network_.program());
  if (q.needs.outputs && !network_.hasOutputs())
    fail(Code::Unsupported, network_.describe(), " has no logits or outputs");
  if (record.rows.size() == 0) fail(Code::Shape, "an objective evaluated the energy on no rows");
  for (const at::Tensor& t : q.perRow)
    if (t.size(0) != record.rows.size())
      fail(Code::Shape, "'", q.name, "' has a tensor of ", t.size(0), " rows beside ", record.rows.size(), " rows");
}

void Tape::collectInputs(Record& record, const std::vector<Batch>& parts, Differentiable wanted) const {
  if (wanted.y && !(record.rows.y.defined() && record.rows.y.is_floating_point()))
    fail(Code::Unsupported, "gradients in y need a condition of numbers [n, width], and ", network_.describe(), " has ",
         record.rows.y.defined() ? "labels" : "none");
  for (const int tensor : {0, 1}) {
    if (!(tensor == 0 ? wanted.x : wanted.y)) continue;
    record.inputs.push_back({{}, tensor, {}});
    for (const Batch& part : parts) record.inputs.back().given.push_back(tensor == 0 ? part.x : part.y);
  }
  for (std::size_t i = 0; at::Tensor & t : record.quantity.perRow) {
    if (t.requires_grad()) record.inputs.push_back({{t}, static_cast<int>(i) + 2, {}});
    t = t.detach().contiguous();
    ++i;
  }
}

template <class T>
FusedTileOf<T> Tape::fusedTile(const Record& record, std::size_t index) const {
  const TileRange r = record.ranges[index];
  return {compiled_,
          *std::get<std::shared_ptr<const PackedOf<T>>>(record.packed),
          Network::tileInput<T>(record.rows.slice(r.first, r.last)),
          record.quantity.perRow,
          r,
          *record.tiles[index].workspace};
}

template FusedTileOf<float> Tape::fusedTile(const Record&, std::size_t) const;
template FusedTileOf<double> Tape::fusedTile(const Record&, std::size_t) const;

// Every tile writes its rows of the result.
template <class T>
at::Tensor Tape::evaluateFused(Record& record) {
  record.packed = network_.packed<T>();
  const FusedQuantityOf<T>& fused = *record.quantity.fused->of<T>();
  const std::int64_t n = record.rows.size();
  std::vector<std::int64_t> shape = fused.rowShape(compiled_, record.quantity.perRow);
  shape.insert(shape.begin(), n);
  const at::Tensor value = at::empty(shape, network_.options());
  const std::int64_t width = value.numel() / n;
  auto* values = value.data_ptr<T>();
  for (Tile& tile : record.tiles) {
    if (spare_.empty()) spare_.push_back(std::make_unique<TileWorkspace>());
    tile.workspace = std::move(spare_.back());
    spare_.pop_back();
  }
  parallelTiles(static_cast<std::int64_t>(record.tiles.size()), threads_, [&](std::int64_t i) {
    const FusedTileOf<T> tile = fusedTile<T>(record, static_cast<std::size_t>(i));
    fused.evaluate(tile, values + tile.range.first * width);
  });
  return value;
}

at::Tensor Tape::evaluateTensors(Record& record) {
  // Each record of a step has masks of its own; rows within it are told apart by firstRow.
  const std::uint64_t seed = Random(seed_).fork(Salt::Record, count_).seed();
  const bool cuda = record.rows.x.is_cuda();
  parallelTiles(static_cast<std::int64_t>(record.tiles.size()), cuda ? 1 : threads_, [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    evaluateTile(record, index, {true, seed, step_, static_cast<std::uint64_t>(record.ranges[index].first)});
  });
  std::vector<at::Tensor> pieces;
  for (const Tile& tile : record.tiles) pieces.push_back(tile.value.detach());
  // A leaf must not share storage with a tile's value: an objective may work on it in place.
  return pieces.size() == 1 ? pieces[0].clone() : at::cat(pieces);
}

void Tape::evaluateTile(Record& record, std::size_t index, const EvaluationMode& mode) const {
  const TileRange r = record.ranges[index];
  Tile& tile = record.tiles[index];
  Batch rows = record.rows.slice(r.first, r.last);
  std::vector<at::Tensor> perRow;
  for (const at::Tensor& t : record.quantity.perRow) perRow.push_back(t.slice(0, r.first, r.last));
  if (record.path == Path::ByHand) {
    tile.value = record.quantity.byHand->evaluate(compiled_, rows, perRow, tile.kept);
    return;
  }
  at::AutoGradMode enable(true);
  tile.parameters = record.parameters ? network_.parameters().leaves() : network_.parameters().tensors();
  for (const Input& input : record.inputs) {
    at::Tensor& t = tensorOf(input.tensor, rows, perRow);
    t = t.detach().requires_grad_(true);
    tile.inputs.push_back(t);
  }
  tile.value = record.quantity.plain(Evaluator(network_, tile.parameters, perRow, mode), rows);
  if (tile.value.dim() == 0 || tile.value.size(0) != rows.size())
    fail(Code::Internal, "'", record.quantity.name, "' is of shape ", c10::str(tile.value.sizes()), " for ",
         rows.size(), " rows");
}

std::vector<at::Tensor> Tape::record(const Quantity& quantity, const std::vector<Batch>& parts, Differentiable wanted) {
  for (const Batch& part : parts) {
    wanted.x |= part.x.requires_grad();
    wanted.y |= part.y.defined() && part.y.requires_grad();
  }
  Record record;
  record.number = nextNumber();
  record.quantity = quantity;
  record.rows = Batch::joined(parts);
  record.parameters = wanted.parameters;
  record.path = pathOf(quantity, wanted);
  require(record);
  if (record.rows.y.defined()) record.rows.y = record.rows.y.detach();
  collectInputs(record, parts, wanted);
  record.ranges = cut(record.rows, network_.program().workPerRow, record.path == Path::Fused);
  record.tiles.resize(record.ranges.size());
  at::Tensor value;
  if (record.path == Path::Fused)
    network_.withTiles([&]<class T>(const TileProgramOf<T>&) { value = evaluateFused<T>(record); });
  else
    value = evaluateTensors(record);
  for (std::int64_t first = 0; const Batch& part : parts) {
    const at::Tensor rows = value.slice(0, first, first + part.size());
    first += part.size();
    if (quantity.columns.empty()) record.leaves.push_back(rows.detach().requires_grad_(true));
    for (std::int64_t column = 0; const std::int64_t width : quantity.columns) {
      record.leaves.push_back(rows.slice(1, column, column + width).detach().requires_grad_(true));
      column += width;
    }
  }
  ++count_;
  records_.push_back(std::move(record));
  return records_.back().leaves;
}

std::vector<Batch> Tape::recorded() const {
  std::vector<Batch> rows;
  for (const Record& r : records_) rows.push_back(r.rows);
  return rows;
}

}  // namespace langevin
