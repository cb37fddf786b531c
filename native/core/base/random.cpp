#include "base/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

namespace langevin {
namespace {

constexpr std::uint32_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u, kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
constexpr int kLanes = 64;  // blocks per vector pass; the inner loops over them auto-vectorise

struct Key {
  std::uint32_t k0, k1;
};

// kLanes Philox blocks at once. w0..w3 hold the counters on entry and the random words on return.
inline void philox(std::uint32_t* w0, std::uint32_t* w1, std::uint32_t* w2, std::uint32_t* w3, Key key) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t p0 = static_cast<std::uint64_t>(kMul0) * w0[i];
      const std::uint64_t p1 = static_cast<std::uint64_t>(kMul1) * w2[i];
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ w1[i] ^ key.k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ w3[i] ^ key.k1;
      w1[i] = static_cast<std::uint32_t>(p1);
      w3[i] = static_cast<std::uint32_t>(p0);
      w0[i] = n0;
      w2[i] = n2;
    }
    key.k0 += kWeyl0;
    key.k1 += kWeyl1;
  }
}

inline float toUniform(std::uint32_t word) { return (static_cast<float>(word >> 8) + 0.5f) * 0x1p-24f; }

// ln(u) for u in (0, 1], about 1 ulp. Own code, without fused multiply-adds, so that the same counter gives the same
// normal in every vector width and on every machine.
inline float logUnit(float u) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(u);
  const std::uint32_t shifted = bits - 0x3F3504F3u;  // sqrt(1/2): mantissa ends in [sqrt(1/2), sqrt(2))
  const std::int32_t exponent = static_cast<std::int32_t>(shifted) >> 23;
  const float m = std::bit_cast<float>((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  const float f = m - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float w = z * z;
  const float r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const float h = 0.5f * f * f;
  const float k = static_cast<float>(exponent);
  return k * 0.693138063f - ((h - (s * (h + r) + k * 9.05800061e-6f)) - f);
}

// cos and sin of 2 pi v, v in (0, 1]: reduce to the nearest quarter turn, then two short polynomials.
inline void turn(float v, float& c, float& s) {
  const float t = v * 4.0f;
  const float q = std::floor(t + 0.5f);
  const float a = (t - q) * 1.57079632679f;
  const float z = a * a;
  const float sine = a + a * z * (-0.16666654611f + z * (0.0083321608736f + z * -0.00019515295891f));
  const float cosine = 1.0f - 0.5f * z + z * z * (0.041666645683f + z * (-0.001388731625f + z * 0.000024433157118f));
  const int quarter = static_cast<int>(q) & 3;
  const float x = (quarter & 1) ? sine : cosine;
  const float y = (quarter & 1) ? cosine : sine;
  c = (quarter == 1 || quarter == 2) ? -x : x;
  s = (quarter >= 2) ? -y : y;
}

// Visits blocks (row, block) in order, kLanes at a time. emit(lane, row, block, words[4] by lane).
template <class Emit>
void visitBlocks(std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow, std::uint64_t step,
                 Stream stream, Emit emit) {
  const std::int64_t blocks = (cols + 3) / 4, total = rows * blocks;
  const Key key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  alignas(64) std::uint32_t w[4][kLanes];
  std::int64_t row = 0, block = 0;
  for (std::int64_t base = 0; base < total; base += kLanes) {
    const int lanes = static_cast<int>(std::min<std::int64_t>(kLanes, total - base));
    const std::int64_t startRow = row, startBlock = block;
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t chain = firstRow + static_cast<std::uint64_t>(row);
      w[0][i] = static_cast<std::uint32_t>(block);
      w[1][i] = static_cast<std::uint32_t>(chain);
      w[2][i] = static_cast<std::uint32_t>(step);
      w[3][i] = (static_cast<std::uint32_t>(stream) << 24) | ((static_cast<std::uint32_t>(chain >> 32) & 0xFFu) << 16) |
                (static_cast<std::uint32_t>(step >> 32) & 0xFFFFu);
      if (++block == blocks) {
        block = 0;
        ++row;
      }
    }
    philox(w[0], w[1], w[2], w[3], key);
    emit(w, lanes, startRow, startBlock);
    row = (base + lanes) / blocks;
    block = (base + lanes) % blocks;
  }
}

