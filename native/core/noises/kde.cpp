// kde: Gaussian kernels on data rows, one width a column. x = x_i + h e with a random i,
// log p = logsumexp_i log N(x; x_i, h^2) - log n. The widths are given, or Scott's: h = sd n^(-1 / (d + 4)).
#include <cmath>
#include <numbers>

#include "noises/noise.hpp"
#include "tensors/columns.hpp"

namespace langevin {
namespace {

class KdeNoise : public Noise {
 public:
  explicit KdeNoise(const Spec& spec)
      : bandwidth_(spec.has("bandwidth") ? numberOrList(spec, "bandwidth") : std::vector<double>{}),
        scale_(spec.positive("scale", 1)),
        most_(spec.count("centres", 1, 1000)) {
    for (double h : bandwidth_)
      if (!(h > 0)) spec.at("bandwidth").invalid("must be greater than 0");
  }

  void fit(const RowSource& data) override {
    const std::int64_t n = data.size(), d = data.width();
    const std::int64_t count = std::min(n, most_);
    // Which rows become centres is a function of their number alone.
    centres_ = count == n ? data.head(n).x : data.x(Random(0).permutation(n, 0, Stream::Data).slice(0, 0, count));
    if (bandwidth_.empty()) {
      if (n < 2) fail(Code::Shape, "kde noise needs at least 2 rows to choose a bandwidth, got ", n);
      const at::Tensor deviation = data.whole("kde noise without a bandwidth").x.to(at::kDouble).std(0, true, true);
      if (!(deviation > 0).all().item<bool>())
        fail(Code::InvalidOption, "kde noise: a column of the data is constant; give bandwidth");
      width_ = (deviation * (scale_ * std::pow(static_cast<double>(count), -1.0 / static_cast<double>(d + 4))))
                   .to(data.options().dtype());
    } else {
      width_ = scale_ * perColumn(bandwidth_, data.none(), "noise.bandwidth");
    }
    constant_ = width_.to(at::kDouble).log().sum().item<double>() +
                0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi) + std::log(static_cast<double>(count));
    scaled_ = (centres_ / width_).contiguous();
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    const at::Tensor i = random.index(count, centres_.size(0), step, Stream::Auxiliary).to(centres_.device());
    return centres_.index_select(0, i) +
           width_ * random.normal(count, centres_.size(1), step, Stream::NoiseSample, centres_.options());
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    // Distances by differences, not by products: those lose digits where a row meets its own kernel.
    const at::Tensor distance = at::cdist((x / width_).contiguous(), scaled_, 2, /*compute_mode=*/2);
    return (-0.5 * distance.square()).logsumexp(1) - constant_;
  }

 private:
  std::vector<double> bandwidth_;
  double scale_;
  std::int64_t most_;
  at::Tensor centres_, width_, scaled_;
  double constant_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeKdeNoise(const Spec& spec) { return std::make_unique<KdeNoise>(spec); }

}  // namespace langevin
