#include "perturbations/site_moves.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/threads.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Random words are drawn for so many rows at a time: a quarter of a megabyte, whatever the number of sites.
constexpr std::int64_t kWordsAtOnce = 65536;

/// body(row, its words) of rows [0, n), in tiles.
template <class Body>
void eachRow(std::int64_t n, std::int64_t words, std::uint64_t step, Stream stream, const Random& random, int threads,
             Body body) {
  const Tiling tiles(n);
  parallelTiles(tiles.count(), threads, [&](std::int64_t tile) {
    const auto [first, last] = tiles.range(tile);
    const std::int64_t most = std::max<std::int64_t>(1, kWordsAtOnce / words);
    std::vector<std::uint32_t> drawn(static_cast<std::size_t>(std::min(most, last - first) * words));
    for (std::int64_t row = first; row < last; row += most) {
      const std::int64_t rows = std::min(most, last - row);
      fillBits(drawn.data(), rows, words, random.seed(), static_cast<std::uint64_t>(row), step, stream);
      for (std::int64_t i = 0; i < rows; ++i) body(row + i, drawn.data() + i * words);
    }
  });
}

}  // namespace

std::uint64_t threshold(double p) {
  return p >= 1 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(std::max(p, 0.0) * 0x1p64);
}

void SitePerturbation::prepare(const Domain& domain) {
  sites_.clear();
  columns_ = domain.columns();
  for (std::size_t run = 0; run < domain.runs().size(); ++run) {
    const ColumnBlock& block = domain.runs()[run];
    const std::int64_t width = block.siteWidth();
    for (std::int64_t s = 0; s < block.sites(); ++s)
      sites_.push_back({block.first + s * width, block.levels, block.kind == Domain::Kind::Categorical,
                        block.kind == Domain::Kind::Spin, run});
  }
  prepareRuns(domain);
}

template <class T>
at::Tensor SitePerturbation::draw(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random,
                                  int threads) const {
  const std::int64_t n = x.size(0), d = columns_;
  const std::size_t sites = sites_.size();
  std::vector<std::int32_t> perturbed(static_cast<std::size_t>(n) * sites);
  const T* rows = x.const_data_ptr<T>();
  eachRow(n, words(), step, Stream::Corrupt, random, threads, [&](std::int64_t i, const std::uint32_t* drawn) {
    std::int32_t* levels = perturbed.data() + static_cast<std::size_t>(i) * sites;
    for (std::size_t s = 0; s < sites; ++s) {
      const T* at = rows + i * d + sites_[s].column;
      if (sites_[s].oneHot)
        levels[s] = static_cast<std::int32_t>(std::max_element(at, at + sites_[s].levels) - at);
      else
        levels[s] = sites_[s].spin ? *at > 0 : static_cast<std::int32_t>(std::lround(*at));
    }
    perturb(levels, drawn);
  });
  at::Tensor result = at::empty({count * n, d}, x.options());
  T* out = result.data_ptr<T>();
  eachRow(count * n, words(), step, Stream::NoiseSample, random, threads,
          [&](std::int64_t row, const std::uint32_t* drawn) {
            thread_local std::vector<std::int32_t> levels;
            const std::int32_t* y = perturbed.data() + static_cast<std::size_t>(row % n) * sites;
            levels.assign(y, y + sites);
            restore(levels.data(), drawn);
            T* at = out + row * d;
            for (std::size_t s = 0; s < sites; ++s) {
              T* cell = at + sites_[s].column;
              if (sites_[s].oneHot) {
                std::fill(cell, cell + sites_[s].levels, T(0));
                cell[levels[s]] = T(1);
              } else {
                *cell = static_cast<T>(sites_[s].spin ? 2 * levels[s] - 1 : levels[s]);
              }
            }
          });
  return result;
}

at::Tensor SitePerturbation::candidates(const at::Tensor& x, std::int64_t count, std::uint64_t step,
                                        const Random& random, int threads) const {
  const at::NoGradGuard guard;
  if (x.scalar_type() == at::kDouble)
    return draw<double>(x.cpu().contiguous(), count, step, random, threads).to(x.device());
  return draw<float>(x.to(at::kCPU, at::kFloat).contiguous(), count, step, random, threads)
      .to(x.device(), x.scalar_type());
}

