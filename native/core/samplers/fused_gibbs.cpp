// Gibbs sweeps on a block; gibbs.cpp is their twin and has the laws. Sites of two levels of any energy: a site of all chains
// is turned over where it lies, and turned back where it stays; one evaluation of E a site, and no copy of the states.
// Layers of an energy with binary hidden units: two products a sweep, one of which is that of the new energy.
#include <cmath>
#include <vector>

#include "executors/cpu/tile_ops.hpp"
#include "samplers/fused.hpp"
#include "samplers/gibbs.hpp"
#include "samplers/moves.hpp"

namespace langevin {
namespace {

template <class T>
class FusedSweep final : public FusedKernelOf<T> {
 public:
  FusedSweep(const CommonOptions& common, const std::vector<double>& values, bool randomOrder)
      : common_(common), sum_(static_cast<T>(values[0] + values[1])), randomOrder_(randomOrder) {}
  FusedScratch scratch() const override { return {1, 1, 0}; }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally&) const override {
    const double temperature = common_.temperature.at(clock.t, clock.total);
    T *u = b.matrix(0), *energy = b.column(0);
    b.uniform(u, b.cols, clock, random, Stream::Noise);
    const at::Tensor order = siteOrder(randomOrder_, random, b.rows, b.cols, clock.counter, b.firstChain());
    const auto* sites = order.const_data_ptr<std::int64_t>();
    for (std::int64_t visit = 0; visit < b.cols; ++visit) {
      const auto at = [&](std::int64_t r) { return r * b.cols + sites[r * b.cols + visit]; };
      for (std::int64_t r = 0; r < b.rows; ++r) b.x[at(r)] = sum_ - b.x[at(r)];
      b.energies(b.x, energy);
      for (std::int64_t r = 0; r < b.rows; ++r) {
        if (std::isnan(energy[r]))
          chainNotFinite(b.firstChain() + static_cast<std::uint64_t>(r), kNeighbour, false, clock.counter);
        // The present level is the first: it stays where u is below its probability.
        const double apart = (static_cast<double>(energy[r]) - b.energy[r]) / temperature;
        const bool moves = 1 / (1 + std::exp(-apart)) <= static_cast<double>(u[at(r)]);
        if (moves)
          b.energy[r] = energy[r];
        else
          b.x[at(r)] = sum_ - b.x[at(r)];
      }
    }
  }

 private:
  static constexpr const char* kNeighbour = "the energy of a neighbouring state";
  const CommonOptions& common_;
  T sum_;  // of the two levels
  bool randomOrder_;
};

template <class T>
class FusedLayers final : public FusedKernelOf<T> {
 public:
  FusedLayers(const Bipartite& form, std::int64_t hidden)
      : weight_(static_cast<std::size_t>(form.weight)), bias_(static_cast<std::size_t>(form.bias)), hidden_(hidden) {}
  FusedScratch scratch() const override { return {2, 0, 0}; }

  // The input of the hidden units belongs to x when a step begins and when it ends.
  void begin(const BlockOf<T>& b) const override { b.values(b.x, nullptr, room(0, b)); }

  void step(const BlockOf<T>& b, const StepClock& clock, const Random& random, Tally&) const override {
    T *inputs = room(0, b), *units = room(1, b), *u = room(2, b), *logits = b.matrix(0);
    b.uniform(u, hidden_, clock, random, Stream::Auxiliary);
    draw(inputs, u, units, b.rows * hidden_);
    multiply(b, units, logits);
    // A parameter that is not a number would make every comparison false, and so look like a row of zeros.
    b.requireFinite(logits, b.cols, "the input of a unit", clock.counter);
    b.uniform(b.matrix(1), b.cols, clock, random, Stream::Noise);
    draw(logits, b.matrix(1), b.x, b.size());
    b.values(b.x, b.energy, inputs);
  }

 private:
  T* room(int i, const BlockOf<T>& b) const {
    thread_local std::vector<T> memory[3];
    auto& m = memory[i];
    const auto numbers = static_cast<std::size_t>(b.rows * hidden_);
    if (m.size() < numbers) m.resize(numbers);
    return m.data();
  }

  // 1 with the probability sigmoid(logit).
  static void draw(T* logits, const T* u, T* out, std::int64_t n) {
    tileKernelsOf<T>().unary({Unary::Sigmoid, T(0)}, logits, logits, nullptr, n);
    for (std::int64_t i = 0; i < n; ++i) out[i] = u[i] < logits[i] ? T(1) : T(0);
  }

  // bias + h W, by the weights as the way back through their layer wants them.
  void multiply(const BlockOf<T>& b, const T* units, T* out) const {
    const TileKernelsOf<T>& k = tileKernelsOf<T>();
    const TileWeightsOf<T>& weights = b.packed().weights[weight_];
    const T* bias = b.packed().plain[bias_].data();
    if (hidden_ > 1 && b.cols >= kThinInput) {
      ProductOf<T> p{.rows = b.rows, .cols = b.cols, .depth = hidden_, .a = units, .lda = hidden_};
      p.packed = weights.backward.data();
      p.bias = bias;
      p.c = out;
      return k.multiply(p);
    }
    if (hidden_ == 1)
      k.outer(units, b.packed().plain[weight_].data(), out, b.rows, b.cols, false);
    else
      k.dotColumns(units, weights.columns.data(), out, b.rows, hidden_, b.cols);
    for (std::int64_t r = 0; r < b.rows; ++r) k.axpy(T(1), bias, out + r * b.cols, b.cols);
  }

  std::size_t weight_, bias_;  // parameters
  std::int64_t hidden_;
};

}  // namespace

std::unique_ptr<TileExecutor> fuseSweeps(const Sampler& sampler, const FuseTarget& target, bool randomOrder) {
  if (!target.domain().flips()) return nullptr;
  const std::vector<double> values = target.domain().runs()[0].values();
  return fuse(sampler, target, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<FusedSweep<T>>(sampler.common(), values, randomOrder);
  });
}

std::unique_ptr<TileExecutor> fuseLayers(const Sampler& sampler, const Energy& energy) {
  return fuse(sampler, {energy}, [&]<class T>() -> std::unique_ptr<const FusedKernelOf<T>> {
    return std::make_unique<FusedLayers<T>>(energy.program().bipartite, energy.outputWidth());
  });
}

}  // namespace langevin
