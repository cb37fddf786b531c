// Samplers as one native loop: every block of chains that fits the cache runs all its steps, without a tensor in
// between. Same formulas and same random numbers as the step-by-step kernels, which stay their twins in the parity
// tests. What every kernel does with its block is here; one file per kernel holds its step (fused_<kernel>.cpp).
#pragma once

#include <cmath>
#include <functional>
#include <type_traits>

#include "energies/energy.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

/// Where a block may go next: rows with their energies and gradients.
template <class T>
struct ProposalOf {
  const T *x, *energy, *gradient;
};

/// A block of chains: contiguous rows of the state, scratch memory, and the moves every kernel shares.
template <class T>
class BlockOf {
 public:
  std::int64_t rows = 0, cols = 0;
  // The state, written in place. Energy and gradient belong to x when a step ends.
  T *x = nullptr, *energy = nullptr, *gradient = nullptr;
  T* velocity = nullptr;         // [rows, cols], kernels with momentum
  double* adaptation = nullptr;  // [rows, k], kernels that adapt

  std::int64_t size() const { return rows * cols; }
  std::uint64_t firstChain() const { return firstChain_; }          // number of row 0
  T* matrix(int i) const { return matrices_ + i * matrixStride_; }  // scratch [rows, cols]
  double* sums(int i) const { return sums_ + i * rows; }            // scratch [rows]
  T* column(int i) const { return columns_ + i * rows; }            // scratch [rows]

  /// E and dE/dx of rows at `at`, straight to where they are wanted.
  void evaluate(const T* at, T* energies, T* gradients) const;
  void evaluate() const { evaluate(x, energy, gradient); }
  /// For kernels without a test: nothing but the gradient where energies would cost passes of their own.
  void evaluateGradient() const { evaluate(x, energiesApart() ? nullptr : energy, gradient); }
  /// In bfloat16, where energies are a pass in float32, and of programs that run as loops.
  bool energiesApart() const { return half() || tiles_->loops(*packed_); }
  bool half() const { return std::is_same_v<T, float> && options_->precision == Precision::BFloat16; }
  void energies(const T* at, T* out) const;
  /// E and the outputs of a network; energies may be null.
  void values(const T* at, T* energies, T* outputs) const;
  const PackedOf<T>& packed() const { return *packed_; }
  /// `gradients` themselves where no clip is set; else a copy in `target` with rows above the limit shortened (a
  /// non-finite row stays non-finite). Counts the shortened rows where `clipped` is given.
  const T* clip(const T* gradients, T* target, std::int64_t* clipped = nullptr) const;
  /// applyBox() of moves.hpp, on rows at `at`; nothing without a box.
  void applyBox(T* at, Tally& tally, T* velocities = nullptr) const;
  bool outside(const T* row) const;
  void normal(T* out, const StepClock& clock, const Random& random, Stream stream) const;
  void uniform(T* out, const StepClock& clock, const Random& random, Stream stream) const;  // [rows]
  void uniform(T* out, std::int64_t columns, const StepClock& clock, const Random& random, Stream stream) const;
  /// Row `row` of the state becomes that of the proposal.
  void take(const ProposalOf<T>& next, std::int64_t row) const;
  /// acceptMoves() of moves.hpp: the Metropolis test of every row by the log ratios [rows]; `u` is scratch [rows].
  void acceptMoves(const ProposalOf<T>& next, const double* logRatio, T* u, const StepClock& clock,
                   const Random& random, Tally& tally) const;
  /// Code::NonFinite or Code::Diverged naming the chain.
  void requireFinite(const T* values, std::int64_t width, const char* what, std::uint64_t counter) const;

 private:
  template <class>
  friend class FusedExecutor;
  TileInputOf<T> inputAt(const T* at) const;
  const TileProgramOf<T>* tiles_ = nullptr;
  const PackedOf<T>* packed_ = nullptr;
  const CommonOptions* options_ = nullptr;
  TileInputOf<T> condition_;
  const ColumnPart* part_ = nullptr;        // which columns x is; null: all
  T *whole_ = nullptr, *slopes_ = nullptr;  // of a part: all columns, and the gradient in them, [rows, d]
  std::uint64_t firstChain_ = 0;
  T *matrices_ = nullptr, *columns_ = nullptr;
  double* sums_ = nullptr;
  std::int64_t matrixStride_ = 0;
};

/// Adds min(1, exp(logRatio)) to the tally and returns it; a ratio that is not a number counts as 0. tallyAcceptance()
/// of moves.hpp, for one chain.
inline double tallyAcceptance(double logRatio, Tally& tally) {
  const double probability = logRatio >= 0 ? 1 : logRatio < 0 ? std::exp(logRatio) : 0;
  tally.acceptance += probability;
  ++tally.proposals;
  return probability;
}

/// Room a kernel asks for: matrices [rows, cols], columns [rows], and sums [rows] of doubles.
struct FusedScratch {
  int matrices = 0, columns = 0, sums = 0;
};

/// The step of a sampler on a block.
template <class T>
class FusedKernelOf {
 public:
  virtual ~FusedKernelOf() = default;
  virtual FusedScratch scratch() const = 0;
  /// Before the steps of a block.
  virtual void begin(const BlockOf<T>&) const {}
  virtual void step(const BlockOf<T>& block, const StepClock& clock, const Random& random, Tally& tally) const = 0;
  /// True for kernels that move with BlockOf<T>::evaluateGradient() and leave the last step without evaluation where the
  /// clock says so (StepClock::skipsEvaluation()).
  virtual bool gradientOnly() const { return false; }
};

/// Runs `kernel` on blocks of chains of an energy with tiles<T>(). Clip and box are the sampler's.
template <class T>
std::unique_ptr<TileExecutor> fuseKernel(const Sampler& sampler, const FuseTarget& target,
                                         std::unique_ptr<const FusedKernelOf<T>> kernel);

/// The same with the kernel that make.operator()<T>() gives for the numbers of the energy; null when the energy has no
/// fused executor.
template <class Make>
std::unique_ptr<TileExecutor> fuse(const Sampler& sampler, const FuseTarget& target, Make make) {
  std::unique_ptr<TileExecutor> executor;
  target.energy.withTiles([&]<class T>(const TileProgramOf<T>&) {
    executor = fuseKernel<T>(sampler, target, make.template operator()<T>());
  });
  return executor;
}

/// What one Langevin step does: x' = x - (stepSize / 2) g + noise xi, and the temperature of the Metropolis test.
struct LangevinStep {
  double stepSize, noise, temperature;
  static LangevinStep proper(double stepSize, double temperature) {
    return {stepSize, std::sqrt(stepSize * temperature), temperature};
  }
};
using LangevinStepAt = std::function<LangevinStep(const StepClock&)>;

/// The Langevin move as the device kernels take it.
struct FusedLangevin {
  LangevinStepAt at;
  double clip = 0;
  std::optional<Box> box;
  bool adjusted = false;  // Metropolis test
};
template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedLangevin(LangevinStepAt at);
template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedMala(LangevinStepAt at);

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedUnderdampedLangevin(const CommonOptions& common, double friction);

}  // namespace langevin
