// Gibbs sweeps of pairwise energies whose sites have few neighbours (ising and potts on a lattice), all chains in one
// order of visits. The states of a tile lie site by site, so that a site is drawn for all chains in one pass over its
// neighbours' rows; in the order of colours this is a checkerboard sweep, whose blocks do not interact. Everything is
// float64.
#include <algorithm>
#include <numeric>

#include "kernels/tile_kernels.hpp"
#include "samplers/discrete.hpp"
#include "samplers/gibbs.hpp"
#include "samplers/moves.hpp"
#include "samplers/plan.hpp"

namespace langevin {
namespace {

// Every site takes the lowest colour that none of its earlier neighbours has.
std::vector<std::int64_t> coloursOf(const SiteGraph& graph, std::int64_t sites) {
  std::vector<std::int64_t> colours(static_cast<std::size_t>(sites), -1);
  std::vector<std::int64_t> taken(static_cast<std::size_t>(sites) + 1, -1);
  for (std::int64_t s = 0; s < sites; ++s) {
    for (auto e = graph.first[static_cast<std::size_t>(s)]; e < graph.first[static_cast<std::size_t>(s) + 1]; ++e)
      if (const auto c = colours[static_cast<std::size_t>(graph.other[static_cast<std::size_t>(e)])]; c >= 0)
        taken[static_cast<std::size_t>(c)] = s;
    auto free = std::find_if(taken.begin(), taken.end(), [s](std::int64_t by) { return by != s; });
    colours[static_cast<std::size_t>(s)] = free - taken.begin();
  }
  return colours;
}

class LatticeGibbs final : public TileExecutor {
 public:
  LatticeGibbs(const Sampler& sampler, const Energy& energy, std::shared_ptr<const SiteGraph> graph, bool byColour)
      : sampler_(sampler),
        sites_(energy),
        levels_(sites_.levels()),
        width_(sites_.domain().runs()[0].siteWidth()),
        flips_(width_ == 1),
        graph_(std::move(graph)),
        order_(graph_->order) {
    if (!byColour) std::iota(order_.begin(), order_.end(), std::int64_t{0});
    const Program& program = energy.program();
    const auto parameter = [&](int i) {
      return energy.parameters().tensors()[static_cast<std::size_t>(i)].detach().to(at::kCPU).contiguous();
    };
    const at::Tensor field = parameter(program.pairwise.field).to(at::kDouble);
    field_.assign(field.const_data_ptr<double>(), field.const_data_ptr<double>() + field.numel());
    const at::Tensor coupling = parameter(program.pairwise.coupling);
    if (coupling.scalar_type() == at::kFloat)
      gather(coupling.const_data_ptr<float>());
    else
      gather(coupling.to(at::kDouble).const_data_ptr<double>());
    for (double v : sites_.domain().runs()[0].values()) values_.push_back(v);
  }

  const char* name() const override { return "fused"; }

  void run(Chains& tile, StepClock clock, std::int64_t count, const Random& random, Tally& tally,
           Pulse& pulse) const override {
    at::NoGradGuard guard;
    const std::int64_t n = tile.size();
    State s{n, (flips_ ? tile.x.to(at::kDouble) : sites_.decode(tile.x).to(at::kDouble)).t().contiguous().clone(), {}};
    s.fields.resize(static_cast<std::size_t>(n * width_));
    if (!tile.started) requireFinite(tile, energies(s), true, clock.counter);
    std::vector<float> drawn(static_cast<std::size_t>(n * sites_.count()));
    std::vector<double> u(drawn.size());
    for (std::int64_t i = 0; i < count; ++i) {
      pulse.beat(n);
      const double temperature = sampler_.common().temperature.at(clock.t, clock.total);
      fillUniform(drawn.data(), n, sites_.count(), random.seed(), tile.firstChain, clock.counter, Stream::Noise);
      turn(drawn.data(), n, u.data());
      if (flips_) barsOf(u.data(), n * sites_.count(), temperature);
      flips_ ? flips(s, u.data()) : draws(s, u.data(), temperature);
      tally.steps += n;
      ++clock.t;
      ++clock.counter;
    }
    const at::Tensor energy = energies(s);
    requireFinite(tile, energy, false, clock.counter - 1);
    const at::Tensor rows = s.states.t();
    tile.x = flips_ ? rows.to(tile.x.scalar_type()).contiguous() : sites_.encode(rows.to(at::kLong), tile.x);
    tile.energy = energy.to(tile.x.scalar_type());
    tile.started = true;
  }

