#include "program/shape.hpp"

#include <algorithm>

#include "tensors/tensor.hpp"

namespace langevin {

Shape Shape::read(const Spec& spec) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // counts stay exact as JavaScript numbers
  Shape shape;
  for (const Spec& axis : spec.value().list() ? spec.items() : std::vector<Spec>{spec}) {
    const std::int64_t size = axis.integer();
    if (size < 1) axis.invalid("must be a whole number of at least 1, got " + std::to_string(size));
    if (size > kMost / std::max<std::int64_t>(shape.numel(), 1)) spec.invalid("makes rows of more than 2^53 numbers");
    shape.axes.push_back(size);
  }
  if (shape.axes.empty()) spec.invalid("must be a number of columns, or a list of at least one axis");
  return shape;
}

Shape Shape::image(std::int64_t channels, std::int64_t height, std::int64_t width, bool last) {
  return Shape({channels, height, width}).laid(last);
}

Shape Shape::laid(bool last) const {
  Shape same = *this;
  same.channelsLast = last;
  return same;
}

std::int64_t Shape::numel() const {
  std::int64_t count = axes.empty() ? 0 : 1;
  for (std::int64_t axis : axes) count *= axis;
  return count;
}

std::vector<std::int64_t> Shape::of(std::vector<std::int64_t> leading) const {
  leading.insert(leading.end(), axes.begin(), axes.end());
  return leading;
}

std::string Shape::text(const char* first) const {
  std::string all = first ? first : "";
  for (std::int64_t axis : axes) all += (all.empty() ? "" : ", ") + std::to_string(axis);
  return "[" + all + "]";
}

at::Tensor Shape::view(const at::Tensor& rows) const {
  if (flat()) return rows;
  const at::IntArrayRef leading = rows.sizes().slice(0, static_cast<std::size_t>(rows.dim() - 1));
  if (channelsLast) return rows.reshape(Shape({axes[1], axes[2], axes[0]}).of(leading.vec())).movedim(-1, -3);
  return rows.reshape(of(leading.vec()));
}

at::Tensor asRows(const at::Tensor& value, const Shape& shape, at::ScalarType dtype, at::Device device,
                  const std::string& what) {
  const std::int64_t width = shape.numel();
  if (shape.flat()) return asRows(value, width, dtype, device, what);
  const bool shaped = value.dim() > 0 && value.sizes().slice(1) == at::IntArrayRef(shape.axes);
  if (!shaped && !(value.dim() == 2 && value.size(1) == width))
    throw Error(Code::Shape,
                what + " must have shape " + shape.text("n") + " or " + Shape(width).text("n") + ", got " +
                    c10::str(value.sizes()),
                {{"expectedColumns", static_cast<double>(width)}});
  return asRows(shaped ? value.reshape({value.size(0), width}) : value, width, dtype, device, what);
}

}  // namespace langevin
