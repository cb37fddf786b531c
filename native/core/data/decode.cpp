#include "data/decode.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

static_assert(std::endian::native == std::endian::little, "the readers assume a little-endian machine");

template <class Stored, class Out>
at::Tensor convert(const std::uint8_t* source, std::int64_t n, bool swap, at::ScalarType type) {
  at::Tensor out = at::empty({n}, type);
  Out* target = static_cast<Out*>(out.data_ptr());
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint8_t raw[sizeof(Stored)];
    std::memcpy(raw, source + i * static_cast<std::int64_t>(sizeof(Stored)), sizeof(Stored));
    if (swap) std::reverse(raw, raw + sizeof(Stored));
    Stored value;
    std::memcpy(&value, raw, sizeof(Stored));
    if constexpr (std::is_same_v<Stored, std::uint64_t>) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(Code::Unsupported, "entry ", i, " is ", value, ", which does not fit int64");
    }
    target[i] = static_cast<Out>(value);
  }
  return out;
}

at::Tensor decoded(const std::string& dtype, const std::uint8_t* p, std::int64_t n) {
  const bool swap = dtype[0] == '>';
  const std::string type = dtype.substr(1);
  if (type == "f8") return convert<double, double>(p, n, swap, at::kDouble);
  if (type == "f4") return convert<float, float>(p, n, swap, at::kFloat);
  if (type == "f2") return convert<c10::Half, float>(p, n, swap, at::kFloat);
  if (type == "i8") return convert<std::int64_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "i4") return convert<std::int32_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "i2") return convert<std::int16_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "i1") return convert<std::int8_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "u8") return convert<std::uint64_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "u4") return convert<std::uint32_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "u2") return convert<std::uint16_t, std::int64_t>(p, n, swap, at::kLong);
  if (type == "u1") return convert<std::uint8_t, std::uint8_t>(p, n, swap, at::kByte);
  if (type == "b1") return convert<std::uint8_t, std::uint8_t>(p, n, swap, at::kByte).ne(0);
  fail(Code::Unsupported, "arrays of dtype '", dtype,
       "' cannot be read; readable are f8 f4 f2, i8 i4 i2 i1, u8 u4 u2 u1 and b1 of either byte order");
}

}  // namespace

at::Tensor decodeArray(const at::Tensor& bytes, const std::string& dtype, const std::vector<std::int64_t>& shape,
                       bool fortran) {
  if (dtype.size() != 3 || std::string("<>|=").find(dtype[0]) == std::string::npos || dtype[2] < '1' || dtype[2] > '8')
    fail(Code::Unsupported, "arrays of dtype '", dtype, "' cannot be read");
  std::int64_t n = 1;
  for (std::int64_t s : shape) {
    if (s < 0 || (s > 0 && n > (std::int64_t{1} << 60) / s)) fail(Code::Shape, "this shape is not possible");
    n *= s;
  }
  const at::Tensor source = bytes.contiguous();
  if (source.scalar_type() != at::kByte || source.numel() != n * (dtype[2] - '0'))
    fail(Code::Shape, "the shape needs ", n, " numbers of ", dtype.substr(1), ", the data has ", source.nbytes(),
         " bytes");
  const at::Tensor values = decoded(dtype, source.data_ptr<std::uint8_t>(), n);
  if (!fortran || shape.size() < 2) return values.reshape(shape);
  // Column-major: the same numbers row-major in the reversed shape, axes then turned round.
  const std::vector<std::int64_t> reversed(shape.rbegin(), shape.rend());
  std::vector<std::int64_t> axes(shape.size());
  for (std::size_t k = 0; k < axes.size(); ++k) axes[k] = static_cast<std::int64_t>(axes.size() - 1 - k);
  return values.reshape(reversed).permute(axes).contiguous();
}

}  // namespace langevin
