#include "samplers/fused.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "samplers/moves.hpp"

namespace langevin {

namespace {

// Random numbers carry float32 resolution in every dtype: drawn as such, and as numbers T in `out`.
template <class T, class Draw>
void inFloat32(T* out, std::int64_t count, Draw draw) {
  if constexpr (std::is_same_v<T, float>) {
    draw(out);
  } else {
    thread_local std::vector<float> drawn;
    drawn.resize(static_cast<std::size_t>(count));
    draw(drawn.data());
    std::copy(drawn.begin(), drawn.end(), out);
  }
}

}  // namespace

template <class T>
TileInputOf<T> BlockOf<T>::inputAt(const T* at) const {
  TileInputOf<T> in = condition_;
  in.rows = rows;
  in.x = at;
  if (!part_) return in;
  part_->putInto(whole_, rows, at);
  in.x = whole_;
  return in;
}

template <class T>
void BlockOf<T>::evaluate(const T* at, T* energies, T* gradients) const {
  thread_local TileWorkspace workspace;
  tiles_->energyAndGradient(*packed_, inputAt(at), workspace, energies, part_ ? slopes_ : gradients,
                            options_->precision);
  if (part_) part_->take(slopes_, rows, gradients);
}

template <class T>
void BlockOf<T>::energies(const T* at, T* out) const {
  values(at, out, nullptr);
}

template <class T>
void BlockOf<T>::values(const T* at, T* energies, T* outputs) const {
  thread_local TileWorkspace workspace;
  tiles_->forward(*packed_, inputAt(at), workspace, energies, outputs);
}

template <class T>
const T* BlockOf<T>::clip(const T* gradients, T* target, std::int64_t* clipped) const {
  const double limit = options_->clip;
  if (limit <= 0) return gradients;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* g = gradients + r * cols;
    T* out = target + r * cols;
    double square = 0;
    for (std::int64_t c = 0; c < cols; ++c) square += static_cast<double>(g[c]) * g[c];
    const double norm = std::sqrt(square);
    const T factor = norm > limit ? static_cast<T>(limit / norm) : T(1);
    if (norm > limit && clipped) ++*clipped;
    for (std::int64_t c = 0; c < cols; ++c) out[c] = g[c] * factor;
  }
  return target;
}

template <class T>
void BlockOf<T>::applyBox(T* at, Tally& tally, T* velocities) const {
  if (!options_->box) return;
  const double low = options_->box->low, high = options_->box->high, width = high - low;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!outside(at + r * cols)) continue;
    ++tally.clamped;
    for (std::int64_t i = r * cols; i < (r + 1) * cols; ++i) {
      T& v = at[i];
      if (!(v < low || v > high)) continue;
      if (!options_->box->reflect) {
        v = std::isfinite(v) ? static_cast<T>(std::clamp(static_cast<double>(v), low, high))
                             : std::numeric_limits<T>::quiet_NaN();
        if (velocities) velocities[i] = 0;
        continue;
      }
      double phase = std::fmod(v - low, 2 * width);  // of an infinite position: NaN, for the finite check to see
      if (phase < 0) phase += 2 * width;
      v = static_cast<T>(std::clamp((phase > width ? 2 * width - phase : phase) + low, low, high));
      if (velocities && phase > width) velocities[i] = -velocities[i];
    }
  }
}

template <class T>
bool BlockOf<T>::outside(const T* row) const {
  if (!options_->box) return false;
  const double low = options_->box->low, high = options_->box->high;
  bool found = false;
  for (std::int64_t c = 0; c < cols; ++c) found |= row[c] < low || row[c] > high;
  return found;
}

template <class T>
void BlockOf<T>::normal(T* out, const StepClock& clock, const Random& random, Stream stream) const {
  inFloat32(out, rows * cols,
            [&](float* drawn) { fillNormal(drawn, rows, cols, random.seed(), firstChain_, clock.counter, stream); });
}

template <class T>
void BlockOf<T>::uniform(T* out, const StepClock& clock, const Random& random, Stream stream) const {
  uniform(out, 1, clock, random, stream);
}

template <class T>
void BlockOf<T>::uniform(T* out, std::int64_t columns, const StepClock& clock, const Random& random,
                         Stream stream) const {
  inFloat32(out, rows * columns, [&](float* drawn) {
    fillUniform(drawn, rows, columns, random.seed(), firstChain_, clock.counter, stream);
  });
}

template <class T>
void BlockOf<T>::take(const ProposalOf<T>& next, std::int64_t row) const {
  std::copy_n(next.x + row * cols, cols, x + row * cols);
  std::copy_n(next.gradient + row * cols, cols, gradient + row * cols);
  energy[row] = next.energy[row];
}

