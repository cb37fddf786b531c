#include "tensors/cast.hpp"

#include <charconv>

namespace langevin {
namespace {

std::string shownNumber(const at::Tensor& one) {
  if (!one.is_floating_point()) return std::to_string(one.item<std::int64_t>());
  char text[64];
  // Of a float32 the shortest digits that give it back, not those of the float64 it widens to.
  const auto end = one.scalar_type() == at::kDouble ? std::to_chars(text, text + sizeof text, one.item<double>())
                                                    : std::to_chars(text, text + sizeof text, one.item<float>());
  return {text, end.ptr};
}

const char* limitsOf(at::ScalarType dtype) {
  if (dtype == at::kByte) return "whole numbers 0 to 255";
  if (dtype == at::kBool) return "whole numbers 0 to 1";
  return "whole numbers of 64 bits";
}

[[noreturn]] void refuseFirst(const at::Tensor& value, const at::Tensor& odd, at::ScalarType dtype) {
  const std::int64_t position = odd.reshape({-1}).nonzero()[0].item<std::int64_t>();
  std::string place;
  std::int64_t rest = position;
  for (std::int64_t axis = value.dim() - 1; axis >= 0; --axis) {
    place = c10::str("[", rest % value.size(axis), "]", place);
    rest /= value.size(axis);
  }
  throw Error(Code::Dtype,
              "the value " + shownNumber(value.reshape({-1})[position]) + " at data" + place + " does not fit dtype " +
                  dtypeName(dtype) + ": it holds " + limitsOf(dtype) + "; round or clip it first",
              {{"position", static_cast<double>(position)}, {"dtype", dtypeName(dtype)}});
}

}  // namespace

at::Tensor castTo(const at::Tensor& value, at::ScalarType dtype) {
  const at::Tensor cast = value.to(dtype);
  if (!at::isIntegralType(dtype, true) || value.scalar_type() == dtype || value.numel() == 0) return cast;
  // A number that fits comes back as it was; NaN equals nothing.
  at::Tensor odd = cast.to(value.scalar_type()).ne(value);
  // 2^63 is the one float that a saturating conversion brings back although int64 ends before it.
  if (dtype == at::kLong && value.is_floating_point()) odd = odd.logical_or(value.ge(9223372036854775808.0));
  if (odd.any().item<bool>()) refuseFirst(value, odd, dtype);
  return cast;
}

}  // namespace langevin
