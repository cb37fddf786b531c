// The Langevin move on a block: unadjusted (langevin.cpp is its twin) and with a Metropolis test (mala.cpp).
#include <cmath>
#include <cstring>
#include <limits>

#include "samplers/fused.hpp"

namespace langevin {
namespace {

// Both ends of a move; rows of arrays [rows, cols] and [rows].
template <class T>
struct Move {
  const T *x, *energy, *gradient;              // from here; gradients are clipped
  const T *nextX, *nextEnergy, *nextGradient;  // to here

  // log of the Metropolis-Hastings ratio of one row; see langevinLogRatio in moves.hpp.
  double logRatio(std::int64_t row, std::int64_t cols, const LangevinStep& s) const {
    double inner = 0;
    for (std::int64_t c = row * cols; c < (row + 1) * cols; ++c) {
      const double change = static_cast<double>(nextGradient[c]) - gradient[c];
      inner += (static_cast<double>(nextX[c]) - x[c] - s.stepSize / 4 * change) *
               (static_cast<double>(gradient[c]) + nextGradient[c]);
    }
    return (static_cast<double>(energy[row]) - nextEnergy[row] + 0.5 * inner) / s.temperature;
  }
};

// x - (stepSize / 2) g + noise xi, in place.
template <class T>
void moveRows(const BlockOf<T>& b, T* x, const T* gradient, const LangevinStep& s, T* noise, const StepClock& clock,
              const Random& random) {
  const TileKernelsOf<T>& kernels = tileKernelsOf<T>();
  const double factor = s.stepSize / 2;
  if (s.noise > 0) {
    b.normal(noise, clock, random, Stream::Noise);
    kernels.langevin(x, gradient, noise, static_cast<T>(factor), static_cast<T>(s.noise), b.size());
  } else {
    kernels.axpy(static_cast<T>(-factor), gradient, x, b.size());
  }
}

template <class T>
void copyNumbers(T* to, const T* from, std::int64_t n) {
  std::memcpy(to, from, sizeof(T) * static_cast<std::size_t>(n));
}

// Everything happens in the state itself; the monitor alone needs to remember where a step came from.
template <class T>
class FusedUnadjusted final : public FusedKernelOf<T> {
 public:
  explicit FusedUnadjusted(LangevinStepAt at) : at_(std::move(at)) {}
  FusedScratch scratch() const override { return {Matrices, 1, 0}; }
  bool gradientOnly() const override { return true; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const LangevinStep s = at_(clock);
    const T* gradient = b.clip(b.gradient, b.matrix(Clipped), &tally.clipped);
    const bool watched = clock.monitored() && s.temperature > 0;
    if (watched) {
      copyNumbers(b.matrix(OldX), b.x, b.size());
      copyNumbers(b.matrix(OldGradient), gradient, b.size());
      b.energiesApart() ? b.energies(b.x, b.column(0)) : copyNumbers(b.column(0), b.energy, b.rows);
    }
    moveRows(b, b.x, gradient, s, b.matrix(Noise), clock, random);
    b.applyBox(b.x, tally);
    if (clock.skipsEvaluation()) return;
    b.evaluateGradient();
    if (!watched) return;
    if (b.energiesApart()) b.energies(b.x, b.energy);
    const Move<T> move{
        b.matrix(OldX), b.column(0), b.matrix(OldGradient), b.x, b.energy, b.clip(b.gradient, b.matrix(Clipped))};
    for (std::int64_t r = 0; r < b.rows; ++r) tallyAcceptance(move.logRatio(r, b.cols, s), tally);
  }

 private:
  enum Matrix { Noise, Clipped, OldX, OldGradient, Matrices };
  LangevinStepAt at_;
};

template <class T>
class FusedMala final : public FusedKernelOf<T> {
 public:
  explicit FusedMala(LangevinStepAt at) : at_(std::move(at)) {}
  FusedScratch scratch() const override { return {Matrices, 2, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const LangevinStep s = at_(clock);
    T *x = b.matrix(X), *gradient = b.matrix(Gradient), *energy = b.column(0);
    double* ratio = b.sums(0);
    const T* clipped = b.clip(b.gradient, b.matrix(Clipped), &tally.clipped);
    copyNumbers(x, b.x, b.size());
    moveRows(b, x, clipped, s, b.matrix(Noise), clock, random);
    b.evaluate(x, energy, gradient);
    const Move<T> move{b.x, b.energy, clipped, x, energy, b.clip(gradient, b.matrix(NextClipped))};
    for (std::int64_t r = 0; r < b.rows; ++r) {
      ratio[r] = move.logRatio(r, b.cols, s);
      if (!b.outside(x + r * b.cols)) continue;
      ++tally.clamped;
      ratio[r] = -std::numeric_limits<double>::infinity();
    }
    b.acceptMoves({x, energy, gradient}, ratio, b.column(1), clock, random, tally);
  }

 private:
  enum Matrix { X, Gradient, Noise, Clipped, NextClipped, Matrices };
  LangevinStepAt at_;
};

}  // namespace

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedLangevin(LangevinStepAt at) {
  return std::make_unique<FusedUnadjusted<T>>(std::move(at));
}

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedMala(LangevinStepAt at) {
  return std::make_unique<FusedMala<T>>(std::move(at));
}

template std::unique_ptr<const FusedKernelOf<float>> fusedLangevin(LangevinStepAt);
template std::unique_ptr<const FusedKernelOf<double>> fusedLangevin(LangevinStepAt);
template std::unique_ptr<const FusedKernelOf<float>> fusedMala(LangevinStepAt);
template std::unique_ptr<const FusedKernelOf<double>> fusedMala(LangevinStepAt);

}  // namespace langevin
