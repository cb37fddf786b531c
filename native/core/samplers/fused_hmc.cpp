// Hamiltonian Monte Carlo on a block; hmc.cpp is its twin and has the formulas.
#include <cmath>
#include <cstring>

#include "samplers/hmc.hpp"

namespace langevin {
namespace {

class FusedHmc final : public FusedKernel {
 public:
  FusedHmc(const CommonOptions& common, const HmcOptions& options, const Warmup& warmup)
      : common_(common), options_(options), warmup_(warmup) {}
  Scratch scratch() const override { return {Matrices, Vectors, 1}; }

  void step(const Block& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    search(b, clock, random, temperature);
    stepSizes(b, clock, random);
    scales(b);
    float* p = b.matrix(Momentum);
    b.normal(p, clock, random, Stream::Noise);
    if (temperature != 1) tileKernels().scale(static_cast<float>(std::sqrt(temperature)), 0, p, p, b.size());
    for (std::int64_t r = 0; r < b.rows; ++r) b.sums(0)[r] = kinetic(b, r);
    leapfrog(b, tally);
    float* u = b.column(Uniform);
    b.uniform(u, clock, random, Stream::Accept);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float energy = b.column(NextEnergy)[r];
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

  ChainAdaptation adaptationOf(const Block& b, std::int64_t row) const {
    return warmup_.of(b.adaptation + row * ChainAdaptation::columns(b.cols, Metric::Diagonal), b.cols);
  }

  // The first step of chains whose window has just begun.
  void search(const Block& b, const StepClock& clock, const Random& random, double temperature) const {
    if (!b.adaptation || !warmup_.searching(b.adaptation, b.rows, b.cols)) return;
    const auto wide = [](const float* from, at::IntArrayRef shape) {
      return at::from_blob(const_cast<float*>(from), shape, at::kFloat).to(at::kDouble);
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
    rows.evaluate = [&](const std::vector<std::int64_t>& which, const at::Tensor& x) {
      // A block is evaluated as a whole: the others stay where they are.
      const at::Tensor rowsOfX = at::tensor(which, at::kLong);
      at::from_blob(b.matrix(X), {b.rows, b.cols}, at::kFloat)
          .copy_(at::from_blob(b.x, {b.rows, b.cols}, at::kFloat))
          .index_copy_(0, rowsOfX, x.to(at::kFloat));
      b.evaluate(b.matrix(X), b.column(NextEnergy), b.matrix(Gradient));
      return EnergyAndGradient{wide(b.column(NextEnergy), {b.rows}).index_select(0, rowsOfX),
                               wide(b.matrix(Gradient), {b.rows, b.cols}).index_select(0, rowsOfX)};
    };
    warmup_.search(rows, random);
    if (!rows.moved) return;
    at::from_blob(b.x, {b.rows, b.cols}, at::kFloat).copy_(rows.x);
    at::from_blob(b.gradient, {b.rows, b.cols}, at::kFloat).copy_(rows.gradient);
    at::from_blob(b.energy, {b.rows}, at::kFloat).copy_(rows.energy);
  }

  // L of every chain.
  void scales(const Block& b) const {
    if (!b.adaptation) return;
    float* out = b.matrix(Scales);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const double* values = adaptationOf(b, r).values();
      for (std::int64_t c = 0; c < b.cols; ++c) out[r * b.cols + c] = static_cast<float>(values[c]);
    }
  }

  void stepSizes(const Block& b, const StepClock& clock, const Random& random) const {
    float* size = b.column(Size);
    if (options_.jitter > 0) b.uniform(size, clock, random, Stream::Auxiliary);
    const double common = common_.stepSize.at(clock.t, clock.total);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double h = b.adaptation ? adaptationOf(b, r).averaging().stepSize() : common;
      if (options_.jitter > 0) h *= 1 + options_.jitter * (2 * static_cast<double>(size[r]) - 1);
      size[r] = static_cast<float>(h);
    }
  }

  static double kinetic(const Block& b, std::int64_t row) {
    const float* p = b.matrix(Momentum) + row * b.cols;
    double sum = 0;
    for (std::int64_t c = 0; c < b.cols; ++c) sum += static_cast<double>(p[c]) * p[c];
    return 0.5 * sum;
  }

  // out += factor * size of the row * L in
  void add(const Block& b, float factor, const float* in, float* out) const {
    if (!b.adaptation && options_.jitter == 0) {  // one size for all
      tileKernels().axpy(factor * b.column(Size)[0], in, out, b.size());
      return;
    }
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float s = factor * b.column(Size)[r];
      const float* scale = b.adaptation ? b.matrix(Scales) : nullptr;
      for (std::int64_t c = r * b.cols; c < (r + 1) * b.cols; ++c) out[c] += s * (scale ? scale[c] * in[c] : in[c]);
    }
  }

  void leapfrog(const Block& b, Tally& tally) const {
    float *x = b.matrix(X), *p = b.matrix(Momentum), *gradient = b.matrix(Gradient);
    std::memcpy(x, b.x, sizeof(float) * static_cast<std::size_t>(b.size()));
    add(b, -0.5f, b.clip(b.gradient, b.matrix(Clipped), &tally.clipped), p);
    for (std::int64_t i = 1; i <= options_.leapfrogSteps; ++i) {
      add(b, 1.0f, p, x);
      b.applyBox(x, tally, p);
      b.evaluate(x, b.column(NextEnergy), gradient);
      add(b, i == options_.leapfrogSteps ? -0.5f : -1.0f, b.clip(gradient, b.matrix(Clipped)), p);
    }
  }

  static void accept(const Block& b, std::int64_t row, float energy) {
    const auto width = sizeof(float) * static_cast<std::size_t>(b.cols);
    std::memcpy(b.x + row * b.cols, b.matrix(X) + row * b.cols, width);
    std::memcpy(b.gradient + row * b.cols, b.matrix(Gradient) + row * b.cols, width);
    b.energy[row] = energy;
  }

  CommonOptions common_;
  HmcOptions options_;
  Warmup warmup_;
};

}  // namespace

std::unique_ptr<const FusedKernel> fusedHmc(const CommonOptions& common, const HmcOptions& options,
                                            const Warmup& warmup) {
  return std::make_unique<FusedHmc>(common, options, warmup);
}

}  // namespace langevin
