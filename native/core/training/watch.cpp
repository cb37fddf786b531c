#include "training/watch.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace langevin {
namespace {

struct Limit {
  const char* monitor;
  double limit;
  enum Side { Above, Below, AboveInSize } side;
  const char* message;  // after "<monitor> is <value>, <beyond> <limit>: "
};

// docs/diagnose.md lists them.
constexpr Limit kLimits[] = {
    {"gap", 20, Limit::AboveInSize,
     "the negatives are not samples of the model; more sampler steps, a smaller lr, or penalties: { energy: 0.1 }"},
    {"acceptance", 0, Limit::Below,
     "that is the share of sampler steps a Metropolis test accepts, or would accept: the chains follow a law biased by "
     "the step size, or barely move; a smaller stepSize"},
    {"clippedShare", 0.1, Limit::Above,
     "clipped gradients are not those of the energy, the chains follow another law; a larger clip or a smaller lr"},
    {"clampedShare", 0.1, Limit::Above,
     "chains pile up on the border of the box; mode: 'reflect', a wider box, or a gaussianBase"},
    {"displacement", 0.01, Limit::Below,
     "chains barely move (in units of the spread of the data), so negatives stay where they started; a larger stepSize "
     "or "
     "more steps"},
    {"drift", 1, Limit::AboveInSize,
     "that is E at the ends of short chains less E at the ends of long ones: short chains have not converged and long "
     "ones end elsewhere (non-convergent learning); more steps, a larger longChains.weight or a smaller lr"},
    {"uniformGap", -0.5, Limit::Below,
     "uniform noise is more probable than data under this energy; more or longer chains, starts from noise "
     "(reinitFrom: "
     "'uniform')"},
};

bool passes(Limit::Side side, double limit, double value) {
  if (side == Limit::Above) return value > limit;
  if (side == Limit::Below) return value < limit;
  return std::abs(value) > limit;
}

// With a test 0.2 is enough. Without one, what a test would accept says how large the bias is: on a Gaussian
// 1 - 0.07 sqrt(d) is a variance a third too large; at the limit of stability the rate is 0.5 in any dimension.
double leastAcceptance(const Sampler* sampler, std::int64_t columns) {
  if (sampler && sampler->adjusted()) return 0.2;
  return std::max(0.6, 1 - 0.07 * std::sqrt(static_cast<double>(columns)));
}

}  // namespace

Watch::Watch(std::int64_t steps, const Sampler* sampler, std::int64_t columns)
    : stretch_(std::max<std::int64_t>(10, steps / 10)),
      clamps_(sampler && sampler->common().box && !sampler->common().box->reflect),
      leastAcceptance_(leastAcceptance(sampler, columns)) {}

void Watch::see(const std::map<std::string, double>& latest, std::int64_t step, Job& job) {
  for (const Limit& l : kLimits) {
    const auto it = latest.find(l.monitor);
    if (it == latest.end()) continue;
    Mean& mean = means_[l.monitor];
    mean.sum += it->second;
    ++mean.count;
  }
  if ((step + 1) % stretch_ != 0) return;
  // The first stretch is the start of the chains and of the weights.
  if (step + 1 > stretch_) judge(step, job);
  means_.clear();
}

void Watch::judge(std::int64_t step, Job& job) {
  // Without negatives an energy is not asked to be a density.
  const bool contrastive = means_.count("gap") > 0;
  for (const Limit& l : kLimits) {
    const std::string name = l.monitor;
    const auto it = means_.find(name);
    if (it == means_.end() || told_.count(name) > 0) continue;
    if ((name == "clampedShare" && !clamps_) || (name == "uniformGap" && !contrastive)) continue;
    const double value = it->second.sum / static_cast<double>(it->second.count);
    const double limit = name == "acceptance" ? leastAcceptance_ : l.limit;
    if (!passes(l.side, limit, value)) continue;
    told_.insert(name);
    std::ostringstream text;
    text << name << " is " << value << ", " << (l.side == Limit::Below ? "below " : "beyond ") << limit << ": "
         << l.message;
    Map event{{"type", "warning"}, {"step", step + 1}, {"monitor", name},
              {"value", value},    {"limit", limit},   {"message", text.str()}};
    warnings_.emplace_back(event);
    job.emit(std::move(event));
  }
}

}  // namespace langevin
