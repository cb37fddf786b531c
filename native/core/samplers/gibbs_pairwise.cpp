// Gibbs sweeps of pairwise energies E = -x' J x / 2 - h' x without an evaluation of E: the conditional law of a site
// depends on its local field f = h + J x alone, and a change of the site moves the fields of its neighbours by one row
// of J. Everything is float64, and fields are recomputed each sweep, so that a run may be cut between any two sweeps.
// (Where few sites interact and all chains share one order: gibbs_lattice.cpp.)
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/tile_kernels.hpp"
#include "samplers/discrete.hpp"
#include "samplers/gibbs.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

class PairwiseGibbs final : public TileExecutor {
 public:
  PairwiseGibbs(const Sampler& sampler, const Energy& energy, bool randomOrder)
      : sampler_(sampler), sites_(energy), width_(sites_.domain().runs()[0].siteWidth()), randomOrder_(randomOrder) {
    const Program& program = energy.program();
    const auto parameter = [&](int i) {
      return energy.parameters().tensors()[static_cast<std::size_t>(i)].detach().to(at::kDouble);
    };
    const at::Tensor coupling =
        parameter(program.pairwise.coupling) * program.constants[static_cast<std::size_t>(program.pairwise.mask)];
    coupling_ = (coupling + coupling.t()).mul_(0.5).contiguous();
    field_ = parameter(program.pairwise.field).contiguous();
    for (double v : sites_.domain().runs()[0].values()) values_.push_back(v);
  }

