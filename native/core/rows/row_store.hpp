// Rows that do not lie in memory as the model takes them: numbers of another dtype, in memory or in a file, that become
// x * scale + shift in the model's dtype as they are asked for. A set of images stays a byte per number.
#pragma once

#include <memory>
#include <string>

#include "program/shape.hpp"

namespace langevin {

class RowStore {
 public:
  /// `scale` and `shift` are applied in the dtype of `options`, which the rows come in.
  RowStore(Shape shape, at::TensorOptions options, double scale, double shift)
      : shape_(std::move(shape)), options_(options), scale_(scale), shift_(shift) {}
  virtual ~RowStore() = default;

  virtual std::int64_t size() const = 0;
  /// Of the numbers as they are stored.
  virtual at::ScalarType dtype() const = 0;
  const Shape& shape() const { return shape_; }
  at::TensorOptions options() const { return options_; }

  /// Rows `index` (int64 [k] on the CPU), [k, d].
  at::Tensor select(const at::Tensor& index) const { return converted(stored(index)); }
  /// Rows first ... last - 1, [last - first, d].
  at::Tensor slice(std::int64_t first, std::int64_t last) const { return converted(stored(first, last)); }
  /// Goes on from `hash` over the stored bytes and what is done to them.
  std::uint64_t hash(std::uint64_t hash) const;

 protected:
  // As they are stored, [k, d] on the CPU.
  virtual at::Tensor stored(const at::Tensor& index) const = 0;
  virtual at::Tensor stored(std::int64_t first, std::int64_t last) const = 0;

 private:
  at::Tensor converted(const at::Tensor& rows) const;
  Shape shape_;
  at::TensorOptions options_;
  double scale_, shift_;
};

/// Rows [n, d] or [n, ...shape] of any numeric dtype, on the CPU.
std::unique_ptr<RowStore> storeOf(const at::Tensor& rows, const Shape& shape, at::TensorOptions options, double scale,
                                  double shift);

/// Rows of a file: from byte `offset` on `rows` of them, one after the other, in numbers of NumPy's type `dtype` ("|u1",
/// "<f4", ...; little-endian). Read as they are asked for. Throws Code::Io, Code::Format with the byte offset where the
/// file ends too early, Code::Unsupported for other types.
std::unique_ptr<RowStore> storeOf(const std::string& path, const std::string& dtype, std::int64_t rows,
                                  std::int64_t offset, const Shape& shape, at::TensorOptions options, double scale,
                                  double shift);

/// Goes on from `hash` over the bytes of a tensor; a tensor cut into pieces of whole eights of bytes gives the same.
std::uint64_t hashBytes(const at::Tensor& tensor, std::uint64_t hash);

}  // namespace langevin
