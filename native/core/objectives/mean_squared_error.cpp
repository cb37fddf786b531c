// Mean squared error of the network outputs: loss = mean over rows and columns of (f(x) - y)^2. The targets are y, or,
// for energies of joint rows (x, y), the last columns of the rows.
#include "objectives/objective.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class MeanSquaredError : public Objective {
 public:
  Traits traits() const override { return {.everywhere = false}; }
  void prepare(Energy& model, const RowSource& data, const at::Tensor& target, const Random&) override {
    const Program& program = model.program();
    if (program.outputs < 0)
      fail(Code::Unsupported, "meanSquaredError needs an energy with network outputs (regressor); a ", program.kind,
           " energy has none");
    width_ = program.outputWidth();
    if (target.defined() && (target.dim() != 2 || target.size(1) != width_ || !target.is_floating_point()))
      fail(Code::Shape, "meanSquaredError: the network has ", width_, " outputs, y has shape ",
           c10::str(target.sizes()), " and must be floating point");
    if (!target.defined() && data.width() <= width_)
      fail(Code::InvalidOption, "meanSquaredError needs targets: rows (x, y) with more than ", width_,
           " columns, or y");
  }

  at::Tensor loss(StepContext& context) override {
    const at::Tensor& x = context.batch.x;
    const at::Tensor target = context.target.defined() ? context.target : x.slice(1, x.size(1) - width_);
    const at::Tensor outputs = context.outputs(context.batch);
    const at::NoGradGuard guard;
    const at::Tensor residual = outputs - target;
    const auto count = static_cast<double>(residual.numel());
    const double square = normOf(residual);
    return context.lossWithGradients(square * square / count, {{outputs, residual * (2 / count)}});
  }

 private:
  std::int64_t width_ = 0;
};

}  // namespace

std::unique_ptr<Objective> makeMeanSquaredError(const Spec&) { return std::make_unique<MeanSquaredError>(); }

}  // namespace langevin
