// tensor.*: what data preparation and tests need; system.*: versions and memory.
#include "base/function.hpp"

#include <ATen/Version.h>
#include <torch/version.h>

#include <atomic>
#include <cstring>

#include "base/threads.hpp"
#include "tensors/cast.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { tensor, first, last } -> rows first .. last - 1
Value slice(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  if (t.dim() < 1) fail(Code::Shape, "a scalar has no rows to slice");
  const std::int64_t first = a.integer("first", 0), last = a.integer("last", t.size(0));
  if (first < 0 || last > t.size(0) || first > last)
    fail(Code::Shape, "rows ", first, " to ", last, " are not within 0 to ", t.size(0));
  return box(t.slice(0, first, last).clone());
}

Value concat(const Spec& a, Job&) {
  std::vector<at::Tensor> parts;
  for (const Spec& item : a.at("tensors").items()) parts.push_back(unbox(item));
  if (parts.empty()) a.at("tensors").invalid("needs at least one tensor");
  for (const at::Tensor& p : parts) {
    if (p.dim() != parts[0].dim() || p.dim() < 1 || p.sizes().slice(1) != parts[0].sizes().slice(1))
      fail(Code::Shape, "tensors of shapes ", c10::str(parts[0].sizes()), " and ", c10::str(p.sizes()),
           " cannot be joined by rows");
    if (p.scalar_type() != parts[0].scalar_type())
      fail(Code::Dtype, "tensors of dtypes ", dtypeName(parts[0].scalar_type()), " and ", dtypeName(p.scalar_type()),
           " cannot be joined");
    if (p.device() != parts[0].device()) fail(Code::Device, "tensors on different devices cannot be joined");
  }
  return box(at::cat(parts));
}

// Row numbers [n], each of a row there is: a negative one is refused, not counted from the end.
at::Tensor readRowNumbers(at::Tensor given, std::int64_t rows) {
  if (given.dim() == 2 && given.size(1) == 1) given = given.squeeze(1);
  if (given.dim() != 1)
    fail(Code::Shape, "rows must be a list of row numbers [n], got shape ", c10::str(given.sizes()));
  const at::Tensor numbers = castTo(given, at::kLong).to(at::kCPU).contiguous();
  const auto* p = numbers.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < numbers.numel(); ++i)
    if (p[i] < 0 || p[i] >= rows)
      throw Error(
          Code::InvalidOption,
          "rows[" + std::to_string(i) + "]: there is no row " + std::to_string(p[i]) +
              (rows == 0 ? std::string("; the tensor has none") : "; the rows are 0 to " + std::to_string(rows - 1)) +
              (p[i] < 0 && p[i] >= -rows
                   ? " (a negative number does not count from the end: write " + std::to_string(rows + p[i]) + ")"
                   : std::string()),
          {{"position", static_cast<double>(i)}, {"row", static_cast<double>(p[i])}});
  return numbers;
}

// { tensor, rows: int64 tensor }
Value index(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  if (t.dim() < 1) fail(Code::Shape, "a scalar has no rows to index");
  return box(t.index_select(0, readRowNumbers(unbox(a.at("rows")), t.size(0)).to(t.device())));
}

// { tensor, columns: [..] }: columns of a matrix
Value columns(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  if (t.dim() != 2) fail(Code::Shape, "only a matrix [n, d] has columns, got ", c10::str(t.sizes()));
  const std::vector<std::int64_t> wanted = a.at("columns").integers();
  for (std::int64_t c : wanted)
    if (c < 0 || c >= t.size(1)) fail(Code::Shape, "column ", c, " is not within 0 to ", t.size(1) - 1);
  return box(t.index_select(1, at::tensor(wanted, at::kLong).to(t.device())));
}

// { tensor, shape }
Value reshape(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  const std::vector<std::int64_t> shape = a.at("shape").integers();
  std::int64_t n = 1;
  for (std::int64_t s : shape) {
    if (s < 0) fail(Code::Shape, "a shape holds sizes of at least 0, got ", s);
    n *= s;
  }
  if (n != t.numel()) fail(Code::Shape, "a tensor of ", t.numel(), " numbers cannot have this shape");
  return box(t.reshape(shape).clone());
}

// { tensor, device?, dtype? }
Value to(const Spec& a, Job&) {
  at::Tensor t = unbox(a.at("tensor"));
  if (a.has("device")) t = t.to(parseDevice(a.text("device")));
  if (a.has("dtype")) t = castTo(t, parseDtype(a.at("dtype")));
  return box(t);
}

