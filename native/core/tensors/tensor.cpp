#include "tensors/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/tile_kernels.hpp"

namespace langevin {

TensorRef box(at::Tensor tensor) { return std::make_shared<const TensorBox>(TensorBox{std::move(tensor)}); }

const at::Tensor& unbox(const TensorRef& ref) {
  if (!ref) fail(Code::Internal, "an empty tensor reference");
  return ref->tensor;
}

namespace {
struct DtypeRow {
  const char* name;
  at::ScalarType type;
};
constexpr DtypeRow kDtypes[] = {{"float32", at::kFloat}, {"float64", at::kDouble}, {"bfloat16", at::kBFloat16},
                                {"int64", at::kLong},    {"uint8", at::kByte},     {"bool", at::kBool}};
}  // namespace

at::ScalarType parseDtype(const Spec& spec) {
  for (const DtypeRow& row : kDtypes)
    if (spec.text() == row.name) return row.type;
  spec.invalid("unknown dtype '" + spec.text() + "'; one of float32, float64, bfloat16, int64, uint8, bool");
}

const char* dtypeName(at::ScalarType type) {
  for (const DtypeRow& row : kDtypes)
    if (row.type == type) return row.name;
  return "unsupported";
}

at::Device parseDevice(const std::string& text) {
  const bool cuda = at::hasCUDA();
  if (text == "cpu") return at::kCPU;
  if (text == "auto") return cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  if (text.rfind("cuda", 0) == 0 && (text.size() == 4 || text[4] == ':')) {
    int index = 0;
    if (text.size() > 4) {
      const std::string digits = text.substr(5);
      if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string::npos)
        fail(Code::Device, "'", text, "' is not a device; write 'cpu', 'cuda', 'cuda:N' or 'auto'");
      index = std::stoi(digits);
    }
    if (!cuda)
      fail(Code::Device, "device '", text,
           "' was asked for, but this LibTorch sees no CUDA device; use 'cpu' or 'auto', ",
           "or build against a CUDA LibTorch (see `npx langevin doctor`)");
    if (index >= static_cast<int>(at::detail::getCUDAHooks().deviceCount()))
      fail(Code::Device, "device '", text, "' does not exist: there are ", at::detail::getCUDAHooks().deviceCount(),
           " CUDA devices");
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
  }
  fail(Code::Device, "'", text, "' is not a device; write 'cpu', 'cuda', 'cuda:N' or 'auto'");
}

std::string deviceName(at::Device device) { return device.str(); }

at::Tensor asRows(const at::Tensor& value, std::int64_t width, at::ScalarType dtype, at::Device device,
                  const std::string& what) {
  at::Tensor v = value;
  if (v.dim() == 1 && width == 1) v = v.unsqueeze(1);
  if (v.dim() != 2 || v.size(1) != width)
    throw Error(Code::Shape,
                what + " must have shape [n, " + std::to_string(width) + "], got " + c10::str(value.sizes()),
                {{"expectedColumns", static_cast<double>(width)}});
  if (!v.is_floating_point() && !at::isIntegralType(v.scalar_type(), true))
    fail(Code::Dtype, what, " has dtype ", dtypeName(v.scalar_type()), ", which is not numeric");
  return v.to(device, dtype).contiguous();
}

at::Tensor asLabels(const at::Tensor& value, std::int64_t classes, at::Device device, const std::string& what) {
  at::Tensor v = value;
  if (v.dim() == 2 && v.size(1) == 1) v = v.squeeze(1);
  if (v.dim() != 1) fail(Code::Shape, what, " must be class numbers of shape [n], got ", c10::str(value.sizes()));
  const at::Tensor whole = v.to(at::kCPU, at::kLong).contiguous();
  if (v.is_floating_point() && !v.to(at::kCPU, at::kDouble).equal(whole.to(at::kDouble)))
    fail(Code::Dtype, what, " must hold whole class numbers");
  const auto* p = whole.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < whole.numel(); ++i)
    if (p[i] < 0 || p[i] >= classes)
      throw Error(Code::InvalidOption,
                  what + ": row " + std::to_string(i) + " has class " + std::to_string(p[i]) +
                      ", the classes are 0 to " + std::to_string(classes - 1),
                  {{"row", static_cast<double>(i)}});
  return whole.to(device);
}