 private:
  struct State {
    std::int64_t chains;
    at::Tensor states;           // [sites, chains]: numbers of two-level columns, else levels
    std::vector<double> fields;  // [chains, width] or, of two-level columns, [chains]: those of the site at hand
    double* of(std::int64_t site) const { return states.data_ptr<double>() + site * chains; }
  };

  // J of every pair of neighbours: for each edge and level of the neighbour, one number for each level of the site.
  template <class T>
  void gather(const T* coupling) {
    const std::int64_t d = graph_->sites() * width_;
    couplings_.reserve(graph_->other.size() * static_cast<std::size_t>(width_ * width_));
    for (std::int64_t s = 0; s < graph_->sites(); ++s)
      for (auto e = graph_->first[index(s)]; e < graph_->first[index(s + 1)]; ++e)
        for (std::int64_t theirs = 0; theirs < width_; ++theirs)
          for (std::int64_t own = 0; own < width_; ++own) {
            const std::int64_t i = s * width_ + own, j = graph_->other[index(e)] * width_ + theirs;
            couplings_.push_back(0.5 * (static_cast<double>(coupling[i * d + j]) + coupling[j * d + i]));
          }
  }

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  // h + J x of a site, for all chains.
  void fields(State& s, std::int64_t site) const {
    double* f = s.fields.data();
    if (flips_)
      std::fill_n(f, s.chains, field_[index(site)]);
    else
      for (std::int64_t r = 0; r < s.chains; ++r) std::copy_n(field_.data() + site * width_, width_, f + r * width_);
    for (auto e = graph_->first[index(site)]; e < graph_->first[index(site + 1)]; ++e) {
      const double* their = s.of(graph_->other[index(e)]);
      const double* j = couplings_.data() + e * width_ * width_;
      if (flips_) {
        for (std::int64_t r = 0; r < s.chains; ++r) f[r] += *j * their[r];
        continue;
      }
      for (std::int64_t r = 0; r < s.chains; ++r) {
        const double* row = j + static_cast<std::int64_t>(their[r]) * width_;
        for (std::int64_t k = 0; k < width_; ++k) f[r * width_ + k] += row[k];
      }
    }
  }

  // [chains, sites] to [sites, chains], by blocks that stay in cache.
  void turn(const float* from, std::int64_t chains, double* to) const {
    constexpr std::int64_t kBlock = 16;
    const std::int64_t sites = sites_.count();
    for (std::int64_t first = 0; first < chains; first += kBlock)
      for (std::int64_t site = 0; site < sites; ++site)
        for (std::int64_t r = first; r < std::min(chains, first + kBlock); ++r)
          to[site * chains + r] = static_cast<double>(from[r * sites + site]);
  }

  // One sweep over columns of two levels; `bar` is T log(1 / u - 1), see gibbs_pairwise.cpp.
  void flips(State& s, const double* bar) const {
    const double sum = values_[0] + values_[1];
    for (const std::int64_t site : order_) {
      fields(s, site);
      double* x = s.of(site);
      const double *f = s.fields.data(), *limit = bar + site * s.chains;
      for (std::int64_t r = 0; r < s.chains; ++r) x[r] = (sum - 2 * x[r]) * f[r] < limit[r] ? x[r] : sum - x[r];
    }
  }

