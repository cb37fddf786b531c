// The shape of one row: [d], [c, h, w], [t, k]. Rows are flat [n, d] everywhere but inside an operation that wants its
// axes (OpCall::shaped), and at the boundary, which takes [n, d] and [n, ...shape] and gives back what it was given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

struct Shape {
  std::vector<std::int64_t> axes;  // none: not known yet
  bool channelsLast = false;       // of [c, h, w]: the numbers of a row lie as [h, w, c]

  Shape() = default;
  /// A flat row of so many columns.
  Shape(std::int64_t columns) : axes{columns} {}
  explicit Shape(std::vector<std::int64_t> sizes) : axes(std::move(sizes)) {}
  /// A number of columns, or a list of axes, each at least 1.
  static Shape read(const Spec& spec);

  /// An image of three axes, channels first or last in memory.
  static Shape image(std::int64_t channels, std::int64_t height, std::int64_t width, bool last);
  /// The same axes, channels last in memory or not.
  Shape laid(bool last) const;
  /// Of three axes where both orders are one: one channel, or one pixel.
  bool eitherOrder() const { return axes.size() == 3 && (axes[0] == 1 || axes[1] * axes[2] == 1); }

  /// Columns of the flat row.
  std::int64_t numel() const;
  bool flat() const { return axes.size() < 2; }
  /// [rows, ...axes].
  std::vector<std::int64_t> of(std::int64_t rows) const { return of(std::vector<std::int64_t>{rows}); }
  std::vector<std::int64_t> of(std::vector<std::int64_t> leading) const;
  /// "[3, 32, 32]"; with `first`: "[n, 3, 32, 32]".
  std::string text(const char* first = nullptr) const;
  bool operator==(const Shape& other) const = default;

  /// Rows [n, d] (or values of rows [n, k, d]) with the axes of a row in place of the columns; the same tensor where the
  /// shape is flat.
  at::Tensor view(const at::Tensor& rows) const;
};

/// Rows given as [n, d] or [n, ...shape], as [n, d] of the given dtype and device; a vector becomes one column where
/// d is 1. `what` names the argument.
at::Tensor asRows(const at::Tensor& value, const Shape& shape, at::ScalarType dtype, at::Device device,
                  const std::string& what);

}  // namespace langevin
