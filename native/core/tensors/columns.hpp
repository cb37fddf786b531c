// Options that are one number for every column or a list of one number per column: borders, means, deviations.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

/// A number or a list of numbers at `key`.
inline std::vector<double> numberOrList(const Spec& spec, const std::string& key) {
  const Spec value = spec.at(key);
  return value.value().list() ? value.numbers() : std::vector<double>{value.number()};
}

/// The numbers as [1, d], of x's dtype and device, for rows x [n, d].
inline at::Tensor perColumn(const std::vector<double>& values, const at::Tensor& x, const std::string& what) {
  const std::int64_t d = x.size(1);
  if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != d)
    fail(Code::Shape, what, " has ", values.size(), " numbers, the rows have ", d, " columns");
  return at::tensor(values, at::kDouble).reshape({1, -1}).expand({1, d}).to(x.device(), x.scalar_type()).contiguous();
}

/// ERR_LANGEVIN_INVALID_OPTION naming the first row of x that is not in [low, high] (closed), with `remedy`. Rows are
/// counted from `firstRow`.
inline void requireInside(const at::Tensor& x, const at::Tensor& low, const at::Tensor& high, const std::string& what,
                          const std::string& remedy, std::int64_t firstRow = 0) {
  const at::Tensor outside = (x < low).logical_or(x > high).any(1);
  if (!outside.any().item<bool>()) return;
  const auto row = firstRow + outside.nonzero()[0].item<std::int64_t>();
  throw Error(Code::InvalidOption, "row " + std::to_string(row) + " of the data lies outside " + what + "; " + remedy,
              {{"row", row}});
}

}  // namespace langevin
