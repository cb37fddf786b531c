#include "samplers/fused.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "samplers/moves.hpp"

namespace langevin {

void Block::evaluate(const float* at, float* energies, float* gradients) const {
  thread_local TileWorkspace workspace;
  TileInput in = condition_;
  in.x = at;
  in.rows = rows;
  energy_->tiles()->energyAndGradient(*packed_, in, workspace, energies, gradients, options_->precision);
}

void Block::energies(const float* at, float* out) const {
  thread_local TileWorkspace workspace;
  TileInput in = condition_;
  in.x = at;
  in.rows = rows;
  energy_->tiles()->forward(*packed_, in, workspace, out, nullptr);
}

const float* Block::clip(const float* gradients, float* target, std::int64_t* clipped) const {
  const double limit = options_->clip;
  if (limit <= 0) return gradients;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* g = gradients + r * cols;
    float* out = target + r * cols;
    double square = 0;
    for (std::int64_t c = 0; c < cols; ++c) square += static_cast<double>(g[c]) * g[c];
    const double norm = std::sqrt(square);
    const float factor = norm > limit ? static_cast<float>(limit / norm) : 1.0f;
    if (norm > limit && clipped) ++*clipped;
    for (std::int64_t c = 0; c < cols; ++c) out[c] = g[c] * factor;
  }
  return target;
}

void Block::applyBox(float* at, Tally& tally, float* velocities) const {
  if (!options_->box) return;
  const double low = options_->box->low, high = options_->box->high, width = high - low;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!outside(at + r * cols)) continue;
    ++tally.clamped;
    for (std::int64_t i = r * cols; i < (r + 1) * cols; ++i) {
      float& v = at[i];
      if (!(v < low || v > high)) continue;
      if (!options_->box->reflect) {
        v = std::isfinite(v) ? static_cast<float>(std::clamp(static_cast<double>(v), low, high)) : std::nanf("");
        if (velocities) velocities[i] = 0;
        continue;
      }
      double phase = std::fmod(v - low, 2 * width);  // of an infinite position: NaN, for the finite check to see
      if (phase < 0) phase += 2 * width;
      v = static_cast<float>(std::clamp((phase > width ? 2 * width - phase : phase) + low, low, high));
      if (velocities && phase > width) velocities[i] = -velocities[i];
    }
  }
}

bool Block::outside(const float* row) const {
  if (!options_->box) return false;
  const double low = options_->box->low, high = options_->box->high;
  bool found = false;
  for (std::int64_t c = 0; c < cols; ++c) found |= row[c] < low || row[c] > high;
  return found;
}

void Block::normal(float* out, const StepClock& clock, const Random& random, Stream stream) const {
  kernels_->normal(out, rows, cols, random.seed(), firstChain_, clock.counter, static_cast<std::uint32_t>(stream));
}

void Block::uniform(float* out, const StepClock& clock, const Random& random, Stream stream) const {
  fillUniform(out, rows, 1, random.seed(), firstChain_, clock.counter, stream);
}

void Block::requireFinite(const float* values, std::int64_t width, const char* what, std::uint64_t counter) const {
  std::uint32_t bad = 0;  // integer compare: vectorises, where a floating-point reduction would not
  for (std::int64_t i = 0; i < rows * width; ++i)
    bad |= static_cast<std::uint32_t>((__builtin_bit_cast(std::uint32_t, values[i]) & 0x7F800000u) == 0x7F800000u);
  if (!bad) return;
  for (std::int64_t i = 0; i < rows * width; ++i)
    if (!std::isfinite(values[i]))
      chainNotFinite(firstChain_ + static_cast<std::uint64_t>(i / width), what, false, counter);
}

/// Cuts a tile into blocks and runs all steps of each.
class FusedExecutor final : public TileExecutor {
 public:
  FusedExecutor(const Sampler& sampler, const Energy& energy, std::unique_ptr<const FusedKernel> kernel)
      : sampler_(sampler),
        energy_(energy),
        kernel_(std::move(kernel)),
        packed_(energy.packed(sampler.common().precision)),
        scratch_(kernel_->scratch()) {}

  const char* name() const override { return "fused"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    runBlocks(tile, clock, count, random, tally, pulse, nullptr);
  }
  void runWatched(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally, Pulse& pulse,
                  StepSink& sink) const override {
    runBlocks(tile, clock, count, random, tally, pulse, &sink);
  }

