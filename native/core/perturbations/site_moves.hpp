// Perturbations of discrete columns, site by site: the loop over rows, and kernels of one site that are drawn from 64
// random bits. No kernel keeps levels x levels numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perturbations/perturbation.hpp"

namespace langevin {

/// 64 random bits as two words.
inline std::uint64_t bitsAt(const std::uint32_t* words) {
  return (static_cast<std::uint64_t>(words[0]) << 32) | words[1];
}
/// 0 ... range - 1, each equally likely but for range / 2^64; `rest`: the bits that the choice left over, even too.
inline std::int64_t pick(std::uint64_t bits, std::int64_t range, std::uint64_t* rest = nullptr) {
  const auto product = static_cast<unsigned __int128>(bits) * static_cast<std::uint64_t>(range);
  if (rest) *rest = static_cast<std::uint64_t>(product);
  return static_cast<std::int64_t>(product >> 64);
}
/// The number that even 64 bits are below with probability p; p >= 1: the largest.
std::uint64_t threshold(double p);

/// A perturbation of discrete columns. Levels of a row are numbers [sites]; a site without one has kMasked.
class SitePerturbation : public Perturbation {
 public:
  static constexpr std::int32_t kMasked = -1;

  void prepare(const Domain& domain) final;
  at::Tensor candidates(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random,
                        int threads) const final;

 protected:
  struct Site {
    std::int64_t column, levels;
    bool oneHot, spin;
    std::size_t run;  // of Domain::runs()
  };
  const std::vector<Site>& sites() const { return sites_; }

  /// Tables of the kernels, by the runs of the domain.
  virtual void prepareRuns(const Domain&) {}
  /// Random words of a row, for y and for a candidate.
  virtual std::int64_t words() const { return 2 * static_cast<std::int64_t>(sites_.size()); }
  /// y of the row x, in place.
  virtual void perturb(std::int32_t* levels, const std::uint32_t* words) const = 0;
  /// A candidate x' of y, in place; by default a second perturbation, which is right where q is symmetric.
  virtual void restore(std::int32_t* levels, const std::uint32_t* words) const { perturb(levels, words); }

 private:
  template <class T>
  at::Tensor draw(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random, int threads) const;

  std::vector<Site> sites_;
  std::int64_t columns_ = 0;
};

/// The law of the steps of the random walk with rate 1 to both neighbours on a ring of `size` levels at time t,
///   P(step = k) = (1 / size) sum_p exp(t (2 cos(2 pi p / size) - 2)) cos(2 pi p k / size),
/// by a fast Fourier transform: float64 [size], sums to 1.
at::Tensor ringLaw(std::int64_t size, double t);

/// Draws of a law by Walker's alias method (Vose 1991): one choice and one comparison each.
class AliasTable {
 public:
  AliasTable() = default;
  explicit AliasTable(const at::Tensor& law);
  std::int64_t draw(std::uint64_t bits) const {
    std::uint64_t rest = 0;
    const auto k = static_cast<std::size_t>(pick(bits, static_cast<std::int64_t>(keep_.size()), &rest));
    return rest < keep_[k] ? static_cast<std::int64_t>(k) : other_[k];
  }

 private:
  std::vector<std::uint64_t> keep_;
  std::vector<std::int32_t> other_;
};

/// What cyclic and ordinal share: the time, given as t or as tBase (t = tBase K^2, which makes the width of the kernel
/// the same share of the range for every K), and the limit of their tables.
struct WalkTime {
  double t = 0, tBase = 0;
  static WalkTime read(const Spec& spec);
  double of(std::int64_t levels) const;
};

/// The tables of the walks on rings of `rings` times as many levels as the sites have, one for each number of levels.
class WalkTables {
 public:
  WalkTables() = default;
  WalkTables(const Domain& domain, const WalkTime& time, std::int64_t rings);
  const AliasTable& of(std::size_t run) const { return *byRun_[run]; }

 private:
  std::vector<std::shared_ptr<const AliasTable>> byRun_;
};

constexpr std::int64_t kMostWalkLevels = std::int64_t{1} << 20;

/// Refuses what a walk between neighbouring levels does not fit: real columns, tokens, more than kMostWalkLevels.
void requireWalk(const Domain& domain, const ColumnBlock& block, const char* kind);

/// The refusal of real columns by a perturbation that moves between states; `kinds`: those it moves.
void requireMoves(const Domain& domain, const ColumnBlock& block, Kinds kinds, const std::string& what,
                  const std::string& instead);

}  // namespace langevin
