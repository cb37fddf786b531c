#include "program/domain.hpp"

#include <algorithm>
#include <iterator>

#include "base/error.hpp"

namespace langevin {
namespace {

constexpr const char* kColumnKindNames[] = {"real", "binary", "spin", "categorical", "ordinal", "cyclic", "tokens"};
constexpr Domain::Kind kColumnKinds[] = {Domain::Kind::Real,        Domain::Kind::Binary,  Domain::Kind::Spin,
                                         Domain::Kind::Categorical, Domain::Kind::Ordinal, Domain::Kind::Cyclic,
                                         Domain::Kind::Tokens};

Domain::Kind columnKindOf(const Spec& spec) {
  std::string known;
  for (const Domain::Kind kind : kColumnKinds) {
    if (spec.text() == nameOf(kind)) return kind;
    known += std::string(known.empty() ? "" : ", ") + nameOf(kind);
  }
  spec.invalid("there is no column block of kind '" + spec.text() + "'; known: " + known);
}

ColumnBlock readBlock(const Spec& spec) {
  ColumnBlock block;
  block.kind = columnKindOf(spec.at("kind"));
  block.name = spec.text("name", "");
  if (block.name == "discrete" ||
      std::find(std::begin(kColumnKindNames), std::end(kColumnKindNames), block.name) != std::end(kColumnKindNames))
    spec.at("name").invalid("'" + block.name + "' is the word for all such columns; choose another name");
  if (block.kind == Domain::Kind::Tokens) {
    block.levels = spec.count("vocabulary", 2);
    block.width = spec.count("length", 1);
    return block;
  }
  if (block.kind == Domain::Kind::Binary || block.kind == Domain::Kind::Spin)
    block.levels = 2;
  else if (block.discrete())
    block.levels = spec.count("levels", 2);
  block.width = spec.count("columns", 1, block.siteWidth());
  if (block.width % block.siteWidth() != 0)
    spec.at("columns").invalid("must be a multiple of levels = " + std::to_string(block.levels) +
                               ": each categorical variable takes a column per level");
  return block;
}

/// body(block, its part of `from`) of every block, side by side; `part` cuts `from` into blocks.
template <class Part, class Body>
at::Tensor sideBySide(const std::vector<ColumnBlock>& blocks, Part part, Body body) {
  if (blocks.size() == 1) return body(blocks[0], part(blocks[0]));
  std::vector<at::Tensor> parts;
  for (const ColumnBlock& block : blocks) parts.push_back(body(block, part(block)));
  return at::cat(parts, 1);
}

/// Cuts [n, sites] into blocks, one after another.
auto bySites(const at::Tensor& t) {
  return [&t, site = std::int64_t{0}](const ColumnBlock& block) mutable {
    const std::int64_t first = site;
    site += block.sites();
    return block.sites() == t.size(1) ? t : t.slice(1, first, site);
  };
}

auto byColumns(const at::Tensor& x) {
  return [&x](const ColumnBlock& block) { return block.width == x.size(1) ? x : block.columnsOf(x); };
}

/// True where the entry may stand in a column of that kind.
at::Tensor validEntries(const ColumnBlock& block, const at::Tensor& part) {
  if (block.kind == Domain::Kind::Spin) return part.eq(-1).logical_or(part.eq(1));
  if (block.siteWidth() > 1 || block.kind == Domain::Kind::Binary) return part.eq(0).logical_or(part.eq(1));
  return part.ge(0).logical_and(part.le(static_cast<double>(block.levels - 1))).logical_and(part.eq(part.round()));
}

}  // namespace

const char* nameOf(Domain::Kind kind) { return kColumnKindNames[static_cast<int>(kind)]; }

Kinds Kinds::discrete() {
  Kinds all{};
  for (const Domain::Kind kind : kColumnKinds)
    if (kind != Domain::Kind::Real) all.bits_ |= bit(kind);
  return all;
}

std::string ColumnBlock::describe() const {
  const std::string last = std::to_string(levels - 1);
  switch (kind) {
    case Domain::Kind::Binary:
      return "binary states (0 or 1)";
    case Domain::Kind::Spin:
      return "spins (-1 or +1)";
    case Domain::Kind::Categorical:
      return "categorical states (blocks of " + std::to_string(levels) + " columns with a single 1)";
    case Domain::Kind::Ordinal:
      return "ordinal states (0 to " + last + ")";
    case Domain::Kind::Cyclic:
      return "cyclic states (0 to " + last + ", 0 next to " + last + ")";
    case Domain::Kind::Tokens:
      return "tokens (ids 0 to " + last + ")";
    case Domain::Kind::Real:
      break;
  }
  return "real columns";
}

std::string ColumnBlock::place() const {
  const std::string numbers = width == 1
                                  ? "column " + std::to_string(first)
                                  : "columns " + std::to_string(first) + " to " + std::to_string(first + width - 1);
  return name.empty() ? numbers : numbers + " ('" + name + "')";
}

std::vector<double> ColumnBlock::values() const {
  if (kind == Domain::Kind::Spin) return {-1, 1};
  if (kind == Domain::Kind::Real || kind == Domain::Kind::Binary) return {0, 1};
  std::vector<double> result;
  for (std::int64_t k = 0; k < levels; ++k) result.push_back(static_cast<double>(k));
  return result;
}

std::pair<double, double> ColumnBlock::range() const {
  if (kind == Domain::Kind::Spin) return {-1, 1};
  return {0, siteWidth() > 1 || levels < 2 ? 1 : static_cast<double>(levels - 1)};
}

at::Tensor ColumnBlock::encode(const at::Tensor& levels, at::TensorOptions options) const {
  if (kind == Domain::Kind::Spin) return levels.to(options).mul_(2).sub_(1);
  if (kind != Domain::Kind::Categorical) return levels.to(options);
  return at::zeros({levels.size(0), levels.size(1), this->levels}, options)
      .scatter_(2, levels.unsqueeze(2), 1)
      .reshape({levels.size(0), -1});
}

at::Tensor ColumnBlock::decode(const at::Tensor& part) const {
  if (kind == Domain::Kind::Categorical) return part.reshape({part.size(0), -1, levels}).argmax(2);
  if (kind == Domain::Kind::Ordinal || kind == Domain::Kind::Cyclic || kind == Domain::Kind::Tokens)
    return part.round().to(at::kLong);
  return part.gt(kind == Domain::Kind::Spin ? 0.0 : 0.5).to(at::kLong);
}

Domain::Domain(std::vector<ColumnBlock> blocks) : blocks_(std::move(blocks)) {
  for (ColumnBlock& block : blocks_) {
    block.first = columns_;
    columns_ += block.width;
    sites_ += block.sites();
    if (!runs_.empty() && runs_.back().sameKind(block))
      runs_.back().width += block.width;
    else
      runs_.push_back(block);
  }
}

Domain Domain::of(Domain::Kind kind, std::int64_t columns, std::int64_t levels) {
  return Domain({{kind, 0, columns, kind == Domain::Kind::Real ? 0 : levels, ""}});
}

Domain Domain::read(const Spec& spec, std::int64_t columns) {
  if (spec.value().map()) {
    const std::int64_t levels = spec.count("levels", 2);
    if (columns % levels != 0)
      spec.invalid("x has " + std::to_string(columns) + " columns, which cannot be divided into blocks of " +
                   std::to_string(levels) + " levels");
    return of(Domain::Kind::Categorical, columns, levels);
  }
  if (!spec.value().list()) {
    const std::string& name = spec.text();
    for (const Domain::Kind kind : {Domain::Kind::Real, Domain::Kind::Binary, Domain::Kind::Spin})
      if (name == nameOf(kind)) return of(kind, columns);
    spec.invalid("must be 'real', 'binary', 'spin', { levels } or a list of column blocks, got '" + name + "'");
  }
  std::vector<ColumnBlock> blocks;
  for (const Spec& item : spec.items()) {
    blocks.push_back(readBlock(item));
    const auto same = [&](const ColumnBlock& b) { return !b.name.empty() && b.name == blocks.back().name; };
    if (std::count_if(blocks.begin(), blocks.end(), same) > 1)
      item.at("name").invalid("'" + blocks.back().name + "' is the name of an earlier block");
  }
  Domain domain(std::move(blocks));
  if (domain.columns() != columns)
    spec.invalid("the blocks have " + std::to_string(domain.columns()) + " columns together, x has " +
                 std::to_string(columns));
  return domain;
}

std::int64_t Domain::mostLevels() const {
  std::int64_t most = 0;
  for (const ColumnBlock& block : runs_) most = std::max(most, block.levels);
  return most;
}

bool Domain::within(Kinds kinds) const {
  return std::all_of(runs_.begin(), runs_.end(), [&](const ColumnBlock& block) { return kinds.has(block.kind); });
}

bool Domain::flips() const { return runs_.size() == 1 && within({Domain::Kind::Binary, Domain::Kind::Spin}); }

std::string Domain::describe() const {
  if (homogeneous()) return runs_.empty() ? "no columns" : runs_[0].describe();
  std::string all;
  for (const ColumnBlock& block : blocks_)
    all += (all.empty() ? "" : "; ") + block.place() + ": " + (block.discrete() ? block.describe() : "real");
  return all;
}

const char* Domain::name() const {
  for (const ColumnBlock& block : runs_)
    if (block.kind != runs_[0].kind) return "mixed";
  return runs_.empty() ? nameOf(Domain::Kind::Real) : nameOf(runs_[0].kind);
}

std::vector<std::size_t> Domain::blocksOf(const std::string& word) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i].name == word || nameOf(blocks_[i].kind) == word || (word == "discrete" && blocks_[i].discrete()))
      found.push_back(i);
  return found;
}

