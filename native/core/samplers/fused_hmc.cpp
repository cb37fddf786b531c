// Hamiltonian Monte Carlo on a block; hmc.cpp is its twin and has the formulas.
#include <cmath>
#include <cstring>

#include "samplers/hmc.hpp"

namespace langevin {
namespace {

template <class T>
class FusedHmc final : public FusedKernelOf<T> {
 public:
  FusedHmc(const CommonOptions& common, const HmcOptions& options, const Warmup& warmup)
      : common_(common), options_(options), warmup_(warmup) {}
  FusedScratch scratch() const override { return {Matrices, Vectors, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    search(b, clock, random, temperature);
    stepSizes(b, clock, random);
    scales(b);
    T* p = b.matrix(Momentum);
    b.normal(p, clock, random, Stream::Noise);
    if (temperature != 1) tileKernelsOf<T>().scale(static_cast<T>(std::sqrt(temperature)), 0, p, p, b.size());
    for (std::int64_t r = 0; r < b.rows; ++r) b.sums(0)[r] = kinetic(b, r);
    leapfrog(b, tally);
    T* u = b.column(Uniform);
    b.uniform(u, clock, random, Stream::Accept);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const T energy = b.column(NextEnergy)[r];
      const double ratio = (static_cast<double>(b.energy[r]) - energy + b.sums(0)[r] - kinetic(b, r)) / temperature;
      if (!(ratio >= -kHmcDivergence)) ++tally.divergences;  // NaN too
      const double probability = tallyAcceptance(ratio, tally);
      if (std::log(static_cast<double>(u[r])) < ratio && std::isfinite(energy)) {
        ++tally.accepted;
        accept(b, r, energy);
      }
      if (b.adaptation)
        warmup_.learn(adaptationOf(b, r), b.cols, b.x + r * b.cols, b.gradient + r * b.cols, probability, temperature);
    }
  }

 private:
  enum Matrix { X, Gradient, Momentum, Clipped, Scales, Matrices };
  enum Vector { NextEnergy, Size, Uniform, Vectors };

  ChainAdaptation adaptationOf(const BlockOf<T>& b, std::int64_t row) const {
    return warmup_.of(b.adaptation + row * ChainAdaptation::columns(b.cols, Metric::Diagonal), b.cols);
  }

  // The first step of chains whose window has just begun.
  void search(const BlockOf<T>& b, const StepClock& clock, const Random& random, double temperature) const {
    if (!b.adaptation || !warmup_.searching(b.adaptation, b.rows, b.cols)) return;
    const auto type = c10::CppTypeToScalarType<T>::value;
    const auto wide = [type](const T* from, at::IntArrayRef shape) {
      return at::from_blob(const_cast<T*>(from), shape, type).to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
    };
    Warmup::Rows rows;
    rows.x = wide(b.x, {b.rows, b.cols});
    rows.gradient = wide(b.gradient, {b.rows, b.cols});
    rows.energy = wide(b.energy, {b.rows});
    rows.adaptation =
        at::from_blob(b.adaptation, {b.rows, ChainAdaptation::columns(b.cols, Metric::Diagonal)}, at::kDouble);
    rows.firstChain = b.firstChain();
    rows.counter = clock.counter;
    rows.temperature = temperature;
    rows.float32 = std::is_same_v<T, float>;
    rows.evaluate = [&](const std::vector<std::int64_t>& which, const at::Tensor& x) {
      // A block is evaluated as a whole: the others stay where they are.
      const at::Tensor rowsOfX = at::tensor(which, at::kLong);
      at::from_blob(b.matrix(X), {b.rows, b.cols}, type)
          .copy_(at::from_blob(b.x, {b.rows, b.cols}, type))
          .index_copy_(0, rowsOfX, x.to(type));
      b.evaluate(b.matrix(X), b.column(NextEnergy), b.matrix(Gradient));
      return EnergyAndGradient{wide(b.column(NextEnergy), {b.rows}).index_select(0, rowsOfX),
                               wide(b.matrix(Gradient), {b.rows, b.cols}).index_select(0, rowsOfX)};
    };
    warmup_.search(rows, random);
    if (!rows.moved) return;
    at::from_blob(b.x, {b.rows, b.cols}, type).copy_(rows.x);
    at::from_blob(b.gradient, {b.rows, b.cols}, type).copy_(rows.gradient);
    at::from_blob(b.energy, {b.rows}, type).copy_(rows.energy);
  }

