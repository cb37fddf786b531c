#include "samplers/discrete.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace langevin {
namespace {

/// [n, sites, K] of one-hot columns.
at::Tensor bySite(const ColumnBlock& block, const at::Tensor& part) {
  return part.reshape({part.size(0), block.sites(), block.levels});
}

/// x' - x of every level of sites of one column, float64 [n, sites, K].
at::Tensor levelChanges(const ColumnBlock& block, const at::Tensor& part) {
  const at::Tensor change = at::tensor(block.values(), part.options().dtype(at::kDouble)) - part.unsqueeze(2);
  if (block.kind != Domain::Kind::Cyclic) return change;
  // The shorter way round: - K / 2 < change <= K / 2.
  const auto k = static_cast<double>(block.levels);
  return change - k * (change / k - 0.5).ceil();
}

at::Tensor differencesOf(const ColumnBlock& block, const at::Tensor& x, const at::Tensor& g) {
  if (block.kind == Domain::Kind::Categorical) return bySite(block, g) - bySite(block, g * x).sum(2, true);
  return g.unsqueeze(2) * levelChanges(block, x);
}

at::Tensor squaresOf(const ColumnBlock& block, const at::Tensor& wide) {
  if (block.kind == Domain::Kind::Categorical) return (1 - bySite(block, wide)).mul_(2);
  if (block.kind == Domain::Kind::Tokens) return levelChanges(block, wide).ne(0).to(at::kDouble).mul_(2);
  return levelChanges(block, wide).square_();
}

/// Tables of the blocks side by side; levels beyond a block's own are +inf.
template <class Table>
at::Tensor paddedTables(const Domain& domain, std::int64_t levels, Table table) {
  if (domain.homogeneous()) return table(domain.runs()[0]);
  std::vector<at::Tensor> tables;
  for (const ColumnBlock& block : domain.runs())
    tables.push_back(
        at::constant_pad_nd(table(block), {0, levels - block.levels}, std::numeric_limits<double>::infinity()));
  return at::cat(tables, 1);
}

}  // namespace

bool Sites::equalLevels() const {
  const auto& runs = domain_.runs();
  return std::all_of(runs.begin(), runs.end(), [&](const ColumnBlock& block) { return block.levels == levels_; });
}

at::Tensor Sites::levelsOfSites(at::TensorOptions options) const {
  std::vector<std::int64_t> all;
  for (const ColumnBlock& block : domain_.runs())
    all.insert(all.end(), static_cast<std::size_t>(block.sites()), block.levels);
  return at::tensor(all, options);
}

at::Tensor Sites::encode(const at::Tensor& levels, const at::Tensor& like) const {
  return domain_.encode(levels, like.options());
}

at::Tensor Sites::with(const at::Tensor& x, const at::Tensor& site, const at::Tensor& level) const {
  if (!domain_.homogeneous()) return encode(decode(x).scatter(1, site.unsqueeze(1), level.unsqueeze(1)), x);
  const ColumnBlock& block = domain_.runs()[0];
  const std::int64_t width = block.siteWidth();
  const at::Tensor columns = site.unsqueeze(1) * width + at::arange(width, site.options());
  return x.scatter(1, columns, block.encode(level.unsqueeze(1), x.options()));
}

at::Tensor Sites::differences(const at::Tensor& x, const at::Tensor& gradient) const {
  const at::Tensor g = gradient.to(at::kDouble);
  return paddedTables(domain_, levels_, [&](const ColumnBlock& block) {
    return differencesOf(block, block.columnsOf(x), block.columnsOf(g));
  });
}

at::Tensor Sites::squaredDistances(const at::Tensor& x) const {
  const at::Tensor wide = x.to(at::kDouble);
  return paddedTables(domain_, levels_,
                      [&](const ColumnBlock& block) { return squaresOf(block, block.columnsOf(wide)); });
}

Kinds kindsWithGradients() {
  return {Domain::Kind::Binary, Domain::Kind::Spin, Domain::Kind::Categorical, Domain::Kind::Ordinal,
          Domain::Kind::Cyclic};
}

at::Tensor choose(const at::Tensor& logits, const at::Tensor& u) {
  const at::Tensor cumulative = logits.softmax(-1).cumsum(-1);
  // The last sum is 1 up to rounding, and a u may be rounded to 1: it belongs to the last entry with a probability above 0, which is
  // the first whose sum is the total.
  const at::Tensor total = cumulative.slice(-1, -1);
  const at::Tensor below = cumulative.le(u.unsqueeze(-1) * total).logical_and_(cumulative.lt(total));
  return below.sum(-1);
}

void fillFineUniform(double* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                     std::uint64_t step, Stream stream) {
  thread_local std::vector<float> words;
  words.resize(static_cast<std::size_t>(2 * rows * cols));
  fillUniform(words.data(), rows, 2 * cols, seed, firstRow, step, stream);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float *coarse = words.data() + 2 * r * cols, *fine = coarse + cols;
    for (std::int64_t c = 0; c < cols; ++c)
      out[r * cols + c] = (static_cast<double>(fine[c]) - 0.5) * 0x1p-24 + static_cast<double>(coarse[c]);
  }
}

at::Tensor fineUniform(const Random& random, std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                       std::uint64_t firstRow) {
  at::Tensor out = at::empty({rows, cols}, at::kDouble);
  fillFineUniform(out.data_ptr<double>(), rows, cols, random.seed(), firstRow, step, stream);
  return out;
}

}  // namespace langevin