Domain Domain::part(const std::vector<std::size_t>& blocks) const {
  std::vector<ColumnBlock> chosen;
  for (const std::size_t i : blocks) chosen.push_back(blocks_[i]);
  Domain part(std::move(chosen));
  part.belongTo(energy_);
  return part;
}

std::string Domain::told(const ColumnBlock& block, const std::string& energy) const {
  if (homogeneous()) return energy + " is over " + describe();
  return block.place() + " of " + energy + (block.width == 1 ? " holds " : " hold ") +
         (block.discrete() ? block.describe() : "real numbers");
}

at::Tensor Domain::rows(const at::Tensor& values) const {
  return sideBySide(runs_, bySites(values), [&](const ColumnBlock& block, const at::Tensor& part) {
    return block.kind == Domain::Kind::Categorical ? block.encode(part.to(at::kLong), values.options()) : part;
  });
}

at::Tensor Domain::encode(const at::Tensor& levels, at::TensorOptions options) const {
  return sideBySide(runs_, bySites(levels),
                    [&](const ColumnBlock& block, const at::Tensor& part) { return block.encode(part, options); });
}

at::Tensor Domain::decode(const at::Tensor& x) const {
  return sideBySide(runs_, byColumns(x),
                    [](const ColumnBlock& block, const at::Tensor& part) { return block.decode(part); });
}

