#include "samplers/warmup.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/remedy.hpp"
#include "samplers/moves.hpp"

namespace langevin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void flat(std::uint64_t chain, double step) {
  throw errorWithRemedy(
      Code::Diverged,
      "chain " + std::to_string(chain) + ": a step of " + std::to_string(step) +
          " changes the energy by nothing, so exp(-E) is flat where the chain is and has no finite integral",
      "give a box, or an energy that grows at infinity (gaussianBase)", {{"chain", static_cast<double>(chain)}});
}

// Welford's update with the number n of a window.
template <class T>
void addToWindow(const ChainAdaptation& chain, std::int64_t d, const T* x, const T* gradient, double n, bool dense) {
  double *mean = chain.mean(), *squares = chain.squares(), *slope = chain.slope(), *slopes = chain.slopeSquares();
  for (std::int64_t c = 0; c < d; ++c) {
    const double change = x[c] - mean[c], steeper = gradient[c] - slope[c];
    if (dense)  // the means before c are of n states already, and (x_c - old mean)(x_b - new mean) is what is due
      for (std::int64_t b = 0; b < c; ++b) chain.products()[c * d + b] += change * (x[b] - mean[b]);
    mean[c] += change / n;
    squares[c] += change * (x[c] - mean[c]);
    slope[c] += steeper / n;
    slopes[c] += steeper * (gradient[c] - slope[c]);
  }
}

/// How far correlations of n states go towards 0 (Schaefer and Strimmer 2005, target D of their table 2): the sampling
/// variance (1 - r^2)^2 / (n - 1) of all of them over their squares; at least Stan's share.
double shrinkage(const at::Tensor& correlation, double n) {
  const at::Tensor r2 = correlation.tril(-1).square();
  const double pairs = 0.5 * static_cast<double>(r2.size(0) * (r2.size(0) - 1)), found = r2.sum().item<double>();
  if (!(found > 0)) return 1;
  const double noise = pairs - 2 * found + r2.square().sum().item<double>();  // sum of (1 - r^2)^2 over pairs
  return std::clamp(noise / (n - 1) / found, 5e-3 / (n + 5), 1.0);
}

/// Windows that double from `length`, between the steps `from` and `to`; one that would leave too little for the next
/// takes the rest.
template <class Windows>
void doubling(Windows& windows, std::int64_t from, std::int64_t to, std::int64_t length) {
  for (; from < to; length *= 2) {
    std::int64_t last = from + length;
    if (last + 2 * length > to) last = to;
    windows.push_back({from + 1, last});
    from = last;
  }
}

}  // namespace

void MetricFactor::drift(double h, const double* q, double* x) const {
  if (metric == Metric::Diagonal) {
    for (std::int64_t c = 0; c < columns; ++c) x[c] += h * values[c] * q[c];
    return;
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    double sum = 0;
    for (std::int64_t b = 0; b <= c; ++b) sum += values[c * columns + b] * q[b];
    x[c] += h * sum;
  }
}

void MetricFactor::kick(double h, const double* gradient, double* q) const {
  if (metric == Metric::Diagonal) {
    for (std::int64_t c = 0; c < columns; ++c) q[c] -= h * values[c] * gradient[c];
    return;
  }
  for (std::int64_t c = 0; c < columns; ++c)
    for (std::int64_t b = 0; b <= c; ++b) q[b] -= h * values[c * columns + b] * gradient[c];
}

double clipFactor(double clip, const double* gradient, std::int64_t columns) {
  if (clip <= 0) return 1;
  double square = 0;
  for (std::int64_t c = 0; c < columns; ++c) square += gradient[c] * gradient[c];
  const double norm = std::sqrt(square);
  return norm > clip ? clip / norm : 1;
}

bool bounce(const Box* box, bool float32, double* x, double* q, std::int64_t columns) {
  bool touched = false;
  for (std::int64_t c = 0; c < columns; ++c) {
    if (box && (x[c] < box->low || x[c] > box->high)) {
      const double low = box->low, width = box->high - low;
      double phase = std::fmod(x[c] - low, 2 * width);
      if (phase < 0) phase += 2 * width;
      if (phase > width) q[c] = -q[c];
      x[c] = low + (phase > width ? 2 * width - phase : phase);
      touched = true;
    }
    if (float32) x[c] = static_cast<float>(x[c]);
  }
  return touched;
}

