#include "tensors/random.hpp"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <vector>

#include "kernels/tile_kernels.hpp"
#include "tensors/device_random.hpp"

namespace langevin {

void fillBits(std::uint32_t* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
              std::uint64_t step, Stream stream) {
  tileKernels().words(out, rows, cols, seed, firstRow, step, static_cast<std::uint32_t>(stream));
}

void fillUniform(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                 std::uint64_t step, Stream stream) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(rows * cols));
  fillBits(words.data(), rows, cols, seed, firstRow, step, stream);
  // The upper 24 bits, in the middle of their cell: never 0; the highest cell is rounded to 1.
  for (std::size_t i = 0; i < words.size(); ++i)
    out[i] = (static_cast<float>(static_cast<std::int32_t>(words[i] >> 8)) + 0.5f) * 0x1p-24f;
}

void fillNormal(float* out, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t firstRow,
                std::uint64_t step, Stream stream) {
  tileKernels().normal(out, rows, cols, seed, firstRow, step, static_cast<std::uint32_t>(stream));
}

namespace {
using Filler = void (*)(float*, std::int64_t, std::int64_t, std::uint64_t, std::uint64_t, std::uint64_t, Stream);

at::Tensor filled(Filler filler, std::uint64_t seed, std::int64_t rows, std::int64_t cols, std::uint64_t step,
                  Stream stream, at::TensorOptions options, std::uint64_t firstRow) {
  if (options.device().is_cuda()) {
    at::Tensor out = at::empty({rows, cols}, options.dtype(at::kFloat));
    if (cuda::fillOnDevice(out, filler == fillNormal, seed, firstRow, step, stream))
      return out.to(c10::typeMetaToScalarType(options.dtype()));
  }
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

namespace {

struct SaltRange {
  Salt first;
  std::uint64_t parts = 1;
};

consteval bool apart(std::initializer_list<SaltRange> siblings) {
  for (const SaltRange& a : siblings)
    for (const SaltRange& b : siblings) {
      const auto first = static_cast<std::uint64_t>(a.first), other = static_cast<std::uint64_t>(b.first);
      if (&a != &b && first <= other && other < first + a.parts) return false;
    }
  return true;
}

constexpr std::uint64_t kFew = 256;  // records, lots, levels, replicas of one run: far fewer

// Forks of a training step's generator. Record and NoiseEstimate meet in value and not in streams (random.hpp).
static_assert(apart({{Salt::Record, kFew},
                     {Salt::Role, kFew},
                     {Salt::Probe},
                     {Salt::Buffer},
                     {Salt::Starts},
                     {Salt::AnnealedRestarts, kFew},
                     {Salt::PilotLadder},
                     {Salt::Swaps},
                     {Salt::Replica, kFew},
                     {Salt::BlockKernel, kFew}}));
// Of a sampling run's.
static_assert(apart({{Salt::TreeUniforms, kFew},
                     {Salt::MixedStart},
                     {Salt::PilotLadder},
                     {Salt::Swaps},
                     {Salt::Replica, kFew},
                     {Salt::BlockKernel, kFew}}));
// Of an estimate's of log Z.
static_assert(apart({{Salt::ProposalFit}, {Salt::AnnealingPilot}, {Salt::AnnealingReverse}}));
// Of a buffer's.
static_assert(apart({{Salt::BufferFill}, {Salt::Reservoir}, {Salt::ClassCounts}, {Salt::ClassSlots, 1 << 20}}));

}  // namespace

Random Random::fork(Salt salt, std::uint64_t part) const {
  // splitmix64
  std::uint64_t z = seed_ + 0x9E3779B97F4A7C15ull * (static_cast<std::uint64_t>(salt) + part + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return Random(z ^ (z >> 31));
}

}  // namespace langevin
