// What values the columns of x take. A domain is a list of blocks of columns, each of one kind. A discrete block is
// made of sites: one column each (binary, spin, ordinal, cyclic, tokens), or, if categorical, `levels` columns with a
// single 1 among them.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "tensors/random.hpp"

namespace langevin {

struct ColumnBlock {
  enum class Kind {
    Real,         // any number
    Binary,       // 0 or 1
    Spin,         // -1 or +1
    Categorical,  // one-hot: `levels` columns a site
    Ordinal,      // 0 .. levels - 1, one column
    Cyclic,       // the same, with 0 next to levels - 1 (months, hours)
    Tokens,       // ids 0 .. levels - 1 without an order, one column a position
  } kind = Kind::Real;
  std::int64_t first = 0;   // its first column
  std::int64_t width = 0;   // columns
  std::int64_t levels = 0;  // values of a site; 0: real
  std::string name;         // as the spec has it, or empty

  bool discrete() const { return kind != Kind::Real; }
  /// Columns of a site; a real column counts as one.
  std::int64_t siteWidth() const { return kind == Kind::Categorical ? levels : 1; }
  std::int64_t sites() const { return width / siteWidth(); }
  bool sameKind(const ColumnBlock& other) const { return kind == other.kind && levels == other.levels; }

  /// "binary states (0 or 1)": for messages.
  std::string describe() const;
  /// "columns 2 to 4 ('colour')".
  std::string place() const;
  /// Numbers a site is enumerated by: 0, 1; -1, 1; the levels 0 .. K - 1. A real column is taken as 0, 1.
  std::vector<double> values() const;

  /// The smallest and the largest number in one of its columns; 0 and 1 where they are real.
  std::pair<double, double> range() const;

  // Of the block's own columns [n, width].
  at::Tensor encode(const at::Tensor& levels, at::TensorOptions options) const;  // from int64 [n, sites]
  at::Tensor decode(const at::Tensor& part) const;                               // int64 [n, sites]
  at::Tensor columnsOf(const at::Tensor& x) const { return x.slice(1, first, first + width); }
};

/// 'real', 'binary', 'spin', 'categorical', 'ordinal', 'cyclic', 'tokens'.
const char* nameOf(ColumnBlock::Kind kind);

/// A set of kinds: what a sampler moves, what an objective is defined on.
class Kinds {
 public:
  Kinds(std::initializer_list<ColumnBlock::Kind> kinds) {
    for (const ColumnBlock::Kind kind : kinds) bits_ |= bit(kind);
  }
  static Kinds real() { return {ColumnBlock::Kind::Real}; }
  /// All but real.
  static Kinds discrete();
  bool has(ColumnBlock::Kind kind) const { return (bits_ & bit(kind)) != 0; }

 private:
  static unsigned bit(ColumnBlock::Kind kind) { return 1u << static_cast<unsigned>(kind); }
  unsigned bits_ = 0;
};

class Domain {
 public:
  using Kind = ColumnBlock::Kind;

  Domain() = default;
  /// Blocks in the order of the columns; `first` is counted here.
  explicit Domain(std::vector<ColumnBlock> blocks);
  static Domain of(Kind kind, std::int64_t columns, std::int64_t levels = 2);
  /// 'real', 'binary', 'spin', { levels } for all `columns`, or a list of blocks: { kind, columns?, levels?, name? },
  /// { kind: 'tokens', vocabulary, length, name? }.
  static Domain read(const Spec& spec, std::int64_t columns);
  /// Kind of the energy it belongs to, for messages.
  void belongTo(std::string energy) { energy_ = std::move(energy); }

  const std::vector<ColumnBlock>& blocks() const { return blocks_; }
  /// The blocks with neighbours of one kind and as many levels in one.
  const std::vector<ColumnBlock>& runs() const { return runs_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t sites() const { return sites_; }
  /// The largest number of levels of a site.
  std::int64_t mostLevels() const;

  /// Every block is of one of these kinds.
  bool within(Kinds kinds) const;
  bool real() const { return within(Kinds::real()); }
  bool discrete() const { return within(Kinds::discrete()); }
  bool mixed() const { return !real() && !discrete(); }
  /// One kind and one number of levels everywhere.
  bool homogeneous() const { return runs_.size() <= 1; }
  /// Homogeneous columns of two values.
  bool flips() const;

  std::string describe() const;
  /// The kind where there is one, 'mixed' otherwise.
  const char* name() const;

  /// Numbers of the blocks that a word stands for: 'real', 'discrete', a kind, or the name of a block.
  std::vector<std::size_t> blocksOf(const std::string& word) const;
  /// These blocks alone.
  Domain part(const std::vector<std::size_t>& blocks) const;

  /// Rows [n, d] from one of ColumnBlock::values() a site, [n, sites].
  at::Tensor rows(const at::Tensor& values) const;
  /// Rows [n, d] from the level of every site, int64 [n, sites].
  at::Tensor encode(const at::Tensor& levels, at::TensorOptions options) const;
  /// int64 [n, sites] of rows [n, d].
  at::Tensor decode(const at::Tensor& x) const;
  /// Every state equally likely, [n, d]; real columns lie in low + width (0, 1) (rows [1, d]; both left out: in (0,
  /// 1)). One random number a site or real column, keyed by (row, step, stream).
  at::Tensor uniform(std::int64_t n, std::uint64_t step, Stream stream, const Random& random, at::TensorOptions options,
                     const at::Tensor& low = {}, const at::Tensor& width = {}) const;

  /// ERR_LANGEVIN_INVALID_OPTION naming the first row (and column) of x that is no state. Real columns may hold
  /// anything.
  void require(const at::Tensor& x, const std::string& what) const;
  /// ERR_LANGEVIN_UNSUPPORTED when a block is of another kind, naming its columns: "<what>, and this <kind> energy is
  /// over <states>: use <instead>".
  void require(Kinds kinds, const std::string& what, const std::string& instead) const;
  /// The same of one block.
  void require(const ColumnBlock& block, Kinds kinds, const std::string& what, const std::string& instead) const;

 private:
  /// "this energy is over spins (-1 or +1)", "column 3 ('age') of this energy holds ordinal states (0 to 4)".
  std::string told(const ColumnBlock& block, const std::string& energy) const;

  std::vector<ColumnBlock> blocks_, runs_;
  std::int64_t columns_ = 0, sites_ = 0;
  std::string energy_;
};

}  // namespace langevin
