// flow: rotation-based iterative Gaussianisation of the data (Laparra, Camps-Valls and Malo 2011). Whitened rows
// pass through layers z <- g(R z): a random rotation R, then every column through a monotone spline g_j that
// makes its histogram normal. After enough layers all directions are normal, so a draw is a standard normal row
// sent backwards and
//   log p(x) = log N(z; 0, 1) + sum over layers and columns of log g_j' - log det of the whitening,
// which is exact for whatever the layers are. Nothing is trained by gradients.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "noises/noise.hpp"
#include "noises/splines.hpp"
#include "noises/whitening.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kLeastRows = 20, kMostFittedRows = 20000;
constexpr std::int64_t kHeldOut = 5;    // one row in five
constexpr std::int64_t kPatience = 10;  // rotations without a gain
constexpr double kRidge = 1e-10;        // finds columns that follow from others, even in single precision

// Haar-distributed; a function of the layer's number alone.
at::Tensor rotation(std::int64_t d, std::int64_t layer) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor normal = Random(0).normal(d, d, static_cast<std::uint64_t>(layer), Stream::Data, options);
  const auto [q, r] = at::linalg_qr(normal);
  return q * r.diagonal().sign();
}

struct FlowLayer {
  at::Tensor rotation;  // [d, d]
  Splines columns;
};

class FlowNoise : public Noise {
 public:
  explicit FlowNoise(const Spec& spec)
      : count_(spec.count("layers", 1, 30)), knots_(spec.count("knots", 4, 24)), scale_(spec.positive("scale", 1)) {}

  void fit(const RowSource& data) override {
    const at::Tensor x = data.whole("flow noise").x;
    const std::int64_t n = x.size(0), d = x.size(1);
    if (n < kLeastRows) fail(Code::Shape, "flow noise needs at least ", kLeastRows, " rows to fit, got ", n);
    map_ = Whitening::fit(x, scale_, kRidge, "flow");
    constant_ = map_.logDet + 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi);
    // The layers see unit variance, so that `scale` widens their law as a whole.
    at::Tensor z = (map_.white(x) * scale_).to(at::kCPU, at::kDouble);
    if (z.std(0).min().item<double>() < 0.1)
      fail(Code::InvalidOption, "flow noise: a column of the data is constant, or follows from others; leave it out");
    const std::int64_t count = std::min(n, kMostFittedRows), fitted = count - count / kHeldOut;
    z = z.index_select(0, Random(0).permutation(n, 0, Stream::Data).slice(0, 0, count)).t();
    layers_.clear();
    grow(z.slice(1, 0, fitted), z.slice(1, fitted), x.options());
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    at::Tensor z = random.normal(count, map_.columns(), step, Stream::NoiseSample, map_.mean.options()).t();
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
      z = layer->rotation.t().matmul(layer->columns.inverse(z.contiguous()));
    return map_.coloured(z.t());
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    at::Tensor z = map_.white(x).t(), logSlope = at::zeros({x.size(0)}, x.options());
    for (const FlowLayer& layer : layers_) z = layer.columns.forward(layer.rotation.matmul(z), logSlope);
    return -0.5 * z.square().sum(0) + logSlope - constant_;
  }

 private:
  // Layers fitted to `rows` [d, n] for as long as they raise the density of `others`: a layer stays if it gains more
  // than the standard error of its gain.
  void grow(at::Tensor rows, at::Tensor others, at::TensorOptions options) {
    const std::int64_t d = rows.size(0), tries = d == 1 ? 1 : 2 * count_;
    for (std::int64_t l = 0, refused = 0; l < tries && refused < kPatience; ++l) {
      if (static_cast<std::int64_t>(layers_.size()) == count_) return;
      const at::Tensor turn = rotation(d, l), turned = turn.matmul(rows), before = turn.matmul(others);
      const Splines columns = Splines::gaussianising(turned, knots_);
      at::Tensor ignored = at::zeros({rows.size(1)}, at::kDouble), gain = at::zeros({others.size(1)}, at::kDouble);
      const at::Tensor after = columns.forward(before, gain);
      gain = gain + 0.5 * (before.square() - after.square()).sum(0);
      const double error = gain.std().item<double>() / std::sqrt(static_cast<double>(gain.numel()));
      if (gain.mean().item<double>() <= error) {
        ++refused;
        continue;
      }
      refused = 0;
      rows = columns.forward(turned, ignored);
      others = after;
      layers_.push_back({turn.to(options), columns.to(options)});
    }
  }

  std::int64_t count_, knots_;
  double scale_;
  Whitening map_;
  std::vector<FlowLayer> layers_;
  double constant_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeFlowNoise(const Spec& spec) { return std::make_unique<FlowNoise>(spec); }

}  // namespace langevin
