// Hamiltonian Monte Carlo on a block; hmc.cpp is its twin and has the formulas.
#include <cmath>
#include <cstring>

#include "samplers/hmc.hpp"

namespace langevin {
namespace {

class FusedHmc final : public FusedKernel {
 public:
  FusedHmc(const CommonOptions& common, const HmcOptions& options) : common_(common), options_(options) {}
  Scratch scratch() const override { return {Matrices, Vectors, 1}; }

  void step(const Block& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    stepSizes(b, clock, random);
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
      if (options_.warmup > 0) options_.adapt(adaptationOf(b, r), probability, common_.stepSize.first());
    }
  }

 private:
  enum Matrix { X, Gradient, Momentum, Clipped, Matrices };
  enum Vector { NextEnergy, Size, Uniform, Vectors };

  static DualAveraging adaptationOf(const Block& b, std::int64_t row) {
    return DualAveraging(b.adaptation + row * DualAveraging::kColumns);
  }

  void stepSizes(const Block& b, const StepClock& clock, const Random& random) const {
    float* size = b.column(Size);
    if (options_.jitter > 0) b.uniform(size, clock, random, Stream::Auxiliary);
    const double common = common_.stepSize.at(clock.t, clock.total);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double h = b.adaptation ? adaptationOf(b, r).stepSize() : common;
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

  // out += factor * size of the row * in
  void add(const Block& b, float factor, const float* in, float* out) const {
    if (!b.adaptation && options_.jitter == 0) {  // one size for all
      tileKernels().axpy(factor * b.column(Size)[0], in, out, b.size());
      return;
    }
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const float s = factor * b.column(Size)[r];
      for (std::int64_t c = r * b.cols; c < (r + 1) * b.cols; ++c) out[c] += s * in[c];
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
};

}  // namespace

std::unique_ptr<const FusedKernel> fusedHmc(const CommonOptions& common, const HmcOptions& options) {
  return std::make_unique<FusedHmc>(common, options);
}

}  // namespace langevin
