// Every elementwise function of the kernels over all of float32 against double precision: each power of two with some
// numbers between, zeros, infinities and NaN, in every instruction set that runs here and in the CUDA kernel's source.
#include <cmath>
#include <cstdint>
#include <limits>

#include "check.hpp"
#include "executors/cuda/functions.hpp"
#include "gradients/score_chain.hpp"
#include "kernels/jet_kernels.hpp"
#include "training_support.hpp"

namespace langevin::float_range_test {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max(), kInfinity = std::numeric_limits<float>::infinity();

// The last five are minus the largest number, +-inf, NaN and the largest.
std::vector<float> everySize() {
  std::vector<float> x{0.0f, -0.0f, 1.7e9f, -88.5f, 87.5f};
  for (int exponent = -149; exponent <= 127; ++exponent)
    for (const double mantissa : {1.0, 1.2345678, 1.5, 1.7654321, 1.9999998})
      for (const double sign : {1.0, -1.0}) x.push_back(static_cast<float>(sign * std::ldexp(mantissa, exponent)));
  for (float v : {-kLargest, kInfinity, -kInfinity, std::nanf(""), kLargest}) x.push_back(v);
  return x;
}

struct Row {
  Unary f;
  float argument;
  at::Tensor (*at)(const at::Tensor& x, double argument);
};

const std::vector<Row>& rows() {
  using T = const at::Tensor&;
  static const std::vector<Row> table = {
      {Unary::Silu, 0, [](T x, double) { return at::silu(x); }},
      {Unary::Gelu, 0, [](T x, double) { return x * at::special_ndtr(x); }},
      {Unary::Tanh, 0, [](T x, double) { return x.tanh(); }},
      {Unary::Sigmoid, 0, [](T x, double) { return x.sigmoid(); }},
      {Unary::Softplus, 0, [](T x, double) { return at::softplus(x); }},
      {Unary::Relu, 0, [](T x, double) { return x.relu(); }},
      {Unary::LeakyRelu, 0.01f, [](T x, double a) { return at::leaky_relu(x, a); }},
      {Unary::Exp, 0, [](T x, double) { return x.exp(); }},
      {Unary::Log, 0, [](T x, double) { return x.log(); }},
      {Unary::Sqrt, 0, [](T x, double) { return x.sqrt(); }},
      {Unary::Square, 0, [](T x, double) { return x * x; }},
      {Unary::Sin, 0, [](T x, double) { return x.sin(); }},
      {Unary::Cos, 0, [](T x, double) { return x.cos(); }},
      {Unary::Abs, 0, [](T x, double) { return x.abs(); }},
      {Unary::Pow, 2, [](T x, double a) { return x.pow(a); }},
      {Unary::Pow, 2.5, [](T x, double a) { return x.pow(a); }},
      {Unary::Pow, -1, [](T x, double a) { return x.pow(a); }},
      {Unary::Pow, 3, [](T x, double a) { return x.pow(a); }},
      {Unary::Pow, 0, [](T x, double a) { return x.pow(a); }},
  };
  return table;
}

// f and its first `count` derivatives in double precision.
std::vector<std::vector<double>> exact(const Row& row, const std::vector<float>& numbers, int count) {
  at::AutoGradMode enable(true);
  const at::Tensor x = at::tensor(numbers).to(at::kDouble).requires_grad_(true);
  at::Tensor y = row.at(x, row.argument);
  std::vector<std::vector<double>> result;
  for (int i = 0; i <= count; ++i) {
    const at::Tensor dense = y.detach() + at::zeros_like(x.detach());  // autograd's zeros may have no memory
    result.emplace_back(dense.data_ptr<double>(), dense.data_ptr<double>() + dense.numel());
    if (i == count) break;
    if (y.requires_grad())
      y = torch::autograd::grad({y.sum()}, {x}, {}, true, true, true)[0];
    else
      y = at::Tensor();
    if (!y.defined()) y = at::zeros_like(x);
  }
  return result;
}

// As near as a few roundings of float32 come, and gelu's Phi, which is good to 1.5e-7.
bool near(double got, double want, double tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  const double rounded = std::abs(want) > kLargest ? std::copysign(INFINITY, want) : want;
  if (std::isinf(rounded)) return got == rounded;
  return std::abs(got - want) <= tolerance * std::max(1.0, std::abs(want));
}

// At an infinity a function may be its limit where the formula in double precision gives no number. What the
// derivative at NaN is nobody asks: the value is NaN.
void compare(const std::string& what, const std::vector<float>& x, const std::vector<float>& got,
             const std::vector<double>& want, double tolerance, bool derivative) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if ((derivative && std::isnan(x[i])) || near(got[i], want[i], tolerance)) continue;
    const std::size_t edge = x[i] > 0 ? x.size() - 1 : x.size() - 5;  // +-kLargest
    if (std::isinf(x[i]) && std::isnan(want[i]) && near(got[i], want[edge], tolerance)) continue;
    std::ostringstream text;
    text.precision(9);
    text << what << " of " << x[i] << " is " << got[i] << ", in double precision " << want[i];
    test::fail(__FILE__, __LINE__, text.str());
  }
}

std::string nameOf(const char* kernels, const Row& row, const char* what) {
  return std::string(kernels) + ": " + what + " of function " + std::to_string(static_cast<int>(row.f)) + " (" +
         std::to_string(row.argument) + ")";
}

}  // namespace