WarmupOptions WarmupOptions::read(const Spec& spec, std::int64_t usualSteps) {
  WarmupOptions options;
  options.steps = spec.count("warmup", 0, usualSteps);
  options.targetAcceptance = spec.probability("targetAcceptance", options.targetAcceptance);
  if (!(options.targetAcceptance > 0 && options.targetAcceptance < 1))
    spec.at("targetAcceptance").invalid("must lie strictly between 0 and 1");
  const std::string metric = spec.text("metric", "diagonal");
  if (metric != "diagonal" && metric != "dense")
    spec.at("metric").invalid("'" + metric + "' is not one of diagonal, dense");
  options.metric = metric == "dense" ? Metric::Dense : Metric::Diagonal;
  if (options.metric == Metric::Dense && spec.has("box"))
    spec.at("metric").invalid("with a dense metric a bounce off one wall turns every column; use 'diagonal' in a box");
  return options;
}

Warmup::Warmup(const WarmupOptions& options, const CommonOptions& common)
    : options_(options),
      kind_(common.kind),
      firstStep_(common.stepSize.first()),
      clip_(common.clip),
      box_(common.box),
      windows_(windowsOf(options.steps)) {}

std::vector<Warmup::Window> Warmup::windowsOf(std::int64_t steps) {
  if (steps < 20) return {};
  std::int64_t first = 75, window = 25, last = 50;
  if (first + window + last > steps) {
    first = steps * 15 / 100;
    last = steps / 4;
    window = steps - first - last;
  }
  std::vector<Window> windows;
  constexpr std::int64_t kShortest = 5;
  if (first >= kShortest) doubling(windows, 0, first, kShortest);
  doubling(windows, first, steps - last, window);
  return windows;
}

const Warmup::Window* Warmup::windowOf(std::int64_t seen) const {
  for (const Window& window : windows_)
    if (seen >= window.first && seen <= window.last) return &window;
  return nullptr;
}

// Iterates of dual averaging begin at ten times the step that the search found, which they come back from within some
// 50 steps; where the search has the last word soon, they begin nearer to it.
double Warmup::pull(std::int64_t seen) const {
  std::int64_t from = 0, to = options_.steps;
  for (const Window& window : windows_) {
    if (window.last < seen) from = std::max(from, window.last);
    if (window.last >= seen) to = std::min(to, window.last);
  }
  return std::pow(10.0, std::min(1.0, static_cast<double>(to - from) / 50));
}

// In a box a step goes half of its width at most (at one deviation of the momentum): where the energy is flat, no step
// is ever refused, and a longer one would cross the box many times within one state.
double Warmup::longest(const ChainAdaptation& chain, std::int64_t d, double temperature) const {
  if (!box_) return kInfinity;
  const double scale = *std::max_element(chain.values(), chain.values() + d);
  return (box_->high - box_->low) / (2 * std::sqrt(temperature) * scale);
}

void Warmup::start(Chains& chains) const {
  const std::int64_t d = chains.x.size(1), width = ChainAdaptation::columns(d, options_.metric);
  if (chains.adaptation.defined() && chains.adaptation.size(1) != width)
    fail(Code::Shape, "the chains' adaptation has ", chains.adaptation.size(1), " columns, ", kind_, " has ", width,
         "; resume with the sampler that made the state");
  if (chains.adaptation.defined()) return;
  chains.adaptation = at::zeros({chains.size(), width}, at::kDouble);
  for (std::int64_t i = 0; i < chains.size(); ++i) {
    const ChainAdaptation chain = of(chains.adaptation, i, d);
    for (std::int64_t c = 0; c < d; ++c) chain.values()[options_.metric == Metric::Dense ? c * (d + 1) : c] = 1;
    chain.firstStep() = firstStep_;
    chain.setSearching(options_.steps > 0);
    chain.averaging().start(firstStep_);
  }
}