template <class T, class Map4>
void fill(T* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow, std::uint64_t step,
          Stream stream, Map4 map) {
  const std::int64_t blocks = (cols + 3) / 4;
  alignas(64) T v[4][kLanes];
  visitBlocks(rows, cols, seed, firstRow, step, stream,
              [&](const std::uint32_t(&w)[4][kLanes], int lanes, std::int64_t row, std::int64_t block) {
                map(w, v);
                for (int i = 0; i < lanes; ++i) {
                  T* target = out + row * cols + block * 4;
                  const int width = static_cast<int>(std::min<std::int64_t>(4, cols - block * 4));
                  for (int j = 0; j < width; ++j) target[j] = v[j][i];
                  if (++block == blocks) {
                    block = 0;
                    ++row;
                  }
                }
              });
}

}  // namespace

void fillBits(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
              std::uint64_t step, Stream stream) {
  fill(out, rows, cols, seed, firstRow, step, stream, [](const auto& w, auto& v) {
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < kLanes; ++i) v[j][i] = w[j][i];
  });
}

void fillUniform(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                 std::uint64_t step, Stream stream) {
  fill(out, rows, cols, seed, firstRow, step, stream, [](const auto& w, auto& v) {
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < kLanes; ++i) v[j][i] = toUniform(w[j][i]);
  });
}

void fillNormal(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                std::uint64_t step, Stream stream) {
  fill(out, rows, cols, seed, firstRow, step, stream, [](const auto& w, auto& v) {
    for (int pair = 0; pair < 4; pair += 2)
      for (int i = 0; i < kLanes; ++i) {
        const float radius = std::sqrt(-2.0f * logUnit(toUniform(w[pair][i])));
        float c, s;
        turn(toUniform(w[pair + 1][i]), c, s);
        v[pair][i] = radius * c;
        v[pair + 1][i] = radius * s;
      }
  });
}

namespace {
using Filler = void (*)(float*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, std::uint64_t, Stream);

at::Tensor filled(Filler filler, std::uint64_t seed, std::int64_t rows, std::int64_t cols, std::uint64_t step,
                  Stream stream, at::TensorOptions options, std::uint64_t firstRow) {
  at::Tensor host = at::empty({rows, cols}, at::kFloat);
  filler(host.data_ptr<float>(), rows, cols, seed, firstRow, step, stream);
  return host.to(options.device(), c10::typeMetaToScalarType(options.dtype()));
}
}  // namespace

at::Tensor Random::normal(std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                          at::TensorOptions options, std::uint64_t firstRow) const {
  return filled(fillNormal, seed_, rows, cols, step, stream, options, firstRow);
}

at::Tensor Random::uniform(std::int64_t rows, std::int64_t cols, std::uint64_t step, Stream stream,
                           at::TensorOptions options, std::uint64_t firstRow) const {
  return filled(fillUniform, seed_, rows, cols, step, stream, options, firstRow);
}

at::Tensor Random::index(std::int64_t count, std::int64_t range, std::uint64_t step, Stream stream) const {
  at::Tensor result = at::empty({count}, at::kLong);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(count) * 2);
  fillBits(words.data(), count, 2, seed_, 0, step, stream);
  auto* out = result.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t wide = (static_cast<std::uint64_t>(words[2 * i]) << 32) | words[2 * i + 1];
    out[i] =
        static_cast<std::int64_t>((static_cast<unsigned __int128>(wide) * static_cast<std::uint64_t>(range)) >> 64);
  }
  return result;
}

at::Tensor Random::permutation(std::int64_t n, std::uint64_t step, Stream stream) const {
  at::Tensor result = at::empty({n}, at::kLong);
  auto* p = result.data_ptr<std::int64_t>();
  std::iota(p, p + n, std::int64_t{0});
  std::vector<std::uint32_t> words(static_cast<std::size_t>(n) * 2);
  fillBits(words.data(), n, 2, seed_, 0, step, stream);
  for (std::int64_t i = n - 1; i > 0; --i) {
    const std::uint64_t wide = (static_cast<std::uint64_t>(words[2 * i]) << 32) | words[2 * i + 1];
    const auto j =
        static_cast<std::int64_t>((static_cast<unsigned __int128>(wide) * static_cast<std::uint64_t>(i + 1)) >> 64);
    std::swap(p[i], p[j]);
  }
  return result;
}

Random Random::fork(std::uint64_t salt) const {
  std::uint64_t z = seed_ + 0x9E3779B97F4A7C15ull * (salt + 1);  // splitmix64
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return Random(z ^ (z >> 31));
}

}  // namespace langevin
