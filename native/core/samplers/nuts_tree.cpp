#include "samplers/nuts_tree.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {
namespace {

constexpr double kDivergence = 1000;  // energy error in units of the temperature

double kinetic(const std::vector<double>& p) {
  double sum = 0;
  for (const double v : p) sum += v * v;
  return 0.5 * sum;
}

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

void NutsTree::start(const NutsSetting& setting, const double* x, double energy, const double* gradient,
                     const double* p, const MetricFactor& factor, double stepSize, const ChainUniforms& uniforms) {
  setting_ = setting;
  factor_ = factor;
  stepSize_ = stepSize;
  uniforms_ = uniforms;
  const auto d = static_cast<std::size_t>(setting.columns);
  NutsPoint& here = main_.proposal;
  here.x.assign(x, x + d);
  here.p.assign(p, p + d);
  here.gradient.assign(gradient, gradient + d);
  here.energy = energy;
  here.kick = clipFactor(setting.clip, gradient, setting.columns);
  edges_[0] = edges_[1] = here;
  main_.begin = main_.end = main_.rho = here.p;
  main_.logWeight = 0;
  start_ = energy + kinetic(here.p);
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
  factor_.kick(h / 2 * e.kick, e.gradient.data(), e.p.data());
  factor_.drift(h, e.p.data(), e.x.data());
  touched_ |= bounce(setting_.box, setting_.float32, e.x.data(), e.p.data(), setting_.columns);
  return e.x;
}

void NutsTree::receive(double energy, const double* gradient) {
  NutsPoint& e = edges_[side_];
  const double h = side_ == 1 ? stepSize_ : -stepSize_;
  e.energy = energy;
  e.gradient.assign(gradient, gradient + setting_.columns);
  e.kick = clipFactor(setting_.clip, gradient, setting_.columns);
  factor_.kick(h / 2 * e.kick, gradient, e.p.data());
  addLeaf();
}

void NutsTree::addLeaf() {
  const NutsPoint& e = edges_[side_];
  const double change = (start_ - e.energy - kinetic(e.p)) / setting_.temperature;
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
bool NutsTree::straight(const NutsRun& first, const NutsRun& second) {
  return ahead(first.begin, second.end, first.rho, &second.rho) &&
         ahead(first.begin, second.begin, first.rho, &second.begin) &&
         ahead(first.end, second.end, second.rho, &first.end);
}

bool NutsTree::ahead(const std::vector<double>& p, const std::vector<double>& q, const std::vector<double>& rho,
                     const std::vector<double>* more) {
  double atP = 0, atQ = 0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const double along = rho[c] + (*more)[c];
    atP += p[c] * along;
    atQ += q[c] * along;
  }
  return atP > 0 && atQ > 0;
}

}  // namespace langevin