at::Tensor ringLaw(std::int64_t size, double t) {
  const auto wide = at::TensorOptions(at::kDouble);
  // 2 cos a - 2 = -4 sin^2(a / 2), without the difference of nearly equal numbers.
  const at::Tensor sine = (at::arange(size / 2 + 1, wide) * (M_PI / static_cast<double>(size))).sin();
  const at::Tensor spectrum = (sine.square() * (-4 * t)).exp();
  // Rounding leaves numbers of 1e-17 of either sign where the law is next to nothing.
  const at::Tensor law = at::fft_irfft(at::complex(spectrum, at::zeros_like(spectrum)), size).clamp_min(0).contiguous();
  return law / law.sum();
}

AliasTable::AliasTable(const at::Tensor& law) {
  const at::Tensor wide = law.to(at::kDouble).contiguous();
  const double* p = wide.const_data_ptr<double>();
  const auto size = static_cast<std::size_t>(law.numel());
  std::vector<double> share(size);
  std::vector<std::int32_t> below, above;
  for (std::size_t k = 0; k < size; ++k) {
    share[k] = p[k] * static_cast<double>(size);
    (share[k] < 1 ? below : above).push_back(static_cast<std::int32_t>(k));
  }
  keep_.assign(size, threshold(1));
  other_.resize(size);
  for (std::size_t k = 0; k < size; ++k) other_[k] = static_cast<std::int32_t>(k);
  while (!below.empty() && !above.empty()) {
    const auto small = static_cast<std::size_t>(below.back()), large = static_cast<std::size_t>(above.back());
    below.pop_back();
    keep_[small] = threshold(share[small]);
    other_[small] = static_cast<std::int32_t>(large);
    share[large] -= 1 - share[small];
    if (share[large] >= 1) continue;
    above.pop_back();
    below.push_back(static_cast<std::int32_t>(large));
  }
}

WalkTime WalkTime::read(const Spec& spec) {
  if (spec.has("t") == spec.has("tBase"))
    spec.invalid("give either t, a time, or tBase, which is multiplied by the square of a column's levels");
  return spec.has("t") ? WalkTime{spec.positive("t"), 0} : WalkTime{0, spec.positive("tBase")};
}

double WalkTime::of(std::int64_t levels) const {
  return t > 0 ? t : tBase * static_cast<double>(levels) * static_cast<double>(levels);
}

WalkTables::WalkTables(const Domain& domain, const WalkTime& time, std::int64_t rings) {
  std::map<std::int64_t, std::shared_ptr<const AliasTable>> byLevels;
  for (const ColumnBlock& run : domain.runs()) {
    auto& table = byLevels[run.levels];
    if (!table) table = std::make_shared<AliasTable>(ringLaw(rings * run.levels, time.of(run.levels)));
    byRun_.push_back(table);
  }
}

void requireMoves(const Domain& domain, const ColumnBlock& block, Kinds kinds, const std::string& what,
                  const std::string& instead) {
  const bool real = !block.discrete();
  domain.require(block, kinds, "perturbations." + what,
                 real && domain.real() ? "perturbations.gaussian"
                 : real                ? "perturbations.structured, where real columns have Gaussian noise"
                                       : instead);
}

void requireWalk(const Domain& domain, const ColumnBlock& block, const char* kind) {
  using Kind = Domain::Kind;
  requireMoves(domain, block, {Kind::Binary, Kind::Spin, Kind::Categorical, Kind::Ordinal, Kind::Cyclic},
               std::string(kind) + " walks between neighbouring levels", "perturbations.uniform or absorbing");
  if (block.levels > kMostWalkLevels)
    fail(Code::Unsupported, "perturbations.", kind, " keeps a table of a column's levels, at most ", kMostWalkLevels,
         " of them, and ", block.place(), " has ", block.levels,
         ": use perturbations.uniform, which keeps none, or make the column real");
}

}  // namespace langevin
