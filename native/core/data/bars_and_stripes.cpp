// toys.barsAndStripes: binary pictures of size x size whose rows, or whose columns, are each black or white (MacKay
// 2003, section 43.3): orientation and every line by a fair coin. 2 (2^size - 1) pictures can occur; the all-white and
// the all-black one come twice as often as the others.
#include "data/data.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// { n, size? = 4, seed? } -> { x: float32 [n, size * size] of 0 and 1, y: int64 [n] (0 rows, 1 columns) }
Value barsAndStripes(const Spec& a, Job&) {
  const std::int64_t n = a.count("n", 1), size = a.count("size", 1, 4);
  if (size > 1024) a.at("size").invalid("must be at most 1024, got " + std::to_string(size));
  const Random random(a.has("seed") ? a.at("seed").seed() : 0);
  const at::Tensor coins = random.uniform(n, size + 1, 0, Stream::Data, at::kFloat).gt(0.5);
  const at::Tensor columns = coins.slice(1, 0, 1).unsqueeze(2);  // [n, 1, 1]
  const at::Tensor lines = coins.slice(1, 1).to(at::kFloat);
  const std::vector<std::int64_t> shape{n, size, size};
  const at::Tensor x =
      at::where(columns, lines.unsqueeze(1).expand(shape), lines.unsqueeze(2).expand(shape)).reshape({n, size * size});
  return Map{{"x", box(x.contiguous())}, {"y", box(columns.reshape({n}).to(at::kLong))}};
}

}  // namespace

const std::vector<Function>& pictureFunctions() {
  static const std::vector<Function> table = {{"toys.barsAndStripes", Lane::Immediate, barsAndStripes}};
  return table;
}

}  // namespace langevin