at::Tensor Domain::uniform(std::int64_t n, std::uint64_t step, Stream stream, const Random& random,
                           at::TensorOptions options, const at::Tensor& low, const at::Tensor& width) const {
  const at::Tensor u = random.uniform(n, sites_, step, stream, real() ? options : options.dtype(at::kDouble));
  return sideBySide(runs_, bySites(u), [&](const ColumnBlock& block, const at::Tensor& part) {
    if (block.discrete()) return block.encode(part.mul(static_cast<double>(block.levels)).to(at::kLong), options);
    const at::Tensor share = part.to(options);
    return low.defined() ? byColumns(low)(block) + byColumns(width)(block) * share : share;
  });
}

void Domain::require(const at::Tensor& x, const std::string& what) const {
  for (const ColumnBlock& block : blocks_) {
    if (!block.discrete()) continue;
    const at::Tensor part = byColumns(x)(block);
    // A number that is none of the levels, or a block whose ones are not exactly one.
    const at::Tensor valid = validEntries(block, part);
    if (!valid.all().item<bool>()) {
      const at::Tensor at = valid.logical_not().nonzero()[0];
      const auto row = at[0].item<std::int64_t>(), column = block.first + at[1].item<std::int64_t>();
      throw Error(Code::InvalidOption,
                  what + " holds " + std::to_string(x[row][column].item<double>()) + " in row " + std::to_string(row) +
                      ", column " + std::to_string(column) + "; " + told(block, "this energy"),
                  {{"row", row}, {"column", column}});
    }
    if (block.kind != Domain::Kind::Categorical) continue;
    const at::Tensor single = part.reshape({x.size(0), -1, block.levels}).sum(2).eq(1);
    if (single.all().item<bool>()) continue;
    const at::Tensor at = single.logical_not().nonzero()[0];
    const auto row = at[0].item<std::int64_t>(), column = block.first + at[1].item<std::int64_t>() * block.levels;
    throw Error(
        Code::InvalidOption,
        what + ": row " + std::to_string(row) + " has a block without a single 1; " + told(block, "this energy"),
        {{"row", row}, {"column", column}});
  }
}

void Domain::require(Kinds kinds, const std::string& what, const std::string& instead) const {
  for (const ColumnBlock& block : blocks_) require(block, kinds, what, instead);
}

void Domain::require(const ColumnBlock& block, Kinds kinds, const std::string& what, const std::string& instead) const {
  if (kinds.has(block.kind)) return;
  fail(Code::Unsupported, what, ", and ", told(block, "this " + energy_ + " energy"), ": use ", instead,
       real() ? ", or give the energy states: 'binary', 'spin' or { levels }" : "");
}

}  // namespace langevin