  // L of every chain.
  void scales(const BlockOf<T>& b) const {
    if (!b.adaptation) return;
    T* out = b.matrix(Scales);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const double* values = adaptationOf(b, r).values();
      for (std::int64_t c = 0; c < b.cols; ++c) out[r * b.cols + c] = static_cast<T>(values[c]);
    }
  }

  void stepSizes(const BlockOf<T>& b, const StepClock& clock, const Random& random) const {
    T* size = b.column(Size);
    if (options_.jitter > 0) b.uniform(size, clock, random, Stream::Auxiliary);
    const double common = common_.stepSize.at(clock.t, clock.total);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double h = b.adaptation ? adaptationOf(b, r).averaging().stepSize() : common;
      if (options_.jitter > 0) h *= 1 + options_.jitter * (2 * static_cast<double>(size[r]) - 1);
      size[r] = static_cast<T>(h);
    }
  }

  static double kinetic(const BlockOf<T>& b, std::int64_t row) {
    const T* p = b.matrix(Momentum) + row * b.cols;
    double sum = 0;
    for (std::int64_t c = 0; c < b.cols; ++c) sum += static_cast<double>(p[c]) * p[c];
    return 0.5 * sum;
  }

  // out += factor * size of the row * L in
  void add(const BlockOf<T>& b, T factor, const T* in, T* out) const {
    if (!b.adaptation && options_.jitter == 0) {  // one size for all
      tileKernelsOf<T>().axpy(factor * b.column(Size)[0], in, out, b.size());
      return;
    }
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const T s = factor * b.column(Size)[r];
      const T* scale = b.adaptation ? b.matrix(Scales) : nullptr;
      for (std::int64_t c = r * b.cols; c < (r + 1) * b.cols; ++c) out[c] += s * (scale ? scale[c] * in[c] : in[c]);
    }
  }

  void leapfrog(const BlockOf<T>& b, Tally& tally) const {
    T *x = b.matrix(X), *p = b.matrix(Momentum), *gradient = b.matrix(Gradient);
    std::memcpy(x, b.x, sizeof(T) * static_cast<std::size_t>(b.size()));
    add(b, T(-0.5), b.clip(b.gradient, b.matrix(Clipped), &tally.clipped), p);
    for (std::int64_t i = 1; i <= options_.leapfrogSteps; ++i) {
      add(b, T(1), p, x);
      b.applyBox(x, tally, p);
      b.evaluate(x, b.column(NextEnergy), gradient);
      add(b, i == options_.leapfrogSteps ? T(-0.5) : T(-1), b.clip(gradient, b.matrix(Clipped)), p);
    }
  }

  static void accept(const BlockOf<T>& b, std::int64_t row, T energy) {
    const auto width = sizeof(T) * static_cast<std::size_t>(b.cols);
    std::memcpy(b.x + row * b.cols, b.matrix(X) + row * b.cols, width);
    std::memcpy(b.gradient + row * b.cols, b.matrix(Gradient) + row * b.cols, width);
    b.energy[row] = energy;
  }

  CommonOptions common_;
  HmcOptions options_;
  Warmup warmup_;
};

}  // namespace

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedHmc(const CommonOptions& common, const HmcOptions& options,
                                                 const Warmup& warmup) {
  return std::make_unique<FusedHmc<T>>(common, options, warmup);
}

template std::unique_ptr<const FusedKernelOf<float>> fusedHmc(const CommonOptions&, const HmcOptions&, const Warmup&);
template std::unique_ptr<const FusedKernelOf<double>> fusedHmc(const CommonOptions&, const HmcOptions&, const Warmup&);

}  // namespace langevin
