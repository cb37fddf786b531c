// What values the columns of x take. A discrete x is made of sites: one column each (binary 0 or 1, spin -1 or +1), or
// a block of `levels` columns with a single 1 (categorical).
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"
#include "tensors/random.hpp"

namespace langevin {

struct States {
  enum class Kind { Real, Binary, Spin, Categorical } kind = Kind::Real;
  std::int64_t levels = 0;  // values of a site; 0: real

  bool discrete() const { return kind != Kind::Real; }
  /// Columns of a site.
  std::int64_t siteWidth() const { return kind == Kind::Categorical ? levels : 1; }
  std::int64_t sites(std::int64_t columns) const { return columns / siteWidth(); }

  static States binary() { return {Kind::Binary, 2}; }
  static States spin() { return {Kind::Spin, 2}; }
  static States categorical(std::int64_t levels) { return {Kind::Categorical, levels}; }
  /// 'real', 'binary', 'spin' or { levels }.
  static States read(const Spec& spec);

  /// "binary states (0 or 1)": for messages.
  std::string describe() const;
  /// 'real', 'binary', 'spin', 'categorical'.
  const char* name() const;
  /// Numbers a site is enumerated by: 0, 1; -1, 1; the levels 0 .. K - 1. What is not discrete is taken as 0, 1.
  std::vector<double> values() const;
  /// Rows [n, d] from one of values() a site, [n, sites].
  at::Tensor rows(const at::Tensor& values) const;
  /// Rows [n, d] from the level of every site, int64 [n, sites].
  at::Tensor encode(const at::Tensor& levels, at::TensorOptions options) const;
  /// int64 [n, sites] of rows [n, d].
  at::Tensor decode(const at::Tensor& x) const;
  /// Every state equally likely, [n, columns]; random numbers keyed by (row, step, stream).
  at::Tensor uniform(std::int64_t n, std::int64_t columns, std::uint64_t step, Stream stream, const Random& random,
                     at::TensorOptions options) const;
  /// ERR_LANGEVIN_INVALID_OPTION naming the first row (and column) of x that is no state. Real x is not looked at.
  void require(const at::Tensor& x, const std::string& what) const;
};

}  // namespace langevin
