// Kernel Stein discrepancy as an objective (Liu, Lee and Jordan 2016; inverse multiquadric: Gorham and Mackey 2017;
// minimised over models: Barp et al. 2019):
//   loss = mean over pairs i != j of u(x_i, x_j)
// which needs the model's score alone: no Z, no samples. `estimator: 'biased'` keeps the pairs i = j (never negative,
// and at small batches pulled towards flat energies).
#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "statistics/distances.hpp"
#include "statistics/stein_kernel.hpp"

namespace langevin {
namespace {

class SteinDiscrepancy : public Objective {
 public:
  explicit SteinDiscrepancy(const Spec& spec) : median_(isMedian(spec)), biased_(isBiased(spec)) {
    if (!median_) kernel_.scale = spec.positive("scale");
    kernel_.beta = spec.number("beta", -0.5);
    if (!(kernel_.beta > -1 && kernel_.beta < 0)) spec.at("beta").invalid("must lie between -1 and 0");
  }

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) override {
    requireRealRows(model, "steinDiscrepancy differentiates E in x");
    requireUnconditional(data, "steinDiscrepancy");
    if (!median_) return;
    const at::Tensor rows =
        data.whole("the median distance of steinDiscrepancy (give scale yourself)").x.to(at::kCPU, at::kDouble);
    if (rows.size(0) < 2) fail(Code::Shape, "the median distance needs at least 2 rows; give scale yourself");
    const std::int64_t half = rows.size(0) / 2;  // the median of all rows, whichever half they are in
    kernel_.scale = medianDistance(rows.slice(0, 0, half), rows.slice(0, half));
  }

  at::Tensor loss(StepContext& context) override {
    const std::int64_t n = context.batch.size();
    if (n < 2 && !biased_) fail(Code::Shape, "steinDiscrepancy compares pairs of rows: batchSize must be at least 2");
    const at::Tensor s = context.score(context.batch);
    const SteinSum sum = steinSum(context.batch.x, s, kernel_, biased_, context.threads);
    const auto pairs = static_cast<double>(n) * static_cast<double>(biased_ ? n : n - 1);
    const at::NoGradGuard guard;
    const double value = (s * sum.gradient).sum().item<double>() + sum.rest;
    return context.lossWithGradients(value / pairs, {{s, sum.gradient / pairs}});
  }

  Map statistics() const override { return {{"scale", kernel_.scale}}; }

 private:
  static bool isMedian(const Spec& spec) {
    const auto scale = spec.find("scale");
    if (!scale || scale->value().get<double>()) return !scale;
    if (scale->text() != "median") scale->invalid("must be a number above 0 or 'median'");
    return true;
  }
  static bool isBiased(const Spec& spec) {
    const std::string rule = spec.text("estimator", "unbiased");
    if (rule != "biased" && rule != "unbiased") spec.at("estimator").invalid("must be 'biased' or 'unbiased'");
    return rule == "biased";
  }

  bool median_, biased_;
  InverseMultiquadric kernel_;
};

}  // namespace

std::unique_ptr<Objective> makeSteinDiscrepancy(const Spec& spec) { return std::make_unique<SteinDiscrepancy>(spec); }

}  // namespace langevin