template <class T>
void BlockOf<T>::acceptMoves(const ProposalOf<T>& next, const double* logRatio, T* u, const StepClock& clock,
                             const Random& random, Tally& tally) const {
  uniform(u, clock, random, Stream::Accept);
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!std::isfinite(next.energy[r])) ++tally.divergences;
    tallyAcceptance(logRatio[r], tally);
    // A ratio that is not a number compares false: such a proposal is refused, never entered.
    if (!(std::log(static_cast<double>(u[r])) < logRatio[r])) continue;
    ++tally.accepted;
    take(next, r);
  }
}

template <class T>
void BlockOf<T>::requireFinite(const T* values, std::int64_t width, const char* what, std::uint64_t counter) const {
  // Integer compare: vectorises, where a floating-point reduction would not.
  using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
  constexpr Bits kExponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  Bits bad = 0;
  for (std::int64_t i = 0; i < rows * width; ++i)
    bad |= static_cast<Bits>((std::bit_cast<Bits>(values[i]) & kExponent) == kExponent);
  if (!bad) return;
  for (std::int64_t i = 0; i < rows * width; ++i)
    if (!std::isfinite(values[i]))
      chainNotFinite(firstChain_ + static_cast<std::uint64_t>(i / width), what, false, counter);
}

/// Cuts a tile into blocks and runs all steps of each.
template <class T>
class FusedExecutor final : public TileExecutor {
 public:
  FusedExecutor(const Sampler& sampler, const FuseTarget& target, std::unique_ptr<const FusedKernelOf<T>> kernel)
      : sampler_(sampler),
        energy_(target.energy),
        part_(target.part),
        kernel_(std::move(kernel)),
        packed_(energy_.packed<T>(sampler.common().precision)),
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
    if (part_ && !(tile.started && tile.held)) fail(Code::Internal, "columns of rows that nobody holds");
    startTile(sampler_, energy_, tile, random, clock.counter);
    // Chains' tensors are replaced, never written into: x may be a view of the caller's buffer.
    for (at::Tensor Chains::*part :
         {&Chains::x, &Chains::energy, &Chains::gradient, &Chains::velocity, &Chains::adaptation})
      if ((tile.*part).defined()) tile.*part = (tile.*part).clone(at::MemoryFormat::Contiguous);
    const at::Tensor& condition = part_ ? tile.held->y : tile.y;
    const at::Tensor y = condition.defined() ? condition.contiguous() : condition;
    const std::int64_t most = energy_.tiles<T>()->preferredRows(*packed_);
    for (std::int64_t first = 0; first < tile.size(); first += most) {
      const BlockOf<T> block = blockOf(tile, y, first, std::min(most, tile.size() - first));
      // A chain's first gradient is computed like all others: a run continues the same after a stop.
      if (fresh && block.half()) kernel_->gradientOnly() ? block.evaluateGradient() : block.evaluate();
      runBlock(block, clock, count, random, tally, pulse, sink, first);
    }
    if (clock.positionsOnly && kernel_->gradientOnly() && clock.t + count == clock.total && clock.total > 1)
      tile.restart();
  }

  void runBlock(const BlockOf<T>& block, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
                Pulse& pulse, StepSink* sink, std::int64_t first) const {
    // A position that is not finite nearly always shows in its energy at once, and never heals; it is looked for now
    // and then, and at the end.
    constexpr std::int64_t kStride = 32;
    const bool gradientOnly = kernel_->gradientOnly(), apart = gradientOnly && block.energiesApart();
    kernel_->begin(block);
    std::int64_t wanted = sink ? sink->next(clock.t) : -1;
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(block.rows);
      kernel_->step(block, clock, random, tally);
      tally.steps += block.rows;
      if (gradientOnly && block.half())
        block.requireFinite(block.gradient, block.cols, "the gradient of its energy", clock.counter);
      else if (!apart && !(gradientOnly && clock.skipsEvaluation()))
        block.requireFinite(block.energy, 1, "its energy", clock.counter);
      if (i + 1 == count || (i + 1) % kStride == 0)
        block.requireFinite(block.x, block.cols, "its position", clock.counter);
      if (clock.t == wanted) {
        // What is seen is finite, as at the end of a run, and has its energy.
        block.requireFinite(block.x, block.cols, "its position", clock.counter);
        if (apart) energies(block, clock);
        sink->take(wanted, viewOf(block, first));
        wanted = sink->next(clock.t + 1);
      }
      ++clock.t;
      ++clock.counter;
    }
    if (apart && !clock.positionsOnly) energies(block, clock);
  }

  static void energies(const BlockOf<T>& block, const StepClock& clock) {
    block.energies(block.x, block.energy);
    block.requireFinite(block.energy, 1, "its energy", clock.counter);
  }

  static StateView viewOf(const BlockOf<T>& block, std::int64_t first) {
    StateView view{.first = first, .rows = block.rows, .columns = block.cols};
    if constexpr (std::is_same_v<T, float>) {
      view.x32 = block.x;
      view.energy32 = block.energy;
    } else {
      view.x64 = block.x;
      view.energy64 = block.energy;
    }
    return view;
  }

  BlockOf<T> blockOf(const Chains& tile, const at::Tensor& y, std::int64_t first, std::int64_t rows) const {
    BlockOf<T> b;
    b.rows = rows;
    b.cols = tile.x.size(1);
    b.x = tile.x.data_ptr<T>() + first * b.cols;
    b.energy = tile.energy.data_ptr<T>() + first;
    if (tile.gradient.defined()) b.gradient = tile.gradient.data_ptr<T>() + first * b.cols;
    if (tile.velocity.defined()) b.velocity = tile.velocity.data_ptr<T>() + first * b.cols;
    if (tile.adaptation.defined()) b.adaptation = tile.adaptation.data_ptr<double>() + first * tile.adaptation.size(1);
    b.tiles_ = energy_.tiles<T>();
    b.packed_ = packed_.get();
    b.options_ = &sampler_.common();
    b.firstChain_ = tile.firstChain + static_cast<std::uint64_t>(first);
    if (y.defined() && y.scalar_type() == at::kLong) b.condition_.labels = y.data_ptr<std::int64_t>() + first;
    if (y.defined() && y.scalar_type() != at::kLong) b.condition_.y = y.data_ptr<T>() + first * y.size(1);
    reserve(b);
    if (part_) hold(b, tile, first);
    return b;
  }

  // The rows that a part belongs to, of this thread: what is not moved stays as it is put here.
  void hold(BlockOf<T>& b, const Chains& tile, std::int64_t first) const {
    const std::int64_t d = part_->wholeWidth();
    thread_local std::vector<T> memory;
    const auto numbers = static_cast<std::size_t>(2 * b.rows * d);
    if (memory.size() < numbers) memory.resize(numbers);
    b.part_ = part_;
    b.whole_ = memory.data();
    b.slopes_ = b.whole_ + b.rows * d;
    std::copy_n(tile.held->x.const_data_ptr<T>() + first * d, b.rows * d, b.whole_);
  }

  // Scratch of this thread, every matrix on a cache line of its own.
  void reserve(BlockOf<T>& b) const {
    constexpr std::int64_t kLine = 64 / sizeof(T);  // numbers
    constexpr std::int64_t kOfSum = sizeof(double) / sizeof(T);
    const auto padded = [](std::int64_t n) { return (n + kLine - 1) / kLine * kLine; };
    b.matrixStride_ = padded(b.size());
    const std::int64_t matrices = scratch_.matrices * b.matrixStride_, columns = padded(scratch_.columns * b.rows);
    thread_local std::vector<T> memory;
    const auto numbers = static_cast<std::size_t>(matrices + columns + kOfSum * scratch_.sums * b.rows + kLine);
    if (memory.size() < numbers) memory.resize(numbers);
    const auto misaligned =
        static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(T)) % kLine;
    b.matrices_ = memory.data() + (kLine - misaligned) % kLine;
    b.columns_ = b.matrices_ + matrices;
    b.sums_ = reinterpret_cast<double*>(b.columns_ + columns);
  }

  const Sampler& sampler_;
  const Energy& energy_;
  const ColumnPart* part_;
  std::unique_ptr<const FusedKernelOf<T>> kernel_;
  std::shared_ptr<const PackedOf<T>> packed_;
  FusedScratch scratch_;
};

template <class T>
std::unique_ptr<TileExecutor> fuseKernel(const Sampler& sampler, const FuseTarget& target,
                                         std::unique_ptr<const FusedKernelOf<T>> kernel) {
  return std::make_unique<FusedExecutor<T>>(sampler, target, std::move(kernel));
}

template class BlockOf<float>;
template class BlockOf<double>;
template std::unique_ptr<TileExecutor> fuseKernel(const Sampler&, const FuseTarget&,
                                                  std::unique_ptr<const FusedKernelOf<float>>);
template std::unique_ptr<TileExecutor> fuseKernel(const Sampler&, const FuseTarget&,
                                                  std::unique_ptr<const FusedKernelOf<double>>);

}  // namespace langevin