at::Tensor Warmup::factors(const at::Tensor& adaptation, std::int64_t d) const {
  const std::int64_t first = of(adaptation, 0, d).values() - adaptation.data_ptr<double>();
  if (options_.metric == Metric::Diagonal) return adaptation.slice(1, first, first + d);
  return adaptation.slice(1, first, first + d * d).reshape({-1, d, d});
}

template <class T>
void Warmup::learn(const ChainAdaptation& chain, std::int64_t d, const T* x, const T* gradient, double acceptance,
                   double temperature) const {
  if (chain.seen() >= static_cast<double>(options_.steps)) return;
  const auto seen = static_cast<std::int64_t>(++chain.seen());
  chain.averaging().update(acceptance, options_.targetAcceptance, chain.firstStep() * pull(seen),
                           longest(chain, d, temperature));
  if (const Window* window = windowOf(seen)) {
    const auto n = static_cast<double>(seen - window->first + 1);
    addToWindow(chain, d, x, gradient, n, options_.metric == Metric::Dense);
    if (seen == window->last) close(chain, d, n, temperature);
  }
  if (seen >= options_.steps) chain.averaging().freeze();
}

template void Warmup::learn(const ChainAdaptation&, std::int64_t, const float*, const float*, double, double) const;
template void Warmup::learn(const ChainAdaptation&, std::int64_t, const double*, const double*, double, double) const;

void Warmup::close(const ChainAdaptation& chain, std::int64_t d, double n, double temperature) const {
  if (!closeDense(chain, d, n, temperature)) {
    const bool dense = options_.metric == Metric::Dense;
    for (std::int64_t c = 0; c < d; ++c) {
      if (dense) std::fill_n(chain.values() + c * d, c, 0.0);  // left of the diagonal
      const double spread = chain.squares()[c] / (n - 1), slopes = chain.slopeSquares()[c] / (n - 1);
      double square = slopes > 0 && std::isfinite(slopes) ? std::sqrt(spread / slopes) : spread / temperature;
      if (box_) square = std::min(square, (box_->high - box_->low) * (box_->high - box_->low) / (12 * temperature));
      double& scale = chain.values()[dense ? c * (d + 1) : c];
      // A column that has not moved says nothing: it keeps its scale.
      if (square > 0 && std::isfinite(square)) scale = std::sqrt(square);
    }
  }
  chain.forget();
  chain.firstStep() = chain.averaging().stepSize();
  chain.setSearching(true);
}

bool Warmup::closeDense(const ChainAdaptation& chain, std::int64_t d, double n, double temperature) const {
  if (options_.metric != Metric::Dense || n <= 2 * static_cast<double>(d)) return false;
  const at::Tensor below = at::from_blob(chain.products(), {d, d}, at::kDouble).tril(-1);
  const at::Tensor squares = at::from_blob(chain.squares(), {d}, at::kDouble);
  if (!(squares.min().item<double>() > 0)) return false;
  const at::Tensor sd = squares.sqrt();
  at::Tensor correlation = below / (sd.unsqueeze(1) * sd.unsqueeze(0));
  correlation = (correlation + correlation.t()) * (1 - shrinkage(correlation, n)) + at::eye(d, at::kDouble);
  const auto [lower, failed] = at::linalg_cholesky_ex(correlation);
  if (failed.item<int>() != 0) return false;
  const at::Tensor factor = lower * (sd / std::sqrt((n - 1) * temperature)).unsqueeze(1);
  at::from_blob(chain.values(), {d, d}, at::kDouble).copy_(factor);
  return true;
}

bool Warmup::searching(const double* adaptation, std::int64_t n, std::int64_t d) const {
  const std::int64_t width = ChainAdaptation::columns(d, options_.metric);
  for (std::int64_t i = 0; i < n; ++i)
    if (of(const_cast<double*>(adaptation) + i * width, d).searching()) return true;
  return false;
}

bool Warmup::learning(const at::Tensor& adaptation) const {
  return options_.steps > 0 &&
         ChainAdaptation::seen(adaptation).min().item<double>() < static_cast<double>(options_.steps);
}

