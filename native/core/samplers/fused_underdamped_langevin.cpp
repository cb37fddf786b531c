// BAOAB on a block, in place; underdamped_langevin.cpp is its twin and has the formulas.
#include <algorithm>
#include <cmath>

#include "samplers/fused.hpp"

namespace langevin {
namespace {

template <class T>
class FusedBaoab final : public FusedKernelOf<T> {
 public:
  FusedBaoab(const CommonOptions& common, double friction) : common_(common), friction_(friction) {}
  FusedScratch scratch() const override { return {Matrices, 1, 1}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally& tally) const override {
    const double stepSize = common_.stepSize.at(clock.t, clock.total);
    const double temperature = common_.temperature.at(clock.t, clock.total);
    const auto half = static_cast<T>(stepSize / 2);
    const bool watched = clock.monitored();
    if (watched) std::copy_n(b.energy, b.rows, b.column(0));
    const TileKernelsOf<T>& kernels = tileKernelsOf<T>();
    work(b, watched, +1, true);
    kernels.axpy(-half, b.clip(b.gradient, b.matrix(Clipped), &tally.clipped), b.velocity, b.size());
    work(b, watched, -1);
    kernels.axpy(half, b.velocity, b.x, b.size());
    b.applyBox(b.x, tally, b.velocity);
    T* xi = b.matrix(Noise);
    b.normal(xi, clock, random, Stream::Noise);
    kernels.scale(static_cast<T>(std::exp(-friction_ * stepSize)), 0, b.velocity, b.velocity, b.size());
    kernels.axpy(static_cast<T>(std::sqrt(-std::expm1(-2 * friction_ * stepSize) * temperature)), xi, b.velocity,
                 b.size());
    work(b, watched, +1);
    kernels.axpy(half, b.velocity, b.x, b.size());
    b.applyBox(b.x, tally, b.velocity);
    b.evaluate();
    kernels.axpy(-half, b.clip(b.gradient, b.matrix(Clipped)), b.velocity, b.size());
    work(b, watched, -1);
    if (!watched) return;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      const double change = static_cast<double>(b.column(0)[r]) - b.energy[r] + 0.5 * b.sums(0)[r];
      tallyAcceptance(change / temperature, tally);
    }
  }

 private:
  enum Matrix { Noise, Clipped, Matrices };

  // sums(0) of every row: +- |v|^2
  static void work(const BlockOf<T>& b, bool watched, int sign, bool first = false) {
    if (!watched) return;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      double square = 0;
      for (std::int64_t c = r * b.cols; c < (r + 1) * b.cols; ++c)
        square += static_cast<double>(b.velocity[c]) * b.velocity[c];
      b.sums(0)[r] = (first ? 0 : b.sums(0)[r]) + sign * square;
    }
  }

  CommonOptions common_;
  double friction_;
};

}  // namespace

template <class T>
std::unique_ptr<const FusedKernelOf<T>> fusedUnderdampedLangevin(const CommonOptions& common, double friction) {
  return std::make_unique<FusedBaoab<T>>(common, friction);
}

template std::unique_ptr<const FusedKernelOf<float>> fusedUnderdampedLangevin(const CommonOptions&, double);
template std::unique_ptr<const FusedKernelOf<double>> fusedUnderdampedLangevin(const CommonOptions&, double);

}  // namespace langevin