// { shape, dtype } -> a tensor on the CPU whose numbers are not set: for who fills all of it before anybody sees it
Value blank(const Spec& a, Job&) {
  const std::vector<std::int64_t> shape = a.at("shape").integers();
  std::int64_t n = 1;
  for (std::int64_t s : shape) {
    if (s < 0) fail(Code::Shape, "a shape holds sizes of at least 0, got ", s);
    if (s > 0 && n > (std::int64_t{1} << 58) / s) fail(Code::Shape, "this shape is not possible");
    n *= s;
  }
  return box(at::empty(shape, parseDtype(a.at("dtype"))));
}

// { tensor, at, bytes: uint8 [n] }: n bytes of a blank tensor, from byte `at`
Value fill(const Spec& a, Job&) {
  const at::Tensor target = unbox(a.at("tensor"));
  const at::Tensor& bytes = unbox(a.at("bytes"));
  const std::int64_t first = a.integer("at", 0), size = static_cast<std::int64_t>(target.nbytes());
  if (!target.is_cpu() || !target.is_contiguous() || bytes.scalar_type() != at::kByte || !bytes.is_contiguous())
    fail(Code::Internal, "only a tensor that was made blank is filled, with bytes");
  if (first < 0 || first > size || bytes.numel() > size - first)
    fail(Code::Shape, "bytes ", first, " to ", first + bytes.numel(), " are not within the ", size, " of the tensor");
  if (bytes.numel() > 0)
    std::memcpy(static_cast<char*>(target.data_ptr()) + first, bytes.const_data_ptr<std::uint8_t>(),
                static_cast<std::size_t>(bytes.numel()));
  return {};
}

// { kind: 'normal' | 'uniform', rows, columns, seed, step?, firstRow?, stream? } -> float32: the exact
// numbers samplers draw
Value randomNumbers(const Spec& a, Job&) {
  const Random random(a.at("seed").seed());
  const std::int64_t rows = a.count("rows", 0), cols = a.count("columns", 1);
  const auto step = static_cast<std::uint64_t>(a.count("step", 0, 0));
  const auto first = static_cast<std::uint64_t>(a.count("firstRow", 0, 0));
  const std::int64_t stream = a.count("stream", 1, static_cast<std::int64_t>(Stream::User));
  if (stream > 255) a.at("stream").invalid("a stream is a number from 1 to 255");
  const auto s = static_cast<Stream>(stream);
  const bool normal = a.text("kind", "normal") == "normal";
  return box(normal ? random.normal(rows, cols, step, s, at::kFloat, first)
                    : random.uniform(rows, cols, step, s, at::kFloat, first));
}

// at::get_num_threads() answers for the calling thread; this is what the runtime thread has been told.
std::atomic<int> intraOpThreads{1};

Value versions(const Spec&, Job&) {
  return Map{
      {"torch", TORCH_VERSION},
      {"cudaCompiled", at::globalContext().hasCUDA() || std::string(TORCH_VERSION).find("cu") != std::string::npos},
      {"cudaDevices", at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0},
      {"cpuCapability", at::get_cpu_capability()},
      {"parallel", at::get_parallel_info()},
      {"config", at::show_config()},
      {"threads", defaultThreads()},
      {"intraOp", intraOpThreads.load()}};
}

Value setIntraOp(const Spec& a, Job&) {
  const std::int64_t wanted = a.count("intraOp", 1);
  if (wanted > 1024) a.at("intraOp").invalid("must be at most 1024, got " + std::to_string(wanted));
  at::set_num_threads(static_cast<int>(wanted));
  intraOpThreads = at::get_num_threads();
  return Map{{"intraOp", intraOpThreads.load()}};
}

}  // namespace

const std::vector<Function>& tensorFunctions() {
  static const std::vector<Function> table = {
      {"tensor.slice", Lane::Immediate, slice},     {"tensor.concat", Lane::Immediate, concat},
      {"tensor.index", Lane::Immediate, index},     {"tensor.columns", Lane::Immediate, columns},
      {"tensor.reshape", Lane::Immediate, reshape}, {"tensor.to", Lane::Immediate, to},
      {"tensor.blank", Lane::Immediate, blank},     {"tensor.fill", Lane::Immediate, fill},
      {"random", Lane::Immediate, randomNumbers},   {"system.versions", Lane::Immediate, versions},
      {"system.intraOp", Lane::Queued, setIntraOp},
  };
  return table;
}

}  // namespace langevin
