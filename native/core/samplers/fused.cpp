#include "samplers/fused.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cuda/executor.hpp"
#include "samplers/moves.hpp"

namespace langevin {
namespace {

// A block of chains and what a step needs of it.
struct Block {
  std::int64_t rows, cols;
  std::uint64_t firstChain;
  float *x, *energy, *gradient;              // the state
  float *nextX, *nextEnergy, *nextGradient;  // where the step leads
  float* noise;
  float *drift, *nextDrift;  // clipped gradients; the gradients themselves where no clip is set
  const TileInput* condition;
};

bool notFiniteAny(const float* p, std::int64_t n) {
  std::uint32_t bad = 0;
  for (std::int64_t i = 0; i < n; ++i)
    bad |= static_cast<std::uint32_t>((__builtin_bit_cast(std::uint32_t, p[i]) & 0x7F800000u) == 0x7F800000u);
  return bad != 0;
}

class FusedExecutor final : public TileExecutor {
 public:
  FusedExecutor(FusedLangevin plan, const Energy& energy)
      : plan_(std::move(plan)), energy_(energy), packed_(energy.packed()), kernels_(tileKernels()) {}

  const char* name() const override { return "fused"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    const std::int64_t n = tile.size(), d = tile.x.size(1);
    const bool fresh = !tile.gradient.defined();
    // Chains' tensors are replaced, never written into: x may be a view of somebody's buffer.
    at::Tensor x = tile.x.clone(at::MemoryFormat::Contiguous);
    at::Tensor energy = fresh ? at::empty({n}, x.options()) : tile.energy.clone(at::MemoryFormat::Contiguous);
    at::Tensor gradient = fresh ? at::empty({n, d}, x.options()) : tile.gradient.clone(at::MemoryFormat::Contiguous);
    const at::Tensor y = tile.y.defined() ? tile.y.contiguous() : tile.y;
    const std::int64_t most = energy_.tiles()->preferredRows();
    thread_local std::vector<float> memory;
    memory.resize(static_cast<std::size_t>(most * (5 * d + 1)));
    for (std::int64_t first = 0; first < n; first += most) {
      Block b;
      b.rows = std::min(most, n - first);
      b.cols = d;
      b.firstChain = tile.firstChain + static_cast<std::uint64_t>(first);
      b.x = x.data_ptr<float>() + first * d;
      b.energy = energy.data_ptr<float>() + first;
      b.gradient = gradient.data_ptr<float>() + first * d;
      b.nextX = memory.data();
      b.nextGradient = b.nextX + b.rows * d;
      b.noise = b.nextGradient + b.rows * d;
      b.nextEnergy = b.noise + b.rows * d;
      b.drift = plan_.clip > 0 ? b.nextEnergy + b.rows : b.gradient;
      b.nextDrift = plan_.clip > 0 ? b.drift + b.rows * d : b.nextGradient;
      TileInput condition = conditionOf(y, first);
      b.condition = &condition;
      if (fresh) start(b, clock.counter);
      StepClock now = clock;
      for (std::int64_t i = 0; i < count; ++i) {
        pulse.beat(b.rows);
        step(b, now, random, tally);
        tally.steps += b.rows;
        ++now.t;
        ++now.counter;
      }
    }
    tile.x = std::move(x);
    tile.energy = std::move(energy);
    tile.gradient = std::move(gradient);
  }

 private:
  static TileInput conditionOf(const at::Tensor& y, std::int64_t first) {
    TileInput in;
    if (!y.defined()) return in;
    if (y.scalar_type() == at::kLong)
      in.labels = y.data_ptr<std::int64_t>() + first;
    else
      in.y = y.data_ptr<float>() + first * y.size(1);
    return in;
  }

  void evaluate(const Block& b, const float* x, float* energy, float* gradient) const {
    thread_local TileWorkspace workspace;
    TileInput in = *b.condition;
    in.x = x;
    in.rows = b.rows;
    energy_.tiles()->energyAndGradient(*packed_, in, workspace, energy, gradient);
  }

  void start(const Block& b, std::uint64_t counter) const {
    evaluate(b, b.x, b.energy, b.gradient);
    check(b, b.energy, 1, "its energy", true, counter);
    check(b, b.x, b.cols, "its position", true, counter);
    check(b, b.gradient, b.cols, "the gradient of its energy", true, counter);
  }

  static void check(const Block& b, const float* values, std::int64_t cols, const char* what, bool atStart,
                    std::uint64_t counter) {
    if (!notFiniteAny(values, b.rows * cols)) return;
    for (std::int64_t i = 0; i < b.rows * cols; ++i)
      if (!std::isfinite(values[i]))
        chainNotFinite(b.firstChain + static_cast<std::uint64_t>(i / cols), what, atStart, counter);
  }

  // Copies the gradient with rows above the limit shortened; a non-finite row stays non-finite.
  void clip(const Block& b, const float* gradient, float* drift, std::int64_t* clipped) const {
    if (plan_.clip <= 0) return;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float* g = gradient + r * b.cols;
      double square = 0;
      for (std::int64_t c = 0; c < b.cols; ++c) square += static_cast<double>(g[c]) * g[c];
      const double norm = std::sqrt(square);
      const float factor = norm > plan_.clip ? static_cast<float>(plan_.clip / norm) : 1.0f;
      if (norm > plan_.clip && clipped) ++*clipped;
      for (std::int64_t c = 0; c < b.cols; ++c) drift[r * b.cols + c] = g[c] * factor;
    }
  }

