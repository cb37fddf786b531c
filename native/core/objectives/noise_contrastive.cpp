// Noise-contrastive estimation (Gutmann and Hyvarinen 2012, eq. 8): logistic regression between data and noise with a
// learnable log Z and nu noise rows per data row.
//   u(x) = -E(x) - logZ - log p_noise(x) - log nu
//   loss = mean_data softplus(-u) + nu mean_noise softplus(u)
// Where the model can be the data law, the minimiser has both the energy and log Z right.
#include <algorithm>
#include <cmath>

#include "objectives/logistic.hpp"
#include "objectives/objective.hpp"
#include "objectives/support.hpp"
#include "tensors/saved.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class NoiseContrastive : public Objective {
 public:
  explicit NoiseContrastive(const Spec& spec)
      : noise_(makeNoise(spec.at("noise"))),
        ratio_(spec.count("ratio", 1, 1)),
        learn_(spec.boolean("learnLogZ", true)),
        start_(spec.has("logZ") ? std::optional<double>(spec.number("logZ")) : std::nullopt) {}

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random& random) override {
    requireRealRows(model, "noiseContrastive compares with a density over real columns");
    noise_->fit(data);
    logZ_ = start_ ? *start_ : estimate(model, data, random);
  }

  at::Tensor loss(StepContext& context) override {
    const Batch& data = context.batch;
    const Batch negatives = noiseRows(context, *noise_, ratio_);
    const EnergyPair energy = energiesOf(context, data, negatives);
    context.recordData(energy.data);
    context.recordNegatives(energy.negatives);
    const at::Tensor logZ = learn_ ? context.learnableScalar("logZ") : at::Tensor();
    const double shift = (learn_ ? logZ.item<double>() : logZ_) + std::log(static_cast<double>(ratio_));
    const std::vector<double> density = numbersOf(noise_->logDensity(at::cat({data.x, negatives.x})));
    const auto n = static_cast<std::size_t>(data.size());
    Side onData = side(energy.data, density.data(), shift, -1);
    Side onNoise = side(energy.negatives, density.data() + n, shift, 1);
    const auto nu = static_cast<double>(ratio_);
    for (double& s : onNoise.slopes) s *= nu;
    context.monitor("accuracy", 0.5 * (onData.right + onNoise.right));
    std::vector<Derivative> derivatives{{energy.data, tensorOf(onData.slopes, energy.data)},
                                        {energy.negatives, tensorOf(onNoise.slopes, energy.negatives)}};
    if (learn_) derivatives.push_back({logZ, at::full_like(logZ, onData.slope + nu * onNoise.slope)});
    return context.lossWithGradients(onData.loss + nu * onNoise.loss, derivatives);
  }

  std::map<std::string, double> learnableScalars() const override {
    if (!learn_) return {};
    return {{"logZ", logZ_}};
  }
  Map statistics() const override { return {{"logZStart", logZ_}}; }
  std::map<std::string, at::Tensor> state() const override {
    return {{"logZStart", at::full({1}, logZ_, at::kDouble)}};
  }
  void setState(const std::map<std::string, at::Tensor>& state) override {
    logZ_ = savedTensor(state, "logZStart").item<double>();
  }

 private:
  // mean softplus(sign u) over rows of one kind.
  struct Side {
    double loss = 0, right = 0, slope = 0;  // `right`: share with sign u < 0; d loss / d logZ
    std::vector<double> slopes;             // d loss / dE of every row
  };
  static Side side(const at::Tensor& energy, const double* logDensity, double shift, double sign) {
    Side s;
    s.slopes = numbersOf(energy);
    const double n = static_cast<double>(s.slopes.size());
    for (std::size_t i = 0; i < s.slopes.size(); ++i) {
      const double signedU = -sign * (s.slopes[i] + logDensity[i] + shift);
      const Softplus f = softplus(signedU);
      s.loss += f.value / n;
      s.right += (signedU < 0 ? 1 : 0) / n;
      s.slopes[i] = -sign * f.slope / n;
      s.slope += s.slopes[i];
    }
    return s;
  }

  // log Z of the untrained energy by importance sampling from the noise: the logits start near 0 instead of wherever
  // the initial energy happens to lie.
  double estimate(const Energy& model, const RowSource& data, const Random& random) const {
    constexpr std::int64_t kRows = 4096;
    at::NoGradGuard guard;
    Batch rows;
    rows.x = noise_->sample(kRows, 0, random.fork(Salt::NoiseEstimate));
    rows.y = data.y(at::arange(kRows, at::kLong).remainder(data.size()));
    const at::Tensor weights = -model.energyOf(rows, 1) - noise_->logDensity(rows.x);
    const double logZ = weights.to(at::kDouble).logsumexp(0).item<double>() - std::log(static_cast<double>(kRows));
    if (!std::isfinite(logZ))
      fail(Code::NonFinite, "the untrained energy is not finite on noise rows (log Z estimate ", logZ,
           "); give logZ, or noise closer to the data");
    return logZ;
  }

  std::unique_ptr<Noise> noise_;
  std::int64_t ratio_;
  bool learn_;
  std::optional<double> start_;
  double logZ_ = 0;
};

}  // namespace

std::unique_ptr<Objective> makeNoiseContrastive(const Spec& spec) { return std::make_unique<NoiseContrastive>(spec); }

}  // namespace langevin