Warmup::Rows searchedRows(const Chains& chains, const Target& target, std::uint64_t counter, double temperature) {
  const auto host = [](const at::Tensor& t) { return t.to(at::kCPU, at::kDouble).contiguous(); };
  Warmup::Rows rows;
  rows.x = host(chains.x);
  rows.gradient = host(chains.gradient);
  rows.energy = host(chains.energy);
  rows.adaptation = chains.adaptation;
  rows.firstChain = chains.firstChain;
  rows.counter = counter;
  rows.temperature = temperature;
  rows.float32 = chains.x.scalar_type() == at::kFloat;
  rows.evaluate = [&chains, &target, host](const std::vector<std::int64_t>& which, const at::Tensor& x) {
    at::Tensor y = chains.y;
    if (y.defined()) y = y.index_select(0, at::tensor(which, at::kLong).to(y.device()));
    const EnergyAndGradient value = evaluateAt(target, x.to(chains.x.options()), y);
    return EnergyAndGradient{host(value.energy), host(value.gradient)};
  };
  return rows;
}

// The first half of a leapfrog step from the place of the row, which `x` and `q` take.
void Warmup::leap(const Rows& rows, std::int64_t row, double* x, double* q) const {
  const std::int64_t d = rows.x.size(1);
  const ChainAdaptation chain = of(rows.adaptation, row, d);
  const double* gradient = rows.gradient.const_data_ptr<double>() + row * d;
  std::copy_n(rows.x.const_data_ptr<double>() + row * d, d, x);
  chain.factor().kick(chain.firstStep() / 2 * clipFactor(clip_, gradient, d), gradient, q);
  chain.factor().drift(chain.firstStep(), q, x);
  bounce(box_ ? &*box_ : nullptr, rows.float32, x, q, d);
}

// Gradient descent while a step promises to gain the energy of d columns at least. The first step of a chain promises 16
// times as much, so that one in its place is asked a few times and left alone, and enough to be seen in the digits of a
// large energy; steps grow by the curvature they meet (Barzilai and Borwein 1988), fourfold at most, and have to gain
// 0.3 of what they promise (Armijo).
void Warmup::descend(Rows& rows, std::vector<std::int64_t> which) const {
  constexpr int kEvaluations = 200;
  const std::int64_t d = rows.x.size(1);
  const double least = static_cast<double>(d) * rows.temperature;
  rows.x = rows.x.clone();
  rows.gradient = rows.gradient.clone();
  rows.energy = rows.energy.clone();
  const auto rowOf = [d](const at::Tensor& t, std::int64_t i) { return t.data_ptr<double>() + i * d; };
  const auto dot = [d](const double* a, const double* b) { return std::inner_product(a, a + d, b, 0.0); };
  std::vector<double> sizes(static_cast<std::size_t>(rows.x.size(0)), 0);
  for (int round = 0; round < kEvaluations; ++round) {
    std::erase_if(which, [&](std::int64_t i) {
      double& size = sizes[static_cast<std::size_t>(i)];
      const double square = dot(rowOf(rows.gradient, i), rowOf(rows.gradient, i));
      if (round == 0) size = std::max(16 * least, std::abs(rows.energy.data_ptr<double>()[i]) / 64) / square;
      return !(size * square >= least) || !std::isfinite(size * square);
    });
    if (which.empty()) return;
    const at::Tensor x = rows.x.index_select(0, at::tensor(which, at::kLong));
    for (std::size_t k = 0; k < which.size(); ++k)
      for (std::int64_t c = 0; c < d; ++c) {
        double& v = rowOf(x, static_cast<std::int64_t>(k))[c];
        v -= sizes[static_cast<std::size_t>(which[k])] * rowOf(rows.gradient, which[k])[c];
        if (box_) v = std::clamp(v, box_->low, box_->high);
        if (rows.float32) v = static_cast<float>(v);
      }
    const EnergyAndGradient value = rows.evaluate(which, x);
    for (std::size_t k = 0; k < which.size(); ++k) {
      const std::int64_t i = which[k], row = static_cast<std::int64_t>(k);
      double &size = sizes[static_cast<std::size_t>(i)], &energy = rows.energy.data_ptr<double>()[i];
      double *from = rowOf(rows.x, i), *slope = rowOf(rows.gradient, i);
      const double next = value.energy.const_data_ptr<double>()[k];
      if (!(energy - next >= 0.3 * size * dot(slope, slope)) || !std::isfinite(next)) {  // NaN too
        size /= 4;
        continue;
      }
      double length = 0, bend = 0;
      for (std::int64_t c = 0; c < d; ++c) {
        const double step = rowOf(x, row)[c] - from[c];
        length += step * step;
        bend += step * (rowOf(value.gradient, row)[c] - slope[c]);
      }
      if (bend > 0) size = std::min(4 * size, length / bend);
      energy = next;
      std::copy_n(rowOf(x, row), d, from);
      std::copy_n(rowOf(value.gradient, row), d, slope);
      rows.moved = true;
    }
  }
}

