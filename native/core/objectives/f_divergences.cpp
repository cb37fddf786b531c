// Each divergence by its rows of a table, and what holds beyond `clip`.
//
// Any w(u) > 0 with slope' = w and F' = e^u w belongs to a divergence: f''(t) = w(log t) / t is positive, so f is
// convex, and the best u is log p / q for every w. The table's own w grow without bound on one side (helper steps of
// any size) and fade on the other, where a helper that such a step has thrown there stays: neither side pulls it back.
// So w continues from its values at the ends as
//   u < -clip: w = w(-clip)                    slope goes on linearly, F levels off: data pull u up with a steady force
//   u >  clip: w = w(clip) e^(clip - u)        F goes on linearly, slope levels off: negatives pull u down likewise
// which bounds every force by its values within the clip and leaves the divergence of laws with |log p / q| <= clip as
// it is. Clipping the exponents instead leaves no gradient at all beyond them.
#include "objectives/f_divergences.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>
#include <vector>

#include "objectives/logistic.hpp"

namespace langevin {
namespace {

struct Generator {
  std::string name;
  FDivergence::Function slope, conjugate, weight;
};

// f in the comment.
const std::vector<Generator>& divergenceTable() {
  static const std::vector<Generator> rows = {
      {"kl",  // t log t
       [](double u) { return 1.0 + u; }, [](double u) { return std::exp(u); }, [](double) { return 1.0; }},
      {"reverseKl",  // -log t
       [](double u) { return -std::exp(-u); }, [](double u) { return u - 1.0; }, [](double u) { return std::exp(-u); }},
      {"jensenShannon",  // t log t - (t + 1) log((t + 1) / 2): twice the divergence in its usual scale
       [](double u) { return std::numbers::ln2 + u - softplus(u).value; },
       [](double u) { return softplus(u).value - std::numbers::ln2; }, [](double u) { return softplus(-u).slope; }},
      {"squaredHellinger",  // (sqrt t - 1)^2
       [](double u) { return 1.0 - std::exp(-0.5 * u); }, [](double u) { return std::exp(0.5 * u) - 1.0; },
       [](double u) { return 0.5 * std::exp(-0.5 * u); }},
      {"pearson",  // (t - 1)^2
       [](double u) { return 2.0 * (std::exp(u) - 1.0); }, [](double u) { return std::exp(2.0 * u) - 1.0; },
       [](double u) { return 2.0 * std::exp(u); }},
      {"neyman",  // (1 - t)^2 / t
       [](double u) { return 1.0 - std::exp(-2.0 * u); }, [](double u) { return 2.0 - 2.0 * std::exp(-u); },
       [](double u) { return 2.0 * std::exp(-2.0 * u); }},
  };
  return rows;
}

// (t^alpha - 1 - alpha (t - 1)) / (alpha (alpha - 1))
Generator alphaGenerator(const Spec& spec) {
  const double alpha = spec.number("alpha");
  if (alpha == 0) spec.at("alpha").invalid("must not be 0: the limit is 'reverseKl'");
  if (alpha == 1) spec.at("alpha").invalid("must not be 1: the limit is 'kl'");
  std::ostringstream name;
  name << "alpha " << alpha;
  return {name.str(), [=](double u) { return (std::exp((alpha - 1) * u) - 1.0) / (alpha - 1); },
          [=](double u) { return (std::exp(alpha * u) - 1.0) / alpha; },
          [=](double u) { return std::exp((alpha - 1) * u); }};
}

// Of float32, with room for sums and squares of gradients kept apart in float64.
constexpr double kLargestForce = 1e30;

Generator readGenerator(const Spec& spec) {
  if (spec.value().map()) return alphaGenerator(spec);
  const std::string& name = spec.text();
  std::string known;
  for (const Generator& row : divergenceTable()) {
    if (name == row.name) return row;
    known += row.name + ", ";
  }
  spec.invalid("'" + name + "' is not one of " + known + "{ alpha }");
}

}  // namespace

FDivergence readFDivergence(const Spec& spec, double clip) {
  const Generator g = readGenerator(spec);
  // The steady forces: of the data below, of the negatives above.
  const double low = g.weight(-clip), high = g.weight(clip) * std::exp(clip);
  if (!(std::max(low, high) <= kLargestForce)) {
    std::ostringstream problem;
    problem << "a clip of " << clip << " is too large for '" << g.name
            << "': exponents there leave the range of float32; 3 "
            << "to 5 is usual";
    spec.invalid(problem.str());
  }
  const double fade = std::exp(-clip);
  return {g.name,
          [=](double u) {
            if (u < -clip) return g.slope(-clip) + low * (u + clip);
            return u > clip ? g.slope(clip) - high * fade * std::expm1(clip - u) : g.slope(u);
          },
          [=](double u) {
            if (u < -clip) return g.conjugate(-clip) + low * fade * std::expm1(u + clip);
            return u > clip ? g.conjugate(clip) + high * (u - clip) : g.conjugate(u);
          },
          [=](double u) { return u < -clip  ? low
                                 : u > clip ? high * std::exp(-u)
                                            : g.weight(u); },
          // A product with e^u would be infinity times 0 far out.
          [=](double u) { return u > clip ? high : std::exp(u) * (u < -clip ? low : g.weight(u)); }};
}

}  // namespace langevin
