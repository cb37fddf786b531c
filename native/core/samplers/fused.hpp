// Samplers as one native loop: every block of chains that fits the cache runs all its steps, without a tensor in
// between. Same formulas and same random numbers as the step-by-step kernels, which stay their twins in the parity
// tests. What every kernel does with its block is here; one file per kernel holds its step (fused_<kernel>.cpp).
#pragma once

#include <cmath>
#include <functional>

#include "samplers/sampler.hpp"

namespace langevin {

/// A block of chains: contiguous rows of the state, scratch memory, and the moves every kernel shares.
class Block {
 public:
  std::int64_t rows = 0, cols = 0;
  // The state, written in place. Energy and gradient belong to x when a step ends.
  float *x = nullptr, *energy = nullptr, *gradient = nullptr;
  float* velocity = nullptr;     // [rows, cols], kernels with momentum
  double* adaptation = nullptr;  // [rows, k], kernels that adapt

  std::int64_t size() const { return rows * cols; }
  std::uint64_t firstChain() const { return firstChain_; }              // number of row 0
  float* matrix(int i) const { return matrices_ + i * matrixStride_; }  // scratch [rows, cols]
  double* sums(int i) const { return sums_ + i * rows; }                // scratch [rows]
  float* column(int i) const { return columns_ + i * rows; }            // scratch [rows]

  /// E and dE/dx of rows at `at`, straight to where they are wanted.
  void evaluate(const float* at, float* energies, float* gradients) const;
  void evaluate() const { evaluate(x, energy, gradient); }
  /// For kernels without a test: in bfloat16 nothing but the gradient, since energies would cost a float32 pass.
  void evaluateGradient() const { evaluate(x, half() ? nullptr : energy, gradient); }
  bool half() const { return options_->precision == Precision::BFloat16; }
  void energies(const float* at, float* out) const;
  /// `gradients` themselves where no clip is set; else a copy in `target` with rows above the limit shortened (a
  /// non-finite row stays non-finite). Counts the shortened rows where `clipped` is given.
  const float* clip(const float* gradients, float* target, std::int64_t* clipped = nullptr) const;
  /// applyBox() of moves.hpp, on rows at `at`; nothing without a box.
  void applyBox(float* at, Tally& tally, float* velocities = nullptr) const;
  bool outside(const float* row) const;
  void normal(float* out, const StepClock& clock, const Random& random, Stream stream) const;
  void uniform(float* out, const StepClock& clock, const Random& random, Stream stream) const;  // [rows]
  /// Code::NonFinite or Code::Diverged naming the chain.
  void requireFinite(const float* values, std::int64_t width, const char* what, std::uint64_t counter) const;

 private:
  friend class FusedExecutor;
  const Energy* energy_ = nullptr;
  const TileProgram::Packed* packed_ = nullptr;
  const TileKernels* kernels_ = nullptr;
  const CommonOptions* options_ = nullptr;
  TileInput condition_;
  std::uint64_t firstChain_ = 0;
  float *matrices_ = nullptr, *columns_ = nullptr;
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

/// The step of a sampler on a block.
class FusedKernel {
 public:
  virtual ~FusedKernel() = default;
  struct Scratch {
    int matrices = 0, columns = 0, sums = 0;
  };
  virtual Scratch scratch() const = 0;
  virtual void step(const Block& block, const StepClock& clock, const Random& random, Tally& tally) const = 0;
  /// True for kernels that move with Block::evaluateGradient() and leave the last step without evaluation where the
  /// clock says so (StepClock::skipsEvaluation()).
  virtual bool gradientOnly() const { return false; }
};

/// Runs `kernel` on blocks of chains; null when the energy has no fused executor. Clip and box are the sampler's.
std::unique_ptr<TileExecutor> fuse(const Sampler& sampler, const Energy& energy,
                                   std::unique_ptr<const FusedKernel> kernel);

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
std::unique_ptr<const FusedKernel> fusedLangevin(LangevinStepAt at);
std::unique_ptr<const FusedKernel> fusedMala(LangevinStepAt at);

std::unique_ptr<const FusedKernel> fusedUnderdampedLangevin(const CommonOptions& common, double friction);

}  // namespace langevin