  // One sweep over one-hot blocks: the level by inversion of u, the present one first, then the others in their order.
  void draws(State& s, const double* u, double temperature) const {
    for (const std::int64_t site : order_) {
      fields(s, site);
      double *x = s.of(site), *f = s.fields.data();
      for (std::int64_t r = 0; r < s.chains; ++r) {
        double* of = f + r * levels_;
        const double largest = *std::max_element(of, of + levels_);
        for (std::int64_t k = 0; k < levels_; ++k) of[k] = (of[k] - largest) / temperature;
      }
      tileKernelsOf<double>().unary({Unary::Exp, 0}, f, f, nullptr, s.chains * levels_);
      for (std::int64_t r = 0; r < s.chains; ++r, f += levels_) {
        double total = 0;
        for (std::int64_t k = 0; k < levels_; ++k) total += f[k];
        const auto now = static_cast<std::int64_t>(x[r]);
        double rest = u[site * s.chains + r] * total;
        std::int64_t j = 0;
        while (j < levels_ - 1 && (rest -= f[(now + j) % levels_]) >= 0) ++j;
        x[r] = static_cast<double>((now + j) % levels_);
      }
    }
  }

  /// E = -sum_s x_s (f_s + h_s) / 2 with f = h + J x, float64 [chains].
  at::Tensor energies(State& s) const {
    at::Tensor energy = at::zeros({s.chains}, at::kDouble);
    auto* e = energy.data_ptr<double>();
    for (std::int64_t site = 0; site < graph_->sites(); ++site) {
      fields(s, site);
      const double *x = s.of(site), *h = field_.data() + site * width_;
      for (std::int64_t r = 0; r < s.chains; ++r) {
        const auto level = flips_ ? 0 : static_cast<std::int64_t>(x[r]);
        e[r] -= 0.5 * (flips_ ? x[r] : 1.0) * (s.fields[index(r * width_ + level)] + h[level]);
      }
    }
    return energy;
  }

  static void requireFinite(const Chains& tile, const at::Tensor& energy, bool start, std::uint64_t counter) {
    if (const std::int64_t row = firstNonFiniteRow(energy); row >= 0)
      chainNotFinite(tile.firstChain + static_cast<std::uint64_t>(row), "its energy", start, counter);
  }

  const Sampler& sampler_;
  Sites sites_;
  std::int64_t levels_;
  std::int64_t width_;  // columns of a site
  bool flips_;          // one, of two levels
  std::shared_ptr<const SiteGraph> graph_;
  std::vector<std::int64_t> order_;
  std::vector<double> field_, couplings_, values_;
};

}  // namespace

std::shared_ptr<const SiteGraph> siteGraphOf(const Energy& energy) {
  const Program& program = energy.program();
  if (program.pairwise.mask < 0) return nullptr;
  const at::Tensor mask =
      program.constants[static_cast<std::size_t>(program.pairwise.mask)].to(at::kCPU, at::kDouble).contiguous();
  const std::int64_t width = program.domain.runs()[0].siteWidth(), sites = mask.size(0) / width;
  auto graph = std::make_shared<SiteGraph>();
  graph->first.push_back(0);
  for (std::int64_t s = 0; s < sites; ++s) {
    const double* row = mask.const_data_ptr<double>() + s * width * mask.size(1);
    for (std::int64_t j = 0; j < sites; ++j)
      if (row[j * width] != 0) graph->other.push_back(j);
    graph->first.push_back(static_cast<std::int64_t>(graph->other.size()));
  }
  if (static_cast<std::int64_t>(graph->other.size()) >= sites * (sites - 1)) return nullptr;
  const std::vector<std::int64_t> colours = coloursOf(*graph, sites);
  graph->order.resize(static_cast<std::size_t>(sites));
  std::iota(graph->order.begin(), graph->order.end(), std::int64_t{0});
  std::stable_sort(graph->order.begin(), graph->order.end(), [&](std::int64_t a, std::int64_t b) {
    return colours[static_cast<std::size_t>(a)] < colours[static_cast<std::size_t>(b)];
  });
  return graph;
}

std::unique_ptr<TileExecutor> fuseLatticeGibbs(const Sampler& sampler, const Energy& energy,
                                               std::shared_ptr<const SiteGraph> graph, bool byColour) {
  if (!runsOwnLoops(energy)) return nullptr;
  return std::make_unique<LatticeGibbs>(sampler, energy, std::move(graph), byColour);
}

}  // namespace langevin
