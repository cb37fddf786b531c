// What the kernels have for float32 only, in every instruction set this processor runs: bfloat16 products, normals; and how
// an instruction set is chosen.
#include <cmath>

#include "base/error.hpp"
#include "base/torch.hpp"
#include "kernel_numbers.hpp"
#include "kernels/tile_choice.hpp"

namespace langevin::tile_float_kernels_test {
namespace {

using test::numbers;

struct Shape {
  std::int64_t rows, cols, depth;
};

}  // namespace

TEST(bfloat16_products_round_their_factors_and_nothing_else) {
  const auto rounded = [](float x) { return at::tensor(x).to(at::kBFloat16).to(at::kDouble).item<double>(); };
  for (const TileKernels* k : runnableTileKernels())
    for (const Shape& s : {Shape{1, 1, 1}, Shape{13, 33, 7}, Shape{12, 32, 64}, Shape{5, 130, 97}}) {
      const auto a = numbers<float>(s.rows * s.depth, 1), b = numbers<float>(s.depth * s.cols, 2);
      std::vector<float> c(static_cast<std::size_t>(s.rows * s.cols)),
          panel(static_cast<std::size_t>(s.rows * (s.depth + 1) / 2 + s.rows));
      std::vector<std::uint32_t> packed(static_cast<std::size_t>(k->packedHalfWords(s.depth, s.cols)));
      k->packHalf({b.data(), s.cols, 1}, s.depth, s.cols, packed.data());
      Product p{.rows = s.rows, .cols = s.cols, .depth = s.depth, .a = a.data(), .lda = s.depth};
      p.panel = panel.data();
      p.c = c.data();
      k->multiplyHalf(p, packed.data());
      double unrounded = 0;
      for (std::int64_t i = 0; i < s.rows; ++i)
        for (std::int64_t j = 0; j < s.cols; ++j) {
          double sum = 0, exact = 0;
          for (std::int64_t q = 0; q < s.depth; ++q) {
            const float x = a[static_cast<std::size_t>(i * s.depth + q)],
                        y = b[static_cast<std::size_t>(q * s.cols + j)];
            sum += rounded(x) * rounded(y);
            exact += static_cast<double>(x) * y;
          }
          const double got = c[static_cast<std::size_t>(i * s.cols + j)];
          CHECK_NEAR(got, sum, 1e-4);  // 97 float32 sums of numbers below 97
          unrounded = std::max(unrounded, std::abs(got - exact));
        }
      if (s.depth > 1) CHECK(unrounded > 1e-4);  // control: float32 products would not pass for bfloat16 ones
    }
}

TEST(normals_are_the_same_bits_in_every_instruction_set) {
  // Across the place where the lower word of a chain's number wraps, for rows of every remainder by four.
  for (std::int64_t cols : {1, 2, 3, 4, 7, 8, 64, 257}) {
    std::vector<float> first;
    for (const TileKernels* k : runnableTileKernels()) {
      std::vector<float> z(static_cast<std::size_t>(131 * cols));
      k->normal(z.data(), 131, cols, 0x123456789ABCDEFull, (1ull << 32) - 50, 1ull << 33, 2);
      if (first.empty()) first = z;
      CHECK(z == first);
    }
    // A row's numbers do not depend on where the call begins.
    std::vector<float> late(static_cast<std::size_t>(cols));
    tileKernels().normal(late.data(), 1, cols, 0x123456789ABCDEFull, (1ull << 32) + 3, 1ull << 33, 2);
    for (std::int64_t c = 0; c < cols; ++c)
      CHECK(late[static_cast<std::size_t>(c)] == first[static_cast<std::size_t>(53 * cols + c)]);
  }
}

TEST(an_instruction_set_is_taken_by_name_or_refused) {
  const auto& all = runnableTileKernels();
  CHECK(&chooseTileKernels("", all) == all.back());
  for (const TileKernels* k : all) CHECK(&chooseTileKernels(k->name, all) == k);
  const std::vector<const TileKernels*> lowest{all.front()};  // a processor that has nothing better
  const auto refusal = [&](const std::string& wish) {
    try {
      chooseTileKernels(wish, lowest);
    } catch (const langevin::Error& error) {
      return std::string(codeName(error.code)) + " " + error.what();
    }
    return std::string();
  };
  CHECK(refusal("avx512").rfind("ERR_LANGEVIN_UNSUPPORTED LANGEVIN_ISA=avx512: ", 0) == 0);
  CHECK(refusal("avx512").find("use one of default, or unset") != std::string::npos);
  CHECK(refusal("sse9").rfind("ERR_LANGEVIN_INVALID_OPTION LANGEVIN_ISA: unknown instruction set 'sse9'", 0) == 0);
  CHECK(refusal("sse9").find("default, avx2, avx512, avx512_bf16") != std::string::npos);
}

}  // namespace langevin::tile_float_kernels_test