TEST(values_and_slopes) {
  const std::vector<float> x = everySize();
  const auto n = static_cast<std::int64_t>(x.size());
  for (const Row& row : rows()) {
    const auto want = exact(row, x, 1);
    for (const TileKernels* k : runnableTileKernels()) {
      std::vector<float> y(x.size()), d(x.size());
      k->unary({row.f, row.argument}, x.data(), y.data(), d.data(), n);
      compare(nameOf(k->name, row, "value"), x, y, want[0], 6e-7, false);
      compare(nameOf(k->name, row, "slope"), x, d, want[1], 6e-7, true);
    }
  }
}

TEST(values_behind_a_product) {
  // A layer applies its activation on the way to memory: 1,000 rows of one input and the weight 1 in 40 columns.
  std::vector<float> x = everySize();
  x[1] = 0;  // a sum is no -0
  const auto n = static_cast<std::int64_t>(x.size());
  for (const Row& row : rows()) {
    const auto want = exact(row, x, 1);
    for (const TileKernels* k : runnableTileKernels()) {
      const std::vector<float> ones(40, 1.0f);
      std::vector<float> packed(static_cast<std::size_t>(k->packedFloats(1, 40))), y(x.size() * 40), d(x.size() * 40);
      k->pack({ones.data(), 40, 1}, 1, 40, packed.data());
      const Activation activation{row.f, row.argument};
      Product p{.rows = n, .cols = 40, .depth = 1, .a = x.data(), .lda = 1};
      p.packed = packed.data();
      p.c = y.data();
      p.activation = &activation;
      p.slope = d.data();
      k->multiply(p);
      for (const std::size_t column : {std::size_t{0}, std::size_t{39}}) {
        std::vector<float> value(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) value[i] = y[i * 40 + column];
        compare(nameOf(k->name, row, "value behind a product"), x, value, want[0], 6e-7, false);
      }
    }
  }
}

TEST(second_derivatives) {
  const std::vector<float> x = everySize();
  const std::vector<float> zeros(x.size()), ones(x.size(), 1.0f);
  int found = 0;
  for (const Row& row : rows()) {
    const auto want = exact(row, x, 2);
    for (const TileKernels* k : runnableTileKernels()) {
      std::vector<float> out(x.size());
      const Bend bend{x.data(), zeros.data(), ones.data(), nullptr, zeros.data(), out.data(), false};
      if (!k->bend({row.f, row.argument}, bend, static_cast<std::int64_t>(x.size()))) continue;
      compare(nameOf(k->name, row, "second derivative"), x, out, want[2], 2e-6, true);
      ++found;
    }
  }
  CHECK(found >= 8);
}

TEST(three_derivatives_of_a_chain) {
  const std::vector<float> x = everySize();
  for (const Row& row : rows()) {
    if (row.f > Unary::Softplus) continue;
    const auto want = exact(row, x, 3);
    for (const JetKernels* k : runnableJetKernels()) {
      std::vector<float> sums = x, value(x.size()), d1(x.size()), d2(x.size()), d3(x.size());
      JetLayer layer{.rows = 1, .width = static_cast<std::int64_t>(x.size()), .directions = 0};
      layer.sums = sums.data(), layer.slope = d1.data(), layer.second = d2.data(), layer.third = d3.data();
      CHECK(k->values(row.f, layer, value.data(), nullptr));
      for (std::size_t i = 0; const auto* got : {&value, &d1, &d2, &d3}) {
        compare(nameOf(k->name, row, "derivative of a jet"), x, *got, want[i], 3e-6, i > 0);
        ++i;
      }
    }
  }
}

// The twin of the jets: score and curvature of f(w x) for a w of any size.
TEST(chains_on_tensors) {
  for (const char* activation : {"silu", "gelu", "tanh", "sigmoid", "softplus"}) {
    const EnergyRef energy =
        test::energyFrom({{"kind", "mlp"}, {"input", 1}, {"hidden", List{1}}, {"activation", activation}}, at::kFloat);
    const auto chain = ScoreChain::compile(energy->program());
    CHECK(chain != nullptr);
    const std::vector<at::Tensor> parameters{at::ones({1, 1}), at::zeros({1}), at::ones({1, 1}), at::zeros({1})};
    for (const float x : {1e10f, 1e19f, 3e38f}) {
      ScoreChain::Record record;
      const at::Tensor two = chain->evaluate(parameters, at::tensor({x, -x}).view({2, 1}), at::ones({2, 1, 1}), record);
      // f' is 0 or 1 far out, f'' and f''' are 0; the score is -f'.
      for (std::int64_t r : {0, 1}) {
        const double slope = -two[r][0].item<double>();
        CHECK(slope == 0.0 || slope == 1.0);
        CHECK(two[r][1].item<double>() == 0.0);
        CHECK(record.third[0][r].item<double>() == 0.0);
      }
    }
  }
}

TEST(the_cuda_kernels_functions) {
  const std::vector<float> x = everySize();
  for (const Row& row : rows()) {
    const auto want = exact(row, x, 1);
    std::vector<float> y, d;
    for (float v : x) {
      const cuda::Pair p = cuda::activation(row.f, row.argument, v);
      y.push_back(p.y);
      d.push_back(p.d);
    }
    compare(nameOf("CUDA", row, "value"), x, y, want[0], 1e-6, false);
    compare(nameOf("CUDA", row, "slope"), x, d, want[1], 2e-6, true);
  }
}

TEST(a_wrong_function_would_be_seen) {
  CHECK(!near(-1.7e9, 0.9992, 6e-7) && !near(2.6, 1.0, 6e-7) && !near(NAN, 0.0, 6e-7) && !near(0.0, NAN, 6e-7));
  CHECK(near(kInfinity, 1e39, 6e-7) && !near(kLargest, 1e39, 6e-7));
}

}  // namespace langevin::float_range_test