 private:
  void runBlocks(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally, Pulse& pulse,
                 StepSink* sink) const {
    at::NoGradGuard guard;
    const bool fresh = !tile.started;
    startTile(sampler_, energy_, tile, random, clock.counter);
    // Chains' tensors are replaced, never written into: x may be a view of the caller's buffer.
    for (at::Tensor Chains::*part :
         {&Chains::x, &Chains::energy, &Chains::gradient, &Chains::velocity, &Chains::adaptation})
      if ((tile.*part).defined()) tile.*part = (tile.*part).clone(at::MemoryFormat::Contiguous);
    const at::Tensor y = tile.y.defined() ? tile.y.contiguous() : tile.y;
    const std::int64_t most = energy_.tiles()->preferredRows();
    for (std::int64_t first = 0; first < tile.size(); first += most) {
      const Block block = blockOf(tile, y, first, std::min(most, tile.size() - first));
      // A chain's first gradient is computed like all others: a run continues the same after a stop.
      if (fresh && block.half()) kernel_->gradientOnly() ? block.evaluateGradient() : block.evaluate();
      runBlock(block, clock, count, random, tally, pulse, sink, first);
    }
    if (clock.positionsOnly && kernel_->gradientOnly() && clock.t + count == clock.total && clock.total > 1)
      tile.restart();
  }

  void runBlock(const Block& block, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
                Pulse& pulse, StepSink* sink, std::int64_t first) const {
    // A position that is not finite nearly always shows in its energy at once, and never heals; it is looked for now
    // and then, and at the end.
    constexpr std::int64_t kStride = 32;
    const bool gradientOnly = kernel_->gradientOnly();
    std::int64_t wanted = sink ? sink->next(clock.t) : -1;
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(block.rows);
      kernel_->step(block, clock, random, tally);
      tally.steps += block.rows;
      if (gradientOnly && block.half())
        block.requireFinite(block.gradient, block.cols, "the gradient of its energy", clock.counter);
      else if (!(gradientOnly && clock.skipsEvaluation()))
        block.requireFinite(block.energy, 1, "its energy", clock.counter);
      if (i + 1 == count || (i + 1) % kStride == 0)
        block.requireFinite(block.x, block.cols, "its position", clock.counter);
      if (clock.t == wanted) {
        // What is seen is finite, as at the end of a run, and has its energy.
        block.requireFinite(block.x, block.cols, "its position", clock.counter);
        if (gradientOnly && block.half()) block.energies(block.x, block.energy);
        sink->take(wanted, {first, block.rows, block.cols, block.x, block.energy});
        wanted = sink->next(clock.t + 1);
      }
      ++clock.t;
      ++clock.counter;
    }
    if (gradientOnly && block.half() && !clock.positionsOnly) block.energies(block.x, block.energy);
  }

  Block blockOf(const Chains& tile, const at::Tensor& y, std::int64_t first, std::int64_t rows) const {
    Block b;
    b.rows = rows;
    b.cols = tile.x.size(1);
    b.x = tile.x.data_ptr<float>() + first * b.cols;
    b.energy = tile.energy.data_ptr<float>() + first;
    b.gradient = tile.gradient.data_ptr<float>() + first * b.cols;
    if (tile.velocity.defined()) b.velocity = tile.velocity.data_ptr<float>() + first * b.cols;
    if (tile.adaptation.defined()) b.adaptation = tile.adaptation.data_ptr<double>() + first * tile.adaptation.size(1);
    b.energy_ = &energy_;
    b.packed_ = packed_.get();
    b.kernels_ = &tileKernels();
    b.options_ = &sampler_.common();
    b.firstChain_ = tile.firstChain + static_cast<std::uint64_t>(first);
    if (y.defined() && y.scalar_type() == at::kLong) b.condition_.labels = y.data_ptr<std::int64_t>() + first;
    if (y.defined() && y.scalar_type() != at::kLong) b.condition_.y = y.data_ptr<float>() + first * y.size(1);
    reserve(b);
    return b;
  }

  // Scratch of this thread, every matrix on a cache line of its own.
  void reserve(Block& b) const {
    constexpr std::int64_t kLine = 16;  // floats
    const auto padded = [](std::int64_t n) { return (n + kLine - 1) / kLine * kLine; };
    b.matrixStride_ = padded(b.size());
    const std::int64_t matrices = scratch_.matrices * b.matrixStride_, columns = padded(scratch_.columns * b.rows);
    thread_local std::vector<float> memory;
    const auto floats = static_cast<std::size_t>(matrices + columns + 2 * scratch_.sums * b.rows + kLine);
    if (memory.size() < floats) memory.resize(floats);
    const auto misaligned = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(memory.data()) / 4) % kLine;
    b.matrices_ = memory.data() + (kLine - misaligned) % kLine;
    b.columns_ = b.matrices_ + matrices;
    b.sums_ = reinterpret_cast<double*>(b.columns_ + columns);
  }

  const Sampler& sampler_;
  const Energy& energy_;
  std::unique_ptr<const FusedKernel> kernel_;
  std::shared_ptr<const TileProgram::Packed> packed_;
  FusedKernel::Scratch scratch_;
};

std::unique_ptr<TileExecutor> fuse(const Sampler& sampler, const Energy& energy,
                                   std::unique_ptr<const FusedKernel> kernel) {
  if (!energy.tiles()) return nullptr;
  return std::make_unique<FusedExecutor>(sampler, energy, std::move(kernel));
}

}  // namespace langevin
