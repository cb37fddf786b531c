#include "samplers/nuts_tree.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {
namespace {

constexpr double kDivergence = 1000;  // energy error in units of the temperature

double logSum(double a, double b) {
  const double most = std::max(a, b);
  return std::isinf(most) ? most : most + std::log(std::exp(a - most) + std::exp(b - most));
}

}  // namespace

double ChainUniforms::next() {
  if (used_ == kLot) {
    fillUniform(lot_, 1, kLot, Random(seed_).fork(Salt::TreeUniforms, lots_++).seed(), chain_, counter_,
                Stream::Accept);
    used_ = 0;
  }
  return lot_[used_++];
}

double nutsKinetic(const double* p, const double* inverseMass, std::int64_t columns) {
  double sum = 0;
  for (std::int64_t c = 0; c < columns; ++c) sum += p[c] * p[c] * inverseMass[c];
  return 0.5 * sum;
}

bool nutsDrift(const NutsSetting& setting, const double* inverseMass, double h, double* x, double* p) {
  bool touched = false;
  for (std::int64_t c = 0; c < setting.columns; ++c) {
    x[c] += h * inverseMass[c] * p[c];
    if (setting.box && (x[c] < setting.box->low || x[c] > setting.box->high)) {
      const double low = setting.box->low, width = setting.box->high - low;
      double phase = std::fmod(x[c] - low, 2 * width);
      if (phase < 0) phase += 2 * width;
      if (phase > width) p[c] = -p[c];
      x[c] = low + (phase > width ? 2 * width - phase : phase);
      touched = true;
    }
    if (setting.float32) x[c] = static_cast<float>(x[c]);
  }
  return touched;
}

double nutsKick(const NutsSetting& setting, const double* gradient) {
  if (setting.clip <= 0) return 1;
  double square = 0;
  for (std::int64_t c = 0; c < setting.columns; ++c) square += gradient[c] * gradient[c];
  const double norm = std::sqrt(square);
  return norm > setting.clip ? setting.clip / norm : 1;
}

void NutsTree::start(const NutsSetting& setting, const double* x, double energy, const double* gradient,
                     const double* p, const double* inverseMass, double stepSize, const ChainUniforms& uniforms) {
  setting_ = setting;
  inverseMass_ = inverseMass;
  stepSize_ = stepSize;
  uniforms_ = uniforms;
  const auto d = static_cast<std::size_t>(setting.columns);
  NutsPoint& here = main_.proposal;
  here.x.assign(x, x + d);
  here.p.assign(p, p + d);
  here.gradient.assign(gradient, gradient + d);
  here.energy = energy;
  here.kick = nutsKick(setting, gradient);
  edges_[0] = edges_[1] = here;
  main_.begin = main_.end = main_.rho = here.p;
  main_.logWeight = 0;
  start_ = energy + nutsKinetic(p, inverseMass, setting.columns);
  acceptance_ = 0;
  depth_ = leaves_ = 0;
  divergent_ = moved_ = touched_ = false;
  stack_.resize(static_cast<std::size_t>(setting.maxDepth) + 1);
  running_ = true;
  grow();
}

// Twice as many states, in a random direction.
void NutsTree::grow() {
  side_ = uniforms_.next() < 0.5 ? 0 : 1;
  used_ = 0;
}

const std::vector<double>& NutsTree::advance() {
  NutsPoint& e = edges_[side_];
  const double h = side_ == 1 ? stepSize_ : -stepSize_;
  for (std::size_t c = 0; c < e.p.size(); ++c) e.p[c] -= h / 2 * e.kick * e.gradient[c];
  touched_ |= nutsDrift(setting_, inverseMass_, h, e.x.data(), e.p.data());
  return e.x;
}

void NutsTree::receive(double energy, const double* gradient) {
  NutsPoint& e = edges_[side_];
  const double h = side_ == 1 ? stepSize_ : -stepSize_;
  e.energy = energy;
  e.gradient.assign(gradient, gradient + setting_.columns);
  e.kick = nutsKick(setting_, gradient);
  for (std::size_t c = 0; c < e.p.size(); ++c) e.p[c] -= h / 2 * e.kick * e.gradient[c];
  addLeaf();
}

void NutsTree::addLeaf() {
  const NutsPoint& e = edges_[side_];
  const double change =
      (start_ - e.energy - nutsKinetic(e.p.data(), inverseMass_, setting_.columns)) / setting_.temperature;
  ++leaves_;
  acceptance_ += change >= 0 ? 1 : change < 0 ? std::exp(change) : 0;  // NaN: 0
  if (!(change >= -kDivergence)) {                                     // NaN too
    divergent_ = true;
    running_ = false;
    return;
  }
  NutsRun& leaf = stack_[used_++];
  leaf.begin = leaf.end = leaf.rho = e.p;
  leaf.logWeight = change;
  leaf.level = 0;
  leaf.proposal = e;
  while (running_ && used_ > 1 && stack_[used_ - 1].level == stack_[used_ - 2].level) mergeTop();
  if (running_ && used_ == 1 && stack_[0].level == depth_) joinMain();
}

// Two neighbours of one level; within a doubling a state is drawn by its weight alone.
void NutsTree::mergeTop() {
  NutsRun &first = stack_[used_ - 2], &second = stack_[used_ - 1];
  running_ = straight(first, second);
  const double total = logSum(first.logWeight, second.logWeight);
  if (std::log(uniforms_.next()) < second.logWeight - total) std::swap(first.proposal, second.proposal);
  for (std::size_t c = 0; c < first.rho.size(); ++c) first.rho[c] += second.rho[c];
  std::swap(first.end, second.end);
  first.logWeight = total;
  ++first.level;
  --used_;
}

// The doubling is whole: biased progressive sampling prefers its states to the older ones.
void NutsTree::joinMain() {
  NutsRun& run = stack_[0];
  if (side_ == 0) std::swap(main_.begin, main_.end);  // in the order of integration
  const bool onwards = straight(main_, run);
  if (std::log(uniforms_.next()) < run.logWeight - main_.logWeight) {
    std::swap(main_.proposal, run.proposal);
    moved_ = true;
  }
  for (std::size_t c = 0; c < run.rho.size(); ++c) main_.rho[c] += run.rho[c];
  std::swap(main_.end, run.end);
  if (side_ == 0) std::swap(main_.begin, main_.end);
  main_.logWeight = logSum(main_.logWeight, run.logWeight);
  ++depth_;
  running_ = onwards && depth_ < setting_.maxDepth;
  if (running_) grow();
}

// Both ends of the joined run still move apart, and so do the ends of either half with the neighbouring state of the
// other (without which a half period of an oscillation goes unseen).
bool NutsTree::straight(const NutsRun& first, const NutsRun& second) const {
  return ahead(first.begin, second.end, first.rho, &second.rho) &&
         ahead(first.begin, second.begin, first.rho, &second.begin) &&
         ahead(first.end, second.end, second.rho, &first.end);
}

bool NutsTree::ahead(const std::vector<double>& p, const std::vector<double>& q, const std::vector<double>& rho,
                     const std::vector<double>* more) const {
  double atP = 0, atQ = 0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const double along = (rho[c] + (more ? (*more)[c] : 0)) * inverseMass_[c];
    atP += p[c] * along;
    atQ += q[c] * along;
  }
  return atP > 0 && atQ > 0;
}

}  // namespace langevin