  void applyBounds(const Block& b, float* x, Tally& tally) const {
    const double low = plan_.box->low, high = plan_.box->high, width = high - low;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      bool touched = false;
      for (std::int64_t c = 0; c < b.cols; ++c) {
        float& v = x[r * b.cols + c];
        if (v >= low && v <= high) continue;
        touched = true;
        if (!std::isfinite(v)) {
          v = std::nanf("");  // stays visible to the finite check
        } else if (!plan_.box->reflect) {
          v = static_cast<float>(std::clamp(static_cast<double>(v), low, high));
        } else {
          double phase = std::fmod(v - low, 2 * width);
          if (phase < 0) phase += 2 * width;
          v = static_cast<float>(std::clamp((phase > width ? 2 * width - phase : phase) + low, low, high));
        }
      }
      if (touched) ++tally.clamped;
    }
  }

  bool outside(const Block& b, const float* row) const {
    for (std::int64_t c = 0; c < b.cols; ++c)
      if (row[c] < plan_.box->low || row[c] > plan_.box->high) return true;
    return false;
  }

  // log of the Metropolis-Hastings ratio of one row; see langevinLogRatio in moves.hpp.
  static double logRatio(const Block& b, std::int64_t r, double h, double temperature) {
    const std::int64_t o = r * b.cols;
    double inner = 0;
    for (std::int64_t c = o; c < o + b.cols; ++c) {
      const double change = static_cast<double>(b.nextDrift[c]) - b.drift[c];
      inner += (static_cast<double>(b.nextX[c]) - b.x[c] - h / 4 * change) *
               (static_cast<double>(b.drift[c]) + b.nextDrift[c]);
    }
    return (static_cast<double>(b.energy[r]) - b.nextEnergy[r] + 0.5 * inner) / temperature;
  }

  void step(const Block& b, const StepClock& clock, const Random& random, Tally& tally) const {
    const LangevinStep s = plan_.at(clock);
    const std::int64_t size = b.rows * b.cols;
    clip(b, b.gradient, b.drift, &tally.clipped);
    std::memcpy(b.nextX, b.x, sizeof(float) * static_cast<std::size_t>(size));
    if (s.noise > 0)
      kernels_.normal(b.noise, b.rows, b.cols, random.seed(), b.firstChain, clock.counter,
                      static_cast<std::uint32_t>(Stream::Noise));
    else
      std::fill_n(b.noise, size, 0.0f);
    kernels_.langevin(b.nextX, b.drift, b.noise, static_cast<float>(s.drift), static_cast<float>(s.noise), size);
    if (plan_.box && !plan_.adjusted) applyBounds(b, b.nextX, tally);
    evaluate(b, b.nextX, b.nextEnergy, b.nextGradient);
    if (plan_.adjusted)
      metropolis(b, s, clock, random, tally);
    else
      move(b, s, clock, tally);
  }

  void move(const Block& b, const LangevinStep& s, const StepClock& clock, Tally& tally) const {
    check(b, b.nextEnergy, 1, "its energy", false, clock.counter);
    check(b, b.nextX, b.cols, "its position", false, clock.counter);
    if (clock.monitor && s.temperature > 0) {
      clip(b, b.nextGradient, b.nextDrift, nullptr);
      for (std::int64_t r = 0; r < b.rows; ++r) {
        const double p = std::exp(std::min(0.0, logRatio(b, r, 2 * s.drift, s.temperature)));
        tally.acceptance += std::isnan(p) ? 0 : p;
        ++tally.proposals;
      }
    }
    const auto size = static_cast<std::size_t>(b.rows * b.cols);
    std::memcpy(b.x, b.nextX, sizeof(float) * size);
    std::memcpy(b.gradient, b.nextGradient, sizeof(float) * size);
    std::memcpy(b.energy, b.nextEnergy, sizeof(float) * static_cast<std::size_t>(b.rows));
  }

  void metropolis(const Block& b, const LangevinStep& s, const StepClock& clock, const Random& random,
                  Tally& tally) const {
    clip(b, b.nextGradient, b.nextDrift, nullptr);
    float* u = b.noise;  // the noise is spent
    fillUniform(u, b.rows, 1, random.seed(), b.firstChain, clock.counter, Stream::Accept);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double ratio = logRatio(b, r, 2 * s.drift, s.temperature);
      if (plan_.box && outside(b, b.nextX + r * b.cols)) {
        ++tally.clamped;
        ratio = -std::numeric_limits<double>::infinity();
      }
      if (!std::isfinite(b.nextEnergy[r])) ++tally.divergences;
      const double p = std::exp(std::min(0.0, ratio));
      tally.acceptance += std::isnan(p) ? 0 : p;
      ++tally.proposals;
      // A ratio that is not a number compares false: such a proposal is refused, never entered.
      if (!(std::log(static_cast<double>(u[r])) < ratio)) continue;
      ++tally.accepted;
      const auto width = sizeof(float) * static_cast<std::size_t>(b.cols);
      std::memcpy(b.x + r * b.cols, b.nextX + r * b.cols, width);
      std::memcpy(b.gradient + r * b.cols, b.nextGradient + r * b.cols, width);
      b.energy[r] = b.nextEnergy[r];
    }
  }

  FusedLangevin plan_;
  const Energy& energy_;
  std::shared_ptr<const TileProgram::Packed> packed_;
  const TileKernels& kernels_;
};

}  // namespace

std::unique_ptr<TileExecutor> fuseLangevin(FusedLangevin plan, const Energy& energy) {
  if (!energy.tiles()) return cuda::fuseLangevin(std::move(plan), energy);
  return std::make_unique<FusedExecutor>(std::move(plan), energy);
}

}  // namespace langevin