void Warmup::search(Rows& rows, const Random& random) const {
  const std::int64_t n = rows.x.size(0), d = rows.x.size(1);
  std::vector<std::int64_t> which, fresh;
  for (std::int64_t i = 0; i < n; ++i) {
    const ChainAdaptation chain = of(rows.adaptation, i, d);
    if (chain.searching()) which.push_back(i);
    if (chain.searching() && chain.seen() == 0) fresh.push_back(i);
  }
  if (which.empty()) return;
  if (!fresh.empty()) descend(rows, fresh);
  const at::Tensor momenta = random.normal(n, d, rows.counter, Stream::Auxiliary, at::kDouble, rows.firstChain)
                                 .mul_(std::sqrt(rows.temperature));
  std::vector<int> direction(static_cast<std::size_t>(n), 0);
  const auto kinetic = [&](const double* q) {
    double sum = 0;
    for (std::int64_t c = 0; c < d; ++c) sum += q[c] * q[c];
    return 0.5 * sum;
  };
  for (int round = 0; round < 60 && !which.empty(); ++round) {
    const at::Tensor x = at::empty({static_cast<std::int64_t>(which.size()), d}, at::kDouble);
    const at::Tensor q = momenta.index_select(0, at::tensor(which, at::kLong));
    const auto place = [&](std::size_t k) { return static_cast<std::int64_t>(k) * d; };
    for (std::size_t k = 0; k < which.size(); ++k)
      leap(rows, which[k], x.data_ptr<double>() + place(k), q.data_ptr<double>() + place(k));
    const EnergyAndGradient value = rows.evaluate(which, x);
    std::vector<std::int64_t> unsettled;
    for (std::size_t k = 0; k < which.size(); ++k) {
      const std::int64_t i = which[k];
      const ChainAdaptation chain = of(rows.adaptation, i, d);
      const double* gradient = value.gradient.const_data_ptr<double>() + place(k);
      double* now = q.data_ptr<double>() + place(k);
      chain.factor().kick(chain.firstStep() / 2 * clipFactor(clip_, gradient, d), gradient, now);
      const double change =
          (rows.energy.const_data_ptr<double>()[i] + kinetic(momenta.const_data_ptr<double>() + i * d) -
           value.energy.const_data_ptr<double>()[k] - kinetic(now)) /
          rows.temperature;
      const int wanted = change > std::log(0.8) ? 1 : -1;  // NaN: smaller
      int& asked = direction[static_cast<std::size_t>(i)];
      if (asked == 0) asked = wanted;
      if (wanted != asked || (asked > 0 && chain.firstStep() >= longest(chain, d, rows.temperature))) continue;
      chain.firstStep() *= asked > 0 ? 2 : 0.5;
      unsettled.push_back(i);
    }
    which.swap(unsettled);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const ChainAdaptation chain = of(rows.adaptation, i, d);
    if (!chain.searching()) continue;
    const bool endless = direction[static_cast<std::size_t>(i)] > 0 && std::count(which.begin(), which.end(), i) > 0;
    if (endless) flat(rows.firstChain + static_cast<std::uint64_t>(i), chain.firstStep());
    chain.firstStep() = std::min(chain.firstStep(), longest(chain, d, rows.temperature));
    chain.averaging().start(chain.firstStep());
    chain.setSearching(false);
  }
}

}  // namespace langevin