  const char* name() const override { return "fused"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    const std::int64_t n = tile.size(), d = tile.x.size(1);
    const bool fresh = !tile.started;
    at::Tensor x = tile.x.to(at::kDouble).clone(at::MemoryFormat::Contiguous);
    at::Tensor energy = at::empty({n}, at::kDouble), fields = at::empty({n, d}, at::kDouble);
    fieldsOf(x, fields);
    energyOf(x, fields, energy);
    if (fresh) requireFinite(tile, energy, true, clock.counter);
    at::Tensor levels = sites_.decode(x).contiguous();
    at::Tensor order = siteOrder(false, random, n, sites_.count(), clock.counter, tile.firstChain);
    std::vector<float> drawn(static_cast<std::size_t>(n * sites_.count()));
    std::vector<double> u(drawn.size());
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(n);
      const double temperature = sampler_.common().temperature.at(clock.t, clock.total);
      fieldsOf(x, fields);
      fillUniform(drawn.data(), n, sites_.count(), random.seed(), tile.firstChain, clock.counter, Stream::Noise);
      std::copy(drawn.begin(), drawn.end(), u.begin());
      if (randomOrder_) order = siteOrder(true, random, n, sites_.count(), clock.counter, tile.firstChain);
      if (width_ == 1) barsOf(u.data(), n * d, temperature);
      for (std::int64_t row = 0; row < n; ++row)
        if (width_ == 1)
          flips(x.data_ptr<double>() + row * d, fields.data_ptr<double>() + row * d, u.data() + row * d,
                order.data_ptr<std::int64_t>() + row * d, d);
        else
          sweep(x.data_ptr<double>() + row * d, fields.data_ptr<double>() + row * d,
                levels.data_ptr<std::int64_t>() + row * sites_.count(), u.data() + row * sites_.count(),
                order.data_ptr<std::int64_t>() + row * sites_.count(), temperature, d);
      tally.steps += n;
      energyOf(x, fields, energy);
      requireFinite(tile, energy, false, clock.counter);
      ++clock.t;
      ++clock.counter;
    }
    tile.x = x.to(tile.x.scalar_type());
    tile.energy = energy.to(tile.x.scalar_type());
    tile.started = true;
  }

 private:
  // h + J x. For a few sites the way into a library costs more than the product.
  void fieldsOf(const at::Tensor& x, at::Tensor& fields) const {
    constexpr std::int64_t kFew = 8;
    const std::int64_t n = x.size(0), d = x.size(1);
    if (d > kFew) {
      at::addmm_out(fields, field_, x, coupling_);
      return;
    }
    const double *at = x.const_data_ptr<double>(), *j = coupling_.const_data_ptr<double>(),
                 *h = field_.const_data_ptr<double>();
    auto* out = fields.data_ptr<double>();
    for (std::int64_t row = 0; row < n; ++row, at += d, out += d)
      for (std::int64_t i = 0; i < d; ++i) {
        out[i] = h[i];
        for (std::int64_t k = 0; k < d; ++k) out[i] += at[k] * j[k * d + i];
      }
  }

  // -x' (f + h) / 2
  void energyOf(const at::Tensor& x, const at::Tensor& fields, at::Tensor& energy) const {
    const std::int64_t n = x.size(0), d = x.size(1);
    const double *at = x.const_data_ptr<double>(), *f = fields.const_data_ptr<double>(),
                 *h = field_.const_data_ptr<double>();
    auto* out = energy.data_ptr<double>();
    for (std::int64_t row = 0; row < n; ++row, at += d, f += d) {
      double sum = 0;
      for (std::int64_t i = 0; i < d; ++i) sum += at[i] * (f[i] + h[i]);
      out[row] = -0.5 * sum;
    }
  }

  static void requireFinite(const Chains& tile, const at::Tensor& energy, bool start, std::uint64_t counter) {
    if (const std::int64_t row = firstNonFiniteRow(energy); row >= 0)
      chainNotFinite(tile.firstChain + static_cast<std::uint64_t>(row), "its energy", start, counter);
  }

  // One sweep of one chain over columns of two levels; `bar` is T log(1 / u - 1).
  void flips(double* x, double* fields, const double* bar, const std::int64_t* order, std::int64_t d) const {
    const double sum = values_[0] + values_[1];
    for (std::int64_t visit = 0; visit < d; ++visit) {
      const std::int64_t site = order[visit];
      const double change = sum - 2 * x[site];
      if (change * fields[site] < bar[site]) continue;
      x[site] += change;
      shift(fields, site, change, d);
    }
  }

  // One sweep of one chain over one-hot blocks.
  void sweep(double* x, double* fields, std::int64_t* levels, const double* u, const std::int64_t* order,
             double temperature, std::int64_t d) const {
    for (std::int64_t visit = 0; visit < sites_.count(); ++visit) {
      const std::int64_t site = order[visit];
      const std::int64_t now = levels[site], next = draw(fields + site * width_, now, u[site], temperature);
      if (next == now) continue;
      levels[site] = next;
      x[site * width_ + now] = 0;
      x[site * width_ + next] = 1;
      shift(fields, site * width_ + now, -1, d);
      shift(fields, site * width_ + next, 1, d);
    }
  }

  void shift(double* fields, std::int64_t column, double change, std::int64_t d) const {
    const double* row = coupling_.const_data_ptr<double>() + column * d;
    for (std::int64_t i = 0; i < d; ++i) fields[i] += change * row[i];
  }

  // The level drawn by inversion of u, the present one first, then the others in their order.
  std::int64_t draw(const double* field, std::int64_t now, double u, double temperature) const {
    const std::int64_t k = sites_.levels();
    const auto logit = [&](std::int64_t level) { return field[level] / temperature; };
    double largest = logit(0), total = 0;
    for (std::int64_t j = 1; j < k; ++j) largest = std::max(largest, logit(j));
    for (std::int64_t j = 0; j < k; ++j) total += std::exp(logit((now + j) % k) - largest);
    double cumulative = 0;
    for (std::int64_t j = 0; j < k; ++j) {
      cumulative += std::exp(logit((now + j) % k) - largest);
      if (cumulative > u * total) return (now + j) % k;
    }
    return (now + k - 1) % k;
  }

  const Sampler& sampler_;
  Sites sites_;
  std::int64_t width_;
  bool randomOrder_;
  at::Tensor coupling_, field_;
  std::vector<double> values_;
};

}  // namespace

void barsOf(double* u, std::int64_t n, double temperature) {
  for (std::int64_t i = 0; i < n; ++i) u[i] = 1 / u[i] - 1;
  const TileKernelsOf<double>& k = tileKernelsOf<double>();
  k.unary({Unary::Log, 0}, u, u, nullptr, n);
  k.scale(temperature, 0, u, u, n);
}

std::unique_ptr<TileExecutor> fusePairwiseGibbs(const Sampler& sampler, const Energy& energy, bool randomOrder) {
  if (energy.program().pairwise.coupling < 0 || !runsOwnLoops(energy)) return nullptr;
  return std::make_unique<PairwiseGibbs>(sampler, energy, randomOrder);
}

}  // namespace langevin
