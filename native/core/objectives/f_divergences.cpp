#include "objectives/f_divergences.hpp"

#include <cmath>
#include <numbers>
#include <sstream>
#include <vector>

namespace langevin {
namespace {

using at::Tensor;

struct Row {
  const char* name;
  // u, and the clipped exponential of a multiple of it
  Tensor (*slope)(const Tensor& u, const FDivergence::Function& exp);
  Tensor (*conjugate)(const Tensor& u, const FDivergence::Function& exp);
};
using Exp = FDivergence::Function;

// f in the comment.
const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {"kl",  // t log t
       [](const Tensor& u, const Exp&) { return 1.0 + u; }, [](const Tensor& u, const Exp& exp) { return exp(u); }},
      {"reverseKl",  // -log t
       [](const Tensor& u, const Exp& exp) { return -exp(-u); }, [](const Tensor& u, const Exp&) { return u - 1.0; }},
      {"jensenShannon",  // t log t - (t + 1) log((t + 1) / 2): twice the divergence in its usual scale
       [](const Tensor& u, const Exp&) { return std::numbers::ln2 + u - at::softplus(u); },
       [](const Tensor& u, const Exp&) { return at::softplus(u) - std::numbers::ln2; }},
      {"squaredHellinger",  // (sqrt t - 1)^2
       [](const Tensor& u, const Exp& exp) { return 1.0 - exp(-0.5 * u); },
       [](const Tensor& u, const Exp& exp) { return exp(0.5 * u) - 1.0; }},
      {"pearson",  // (t - 1)^2
       [](const Tensor& u, const Exp& exp) { return 2.0 * (exp(u) - 1.0); },
       [](const Tensor& u, const Exp& exp) { return exp(2.0 * u) - 1.0; }},
      {"neyman",  // (1 - t)^2 / t
       [](const Tensor& u, const Exp& exp) { return 1.0 - exp(-2.0 * u); },
       [](const Tensor& u, const Exp& exp) { return 2.0 - 2.0 * exp(-u); }},
  };
  return rows;
}

// (t^alpha - 1 - alpha (t - 1)) / (alpha (alpha - 1))
FDivergence alphaDivergence(const Spec& spec, const Exp& exp) {
  const double alpha = spec.number("alpha");
  if (alpha == 0) spec.at("alpha").invalid("must not be 0: the limit is 'reverseKl'");
  if (alpha == 1) spec.at("alpha").invalid("must not be 1: the limit is 'kl'");
  std::ostringstream name;
  name << "alpha " << alpha;
  return {name.str(), [=](const Tensor& u) { return (exp((alpha - 1) * u) - 1.0) / (alpha - 1); },
          [=](const Tensor& u) { return (exp(alpha * u) - 1.0) / alpha; }};
}

}  // namespace

FDivergence readFDivergence(const Spec& spec, double clip) {
  const Exp exp = [clip](const Tensor& exponent) { return exponent.clamp_max(clip).exp(); };
  if (spec.value().map()) return alphaDivergence(spec, exp);
  const std::string& name = spec.text();
  std::string known;
  for (const Row& row : table()) {
    if (name == row.name)
      return {name, [&row, exp](const Tensor& u) { return row.slope(u, exp); },
              [&row, exp](const Tensor& u) { return row.conjugate(u, exp); }};
    known += std::string(row.name) + ", ";
  }
  spec.invalid("'" + name + "' is not one of " + known + "{ alpha }");
}

}  // namespace langevin
