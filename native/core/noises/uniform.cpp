// uniform: the same density everywhere in a box, none outside. log p = -sum log(high - low).
#include <cmath>
#include <limits>

#include "noises/noise.hpp"
#include "tensors/columns.hpp"

namespace langevin {
namespace {

class UniformNoise : public Noise {
 public:
  explicit UniformNoise(const Spec& spec)
      : lowNumbers_(numberOrList(spec, "low")), highNumbers_(numberOrList(spec, "high")) {}

  void fit(const RowSource& data) override {
    low_ = perColumn(lowNumbers_, data.none(), "noise.low");
    width_ = perColumn(highNumbers_, data.none(), "noise.high") - low_;
    if (!(width_ > 0).all().item<bool>()) fail(Code::InvalidOption, "noise: high must be above low in every column");
    logDensity_ = -width_.to(at::kDouble).log().sum().item<double>();
    data.each([&](const Batch& rows, std::int64_t first) {
      requireInside(rows.x, low_, low_ + width_, "the noise's box", "noise must cover the data: widen low and high",
                    first);
    });
  }
  at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const override {
    return low_ + width_ * random.uniform(count, low_.size(1), step, Stream::NoiseSample, low_.options());
  }
  at::Tensor logDensity(const at::Tensor& x) const override {
    return at::where(inside(x), at::full({x.size(0)}, logDensity_, x.options()),
                     at::full({x.size(0)}, -std::numeric_limits<double>::infinity(), x.options()));
  }

 private:
  at::Tensor inside(const at::Tensor& x) const {
    // Float rounding may put a draw on the border itself: the box is closed.
    return (x >= low_).logical_and(x <= low_ + width_).all(1);
  }
  std::vector<double> lowNumbers_, highNumbers_;
  at::Tensor low_, width_;
  double logDensity_ = 0;
};

}  // namespace

std::unique_ptr<Noise> makeUniformNoise(const Spec& spec) { return std::make_unique<UniformNoise>(spec); }

}  // namespace langevin
