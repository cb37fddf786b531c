// Products of sparse and dense matrices.
#include <algorithm>
#include <vector>

#include "base/threads.hpp"
#include "graphs/backward.hpp"
#include "graphs/csr.hpp"
#include "kernels/tile_kernels.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// About the entries of one piece of work: half a million multiply-adds at 64 columns.
constexpr std::int64_t kEntries = 8192;
constexpr std::int64_t kRows = 4096;

// Rows [first, last), or entries [from, to) of the one row `first`, whose sum goes to row `scratch` of the parts.
struct Piece {
  std::int64_t first, last, from = 0, to = 0, scratch = -1;
};

struct Cut {
  std::vector<Piece> pieces;
  std::int64_t parts = 0;
};

// A row of more than two pieces' entries is summed in parts, which are added in their order: one hub takes no longer than
// the rest, and the sum is the same whoever computes it.
Cut cut(const Csr& matrix) {
  Cut result;
  const auto* pointer = matrix.pointer.const_data_ptr<std::int64_t>();
  std::int64_t first = 0;
  const auto close = [&](std::int64_t last) {
    if (last > first) result.pieces.push_back({first, last});
    first = last;
  };
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    const std::int64_t entries = pointer[r + 1] - pointer[r];
    if (entries > 2 * kEntries) {
      close(r);
      for (std::int64_t from = pointer[r]; from < pointer[r + 1]; from += kEntries)
        result.pieces.push_back({r, r + 1, from, std::min(from + kEntries, pointer[r + 1]), result.parts++});
      first = r + 1;
    } else if (pointer[r + 1] - pointer[first] >= kEntries || r + 1 - first >= kRows) {
      close(r + 1);
    }
  }
  close(matrix.rows);
  return result;
}

template <class T>
at::Tensor multiplyAs(const Csr& matrix, const at::Tensor& dense, int threads) {
  const std::int64_t width = dense.size(1);
  at::Tensor out = at::empty({matrix.rows, width}, dense.options());
  const auto* pointer = matrix.pointer.const_data_ptr<std::int64_t>();
  const auto* columns = matrix.columns.const_data_ptr<std::int64_t>();
  const T* values = matrix.values.defined() ? matrix.values.const_data_ptr<T>() : nullptr;
  const T* x = dense.const_data_ptr<T>();
  T* y = out.template mutable_data_ptr<T>();
  const Cut work = cut(matrix);
  std::vector<T> parts(static_cast<std::size_t>(work.parts * width));
  const auto& kernels = tileKernelsOf<T>();
  const auto sum = [&](std::int64_t from, std::int64_t to, T* target) {
    kernels.gatherRows(values ? values + from : nullptr, columns + from, to - from, x, target, width, false);
  };
  parallelTiles(static_cast<std::int64_t>(work.pieces.size()), threads, [&](std::int64_t i) {
    const Piece& piece = work.pieces[static_cast<std::size_t>(i)];
    if (piece.scratch >= 0) return sum(piece.from, piece.to, parts.data() + piece.scratch * width);
    for (std::int64_t r = piece.first; r < piece.last; ++r) sum(pointer[r], pointer[r + 1], y + r * width);
  });
  for (const Piece& piece : work.pieces) {
    if (piece.scratch < 0) continue;
    const T* part = parts.data() + piece.scratch * width;
    T* row = y + piece.first * width;
    if (piece.from == pointer[piece.first])
      std::copy(part, part + width, row);
    else
      kernels.axpy(T{1}, part, row, width);
  }
  return out;
}

}  // namespace

at::Tensor multiply(const Csr& matrix, const at::Tensor& dense, int threads) {
  if (dense.dim() != 2 || dense.size(0) != matrix.cols)
    fail(Code::Shape, "a sparse matrix of ", matrix.cols, " columns takes ", matrix.cols, " rows, got shape ",
         c10::str(dense.sizes()));
  if (matrix.values.defined() && matrix.values.scalar_type() != dense.scalar_type())
    fail(Code::Dtype, "a sparse matrix of ", dtypeName(matrix.values.scalar_type()), " takes the same, got ",
         dtypeName(dense.scalar_type()));
  const at::Tensor rows = dense.detach().contiguous();
  if (rows.scalar_type() == at::kFloat) return multiplyAs<float>(matrix, rows, threads);
  if (rows.scalar_type() == at::kDouble) return multiplyAs<double>(matrix, rows, threads);
  fail(Code::Dtype, "sparse products are for float32 and float64, got ", dtypeName(rows.scalar_type()));
}

const Csr& SparseOperator::turned() const {
  if (symmetric_) return matrix_;
  if (!turned_.pointer.defined()) turned_ = transposed(matrix_).matrix;
  return turned_;
}

at::Tensor sparseProduct(const SparseOperatorRef& matrix, const at::Tensor& dense, int threads) {
  return withBackward(multiply(matrix->matrix(), dense, threads), {dense}, [matrix, threads](const at::Tensor& g) {
    return std::vector<at::Tensor>{multiply(matrix->turned(), g, threads)};
  });
}

}  // namespace langevin
