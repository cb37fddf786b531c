#include "samplers/nuts_tree.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/tile_kernels.hpp"

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

void NutsTree::start(NumbersPool& pool, const NutsSetting& setting, const double* x, double energy,
                     const double* gradient, const double* p, const MetricFactor& factor, double stepSize,
                     const ChainUniforms& uniforms) {
  pool_ = &pool;
  setting_ = setting;
  factor_ = factor;
  stepSize_ = stepSize;
  uniforms_ = uniforms;
  NutsPoint& here = main_.proposal;
  here.x = copied(x);
  here.p = copied(p);
  here.gradient = copied(gradient);
  here.energy = energy;
  here.kick = clipFactor(setting.clip, gradient, setting.columns);
  edges_[0] = edges_[1] = here;
  main_.begin = main_.end = main_.rho = here.p;
  main_.logWeight = 0;
  start_ = energy + along(here.p, here.p) / 2;
  acceptance_ = 0;
  depth_ = leaves_ = 0;
  divergent_ = moved_ = touched_ = false;
  stack_.resize(static_cast<std::size_t>(setting.maxDepth) + 1);
  running_ = true;
  grow();
}

Numbers NutsTree::copied(const double* numbers) const {
  Numbers row(*pool_);
  std::copy_n(numbers, pool_->length(), row.data());
  return row;
}

Numbers NutsTree::added(const Numbers& a, const Numbers& b) const {
  Numbers row(*pool_);
  const double *x = a.data(), *y = b.data();
  double* out = row.data();
  for (std::size_t c = 0; c < pool_->length(); ++c) out[c] = x[c] + y[c];
  return row;
}

double NutsTree::along(const Numbers& a, const Numbers& b) const {
  double sum;
  tileKernelsOf<double>().rowDots(a.data(), b.data(), &sum, 1, setting_.columns, false);
  return sum;
}

// Twice as many states, in a random direction.
void NutsTree::grow() {
  side_ = uniforms_.next() < 0.5 ? 0 : 1;
  used_ = 0;
}

const double* NutsTree::advance() {
  NutsPoint& e = edges_[side_];
  const double h = side_ == 1 ? stepSize_ : -stepSize_;
  Numbers x = copied(e.x.data()), p = copied(e.p.data());
  factor_.kick(h / 2 * e.kick, e.gradient.data(), p.data());
  factor_.drift(h, p.data(), x.data());
  touched_ |= bounce(setting_.box, setting_.float32, x.data(), p.data(), setting_.columns);
  e.x = std::move(x);
  e.p = std::move(p);
  return e.x.data();
}

// The momentum of advance() is the edge's alone until its leaf is made: it is finished in place.
void NutsTree::receive(double energy, const double* gradient) {
  NutsPoint& e = edges_[side_];
  const double h = side_ == 1 ? stepSize_ : -stepSize_;
  e.energy = energy;
  e.gradient = copied(gradient);
  e.kick = clipFactor(setting_.clip, gradient, setting_.columns);
  factor_.kick(h / 2 * e.kick, gradient, e.p.data());
  addLeaf();
}

void NutsTree::addLeaf() {
  const NutsPoint& e = edges_[side_];
  const double change = (start_ - e.energy - along(e.p, e.p) / 2) / setting_.temperature;
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
  const Numbers rho = added(first.rho, second.rho);
  running_ = straight(first, second, rho);
  const double total = logSum(first.logWeight, second.logWeight);
  if (std::log(uniforms_.next()) < second.logWeight - total) std::swap(first.proposal, second.proposal);
  first.rho = rho;
  std::swap(first.end, second.end);
  first.logWeight = total;
  ++first.level;
  --used_;
}

// The doubling is whole: biased progressive sampling prefers its states to the older ones.
void NutsTree::joinMain() {
  NutsRun& run = stack_[0];
  if (side_ == 0) std::swap(main_.begin, main_.end);  // in the order of integration
  const Numbers rho = added(main_.rho, run.rho);
  const bool onwards = straight(main_, run, rho);
  if (std::log(uniforms_.next()) < run.logWeight - main_.logWeight) {
    std::swap(main_.proposal, run.proposal);
    moved_ = true;
  }
  main_.rho = rho;
  std::swap(main_.end, run.end);
  if (side_ == 0) std::swap(main_.begin, main_.end);
  main_.logWeight = logSum(main_.logWeight, run.logWeight);
  ++depth_;
  running_ = onwards && depth_ < setting_.maxDepth;
  if (running_) grow();
}

// Both ends of the joined run still move apart, and so do the ends of either half with the neighbouring state of the
// other (without which a half period of an oscillation goes unseen).
bool NutsTree::straight(const NutsRun& first, const NutsRun& second, const Numbers& rho) const {
  return ahead(first.begin, second.end, rho) && ahead(first.begin, second.begin, added(first.rho, second.begin)) &&
         ahead(first.end, second.end, added(second.rho, first.end));
}

bool NutsTree::ahead(const Numbers& p, const Numbers& q, const Numbers& rho) const {
  return along(p, rho) > 0 && along(q, rho) > 0;
}

}  // namespace langevin
