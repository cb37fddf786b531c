// data.*: columns to matrices, standardising, splitting, grids. Dataset calls these.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "data/data.hpp"
#include "data/decode.hpp"
#include "tensors/cast.hpp"
#include "tensors/grid.hpp"
#include "tensors/random.hpp"

namespace langevin {
namespace {

// { tensors: [[n] or [n, k], ..], dtype? } -> [n, sum k]; float64 when one of them is, else float32.
Value joinTables(const Spec& a, Job&) {
  std::vector<at::Tensor> parts;
  bool wide = false;
  for (const Spec& item : a.at("tensors").items()) {
    const at::Tensor& t = unbox(item);
    if (t.dim() < 1) fail(Code::Shape, item.path(), " is a scalar; a column has shape [n] or [n, k]");
    parts.push_back(t.dim() == 1 ? t.unsqueeze(1) : t.flatten(1));
    wide = wide || t.scalar_type() == at::kDouble;
    if (parts.back().size(0) != parts.front().size(0))
      fail(Code::Shape, item.path(), " has ", t.size(0), " rows, the first column has ", parts.front().size(0));
  }
  if (parts.empty()) a.at("tensors").invalid("needs at least one column");
  const at::ScalarType dtype = a.has("dtype") ? parseDtype(a.at("dtype")) : wide ? at::kDouble : at::kFloat;
  for (at::Tensor& p : parts) p = castTo(p, dtype);
  return box(at::cat(parts, 1).contiguous());
}

// { tensor: [n] or [n, d], mean?, sd?: take these instead of computing them; rows?: int64, statistics from these only }
// -> { tensor, mean: float64 [d], sd: float64 [d] }. The divisor is n; a constant column gets sd 1.
// `finite: false`: numbers that are not finite stay what they are (energies).
Value standardize(const Spec& a, Job&) {
  const at::Tensor& given = unbox(a.at("tensor"));
  if (given.dim() < 1) fail(Code::Shape, "a scalar cannot be standardised");
  const at::ScalarType out = given.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  if (a.boolean("finite", true)) requireFinite(given, a.text("name", "tensor"));
  const at::Tensor x = (given.dim() == 1 ? given.unsqueeze(1) : given.flatten(1)).to(at::kDouble);
  at::Tensor mean, sd;
  if (a.has("mean")) {
    mean = unbox(a.at("mean")).to(at::kDouble).reshape({-1});
    sd = unbox(a.at("sd")).to(at::kDouble).reshape({-1});
    if (mean.numel() != x.size(1) || sd.numel() != x.size(1))
      fail(Code::Shape, "mean and sd must have ", x.size(1), " entries");
  } else {
    const at::Tensor from =
        a.has("rows") ? x.index_select(0, asLabels(unbox(a.at("rows")), x.size(0), x.device(), "rows")) : x;
    if (from.size(0) < 1) fail(Code::Shape, "there are no rows to take mean and standard deviation from");
    mean = from.mean(0);
    const at::Tensor constant = std::get<0>(from.max(0)) == std::get<0>(from.min(0));
    sd = at::where(constant, 1.0, from.sub(mean).square().mean(0).sqrt());
  }
  return Map{{"tensor", box(x.sub(mean).div(sd).to(out).reshape(given.sizes()))}, {"mean", box(mean)}, {"sd", box(sd)}};
}

// Rows in an order whose every prefix holds each class in proportion, within one row per class.
std::vector<std::int64_t> stratified(const std::vector<std::int64_t>& shuffled, const std::int64_t* label) {
  std::map<std::int64_t, std::vector<std::size_t>> members;
  for (std::size_t k = 0; k < shuffled.size(); ++k) members[label[shuffled[k]]].push_back(k);
  std::vector<double> place(shuffled.size());
  for (const auto& [_, list] : members)
    for (std::size_t j = 0; j < list.size(); ++j)
      place[list[j]] = (static_cast<double>(j) + 0.5) / static_cast<double>(list.size());
  std::vector<std::size_t> order(shuffled.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return place[i] < place[j]; });
  std::vector<std::int64_t> result;
  for (std::size_t k : order) result.push_back(shuffled[k]);
  return result;
}

// { n, sizes: [..], seed?, labels?: int64 [n] } -> one int64 index tensor a size. Rows are shuffled first.
Value split(const Spec& a, Job&) {
  const std::int64_t n = a.count("n", 1);
  const std::vector<std::int64_t> sizes = a.at("sizes").integers();
  std::int64_t total = 0;
  for (std::int64_t s : sizes) {
    if (s < 0) a.at("sizes").invalid("must be at least 0");
    total += s;
  }
  if (sizes.empty() || total > n)
    a.at("sizes").invalid("ask for " + std::to_string(total) + " of " + std::to_string(n) + " rows");
  const at::Tensor permuted =
      Random(a.has("seed") ? a.at("seed").seed() : 0).permutation(n, 0, Stream::User).contiguous();
  std::vector<std::int64_t> order(permuted.data_ptr<std::int64_t>(), permuted.data_ptr<std::int64_t>() + n);
  if (a.has("labels")) {
    const at::Tensor labels = unbox(a.at("labels")).to(at::kCPU, at::kLong).contiguous();
    if (labels.numel() != n) fail(Code::Shape, "labels has ", labels.numel(), " entries for ", n, " rows");
    order = stratified(order, labels.data_ptr<std::int64_t>());
  }
  List parts;
  std::int64_t first = 0;
  for (std::int64_t s : sizes) {
    at::Tensor part = at::empty({s}, at::kLong);
    std::copy_n(order.begin() + first, s, part.data_ptr<std::int64_t>());
    parts.emplace_back(box(part));
    first += s;
  }
  return parts;
}

// { tensor: [n] } -> int64 [n] when every value is a whole number, the tensor itself otherwise
// (a continuous condition).
Value labels(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  if (t.scalar_type() == at::kLong) return a.at("tensor").tensor();
  const at::Tensor whole = t.to(at::kLong);
  const bool exact = t.dim() == 1 && (!t.is_floating_point() || whole.to(t.scalar_type()).equal(t));
  return exact ? box(whole) : a.at("tensor").tensor();
}

// { tensor: [n], equals } -> int64 [k], the rows that hold the value
Value rowsWhere(const Spec& a, Job&) {
  const at::Tensor& t = unbox(a.at("tensor"));
  if (t.dim() != 1) fail(Code::Shape, "only a column of shape [n] can be searched, this one has ", c10::str(t.sizes()));
  return box(t.to(at::kDouble).eq(a.number("equals")).nonzero().squeeze(1));
}

// { rows, low: [..], high: [..], seed? } -> float64 [rows, d], uniform in the box
Value uniform(const Spec& a, Job&) {
  const std::vector<double> low = a.at("low").numbers(), high = a.at("high").numbers();
  if (low.empty() || low.size() != high.size()) a.at("low").invalid("low and high need one entry per column");
  for (std::size_t k = 0; k < low.size(); ++k)
    if (!(low[k] < high[k])) a.at("low").invalid("must be below `high` in every column");
  const auto d = static_cast<std::int64_t>(low.size());
  const at::Tensor from = at::tensor(low, at::kDouble), to = at::tensor(high, at::kDouble);
  const at::Tensor u = Random(a.has("seed") ? a.at("seed").seed() : 0)
                           .uniform(a.count("rows", 0), d, 0, Stream::Evaluation, at::kDouble);
  return box(u.mul(to - from).add(from));
}

// { low, high, cells, dimension? } -> { points: float64 [cells, d], cellVolume }. Row-major, the last axis fastest.
Value gridOfPoints(const Spec& a, Job&) {
  const bool list = a.at("low").value().list() != nullptr;
  const std::int64_t d = list ? static_cast<std::int64_t>(a.at("low").list().size()) : a.count("dimension", 1, 2);
  const Grid grid = Grid::read(a, d);
  if (grid.size() > (std::int64_t{1} << 26)) a.at("cells").invalid("asks for more than 2^26 cells");
  return Map{{"points", box(grid.centres(0, grid.size()))}, {"cellVolume", std::exp(grid.logCellVolume())}};
}

// { bytes: uint8, dtype: '<f8' ..., shape, fortran? } -> tensor
Value decode(const Spec& a, Job&) {
  return box(decodeArray(unbox(a.at("bytes")), a.text("dtype"), a.at("shape").integers(), a.boolean("fortran", false)));
}

// { bytes: uint8 [n * 3073] } -> { x: uint8 [n, 3, 32, 32], y: int64 [n] }
Value cifar(const Spec& a, Job&) {
  const at::Tensor records = unbox(a.at("bytes")).reshape({-1, 3073});
  return Map{{"x", box(records.slice(1, 1, 3073).reshape({-1, 3, 32, 32}).contiguous())},
             {"y", box(records.select(1, 0).to(at::kLong))}};
}

// { n, count, seed? } -> int64 [count], each uniform on 0 .. n - 1: rows drawn with replacement.
Value resample(const Spec& a, Job&) {
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  return box(random.index(a.count("count", 0), a.count("n", 1), 0, Stream::User));
}

}  // namespace

const std::vector<Function>& tableFunctions() {
  static const std::vector<Function> table = {
      {"data.join", Lane::Immediate, joinTables}, {"data.standardize", Lane::Immediate, standardize},
      {"data.split", Lane::Immediate, split},     {"data.grid", Lane::Immediate, gridOfPoints},
      {"data.labels", Lane::Immediate, labels},   {"data.where", Lane::Immediate, rowsWhere},
      {"data.uniform", Lane::Immediate, uniform}, {"data.decode", Lane::Short, decode},
      {"data.cifar", Lane::Short, cifar},         {"data.resample", Lane::Immediate, resample},
  };
  return table;
}

}  // namespace langevin