at::Tensor rowsAt(const at::Tensor& rows, const at::Tensor& index) {
  if (!rows.is_cpu() || !rows.is_contiguous()) return rows.index_select(0, index.to(rows.device()));
  const at::Tensor order = index.contiguous();
  const std::int64_t count = order.numel(), all = rows.size(0);
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[0] = count;
  at::Tensor found = at::empty(shape, rows.options());
  const std::size_t size = rows.nbytes() / static_cast<std::size_t>(std::max<std::int64_t>(all, 1));
  const auto* from = static_cast<const char*>(rows.const_data_ptr());
  auto* to = static_cast<char*>(found.mutable_data_ptr());
  const auto* at = order.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i, to += size) {
    TORCH_INTERNAL_ASSERT_DEBUG_ONLY(at[i] >= 0 && at[i] < all);
    std::memcpy(to, from + at[i] * static_cast<std::int64_t>(size), size);
  }
  return found;
}

double meanOf(const at::Tensor& value) {
  double sum = 0;
  for (double x : numbersOf(value)) sum += x;
  return sum / static_cast<double>(value.numel());
}

double normOf(const at::Tensor& value) {
  if (value.is_cpu() && value.scalar_type() == at::kFloat && value.is_contiguous())
    return std::sqrt(tileKernels().squares(value.const_data_ptr<float>(), value.numel()));
  return at::linalg_vector_norm(value.detach()).item<double>();
}

std::vector<double> numbersOf(const at::Tensor& value) {
  std::vector<double> numbers(static_cast<std::size_t>(value.numel()));
  const at::Tensor host = value.detach().to(at::kCPU).contiguous();
  if (host.scalar_type() == at::kFloat) {
    std::copy_n(host.const_data_ptr<float>(), numbers.size(), numbers.begin());
  } else {
    std::copy_n(host.to(at::kDouble).const_data_ptr<double>(), numbers.size(), numbers.begin());
  }
  return numbers;
}

at::Tensor tensorOf(const std::vector<double>& numbers, const at::Tensor& like) {
  const bool single = like.scalar_type() == at::kFloat;
  at::Tensor host = at::empty(like.sizes(), single ? at::kFloat : at::kDouble);
  if (single)
    std::copy(numbers.begin(), numbers.end(), host.data_ptr<float>());
  else
    std::copy(numbers.begin(), numbers.end(), host.data_ptr<double>());
  return host.to(like.device(), like.scalar_type());
}

namespace {

// An exponent of all ones is an infinity or no number. An integer compare, which vectorises.
template <class Number, class Word, Word kExponent>
bool allFinite(const at::Tensor& value) {
  const Number* p = value.const_data_ptr<Number>();
  const std::int64_t n = value.numel();  // asked once: a call in the loop would keep it from vectors
  Word bad = 0;
  for (std::int64_t i = 0; i < n; ++i)
    bad |= static_cast<Word>((__builtin_bit_cast(Word, p[i]) & kExponent) == kExponent);
  return bad == 0;
}

// Without a tensor operation: a few rows are looked at in no time. False also where it takes another look.
bool finiteOnCpu(const at::Tensor& value) {
  if (!value.is_cpu() || !value.is_contiguous()) return false;
  if (value.scalar_type() == at::kFloat) return allFinite<float, std::uint32_t, 0x7F800000u>(value);
  if (value.scalar_type() == at::kDouble) return allFinite<double, std::uint64_t, 0x7FF0000000000000ull>(value);
  return false;
}

}  // namespace

void requireFinite(const at::Tensor& value, const std::string& what) {
  if (!value.is_floating_point() || value.numel() == 0 || finiteOnCpu(value)) return;
  // x * 0 is 0 for finite x and NaN otherwise: one pass, no mask allocated in the usual case, a piece at a time.
  constexpr std::int64_t kPiece = std::int64_t{1} << 20;
  const at::Tensor all = value.is_contiguous() ? value.detach().view({-1}) : value.detach().reshape({-1});
  bool finite = true;
  for (std::int64_t first = 0; finite && first < all.numel(); first += kPiece)
    finite = (all.slice(0, first, first + kPiece) * 0).sum().item<double>() == 0.0;
  if (finite) return;
  const at::Tensor bad = at::isfinite(value.detach()).logical_not().nonzero()[0].to(at::kCPU);
  const auto* p = bad.data_ptr<std::int64_t>();
  Map details{{"row", static_cast<double>(p[0])}};
  std::string where = "row " + std::to_string(p[0]);
  if (bad.numel() > 1) {
    details["column"] = static_cast<double>(p[1]);
    where += ", column " + std::to_string(p[1]);
  }
  throw Error(Code::NonFinite, what + " is not finite at " + where + "; clean the data or look at what produced it",
              details);
}

}  // namespace langevin
