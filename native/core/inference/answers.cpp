#include "inference/answers.hpp"

#include "tensors/columns.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// More answers than this for one row are a mistake in `points`.
constexpr double kMostAnswers = 1 << 22;

at::Tensor listedAnswers(const Spec& values, std::int64_t columns) {
  std::vector<at::Tensor> rows;
  for (const Spec& row : values.items()) {
    const std::vector<double> numbers = row.value().list() ? row.numbers() : std::vector<double>{row.number()};
    if (static_cast<std::int64_t>(numbers.size()) != columns)
      row.invalid("has " + std::to_string(numbers.size()) + " numbers, an answer has " + std::to_string(columns));
    rows.push_back(at::tensor(numbers, at::kDouble));
  }
  if (rows.empty()) values.invalid("needs at least one answer");
  return at::stack(rows);
}

}  // namespace

AnswerBox AnswerBox::read(const Spec& spec, std::int64_t columns) {
  const at::Tensor like = at::empty({0, columns}, at::kDouble);
  const AnswerBox box{perColumn(numberOrList(spec, "low"), like, spec.path() + ".low"),
                      perColumn(numberOrList(spec, "high"), like, spec.path() + ".high")};
  if (!(box.high > box.low).all().item<bool>()) spec.at("high").invalid("must be above low in every column");
  return box;
}

std::vector<at::Tensor> gridAxes(const AnswerBox& box, const Spec& points) {
  const std::int64_t k = box.low.size(1);
  const std::vector<std::int64_t> counts =
      points.value().list() ? points.integers() : std::vector<std::int64_t>{points.integer()};
  if (counts.size() != 1 && static_cast<std::int64_t>(counts.size()) != k)
    points.invalid("has " + std::to_string(counts.size()) + " numbers, an answer has " + std::to_string(k) +
                   " columns");
  std::vector<at::Tensor> axes;
  for (std::int64_t c = 0; c < k; ++c) {
    const std::int64_t n = counts.size() == 1 ? counts[0] : counts[static_cast<std::size_t>(c)];
    if (n < 2) points.invalid("needs at least 2 points per column: a grid includes both borders");
    axes.push_back(at::linspace(box.low[0][c].item<double>(), box.high[0][c].item<double>(), n, at::kDouble));
  }
  return axes;
}

at::Tensor gridPoints(const AnswerBox& box, const Spec& points) {
  const std::vector<at::Tensor> axes = gridAxes(box, points);
  double total = 1;
  for (const at::Tensor& axis : axes) total *= static_cast<double>(axis.numel());
  if (total > kMostAnswers)
    points.invalid("makes a grid of " + std::to_string(total) +
                   " answers; take fewer points, or a method that walks instead of trying all");
  const std::vector<at::Tensor> mesh = at::meshgrid(axes, "ij");
  std::vector<at::Tensor> columns;
  for (const at::Tensor& m : mesh) columns.push_back(m.reshape({-1}));
  return at::stack(columns, 1).contiguous();
}

Answers Answers::read(const Spec& owner, const Condition& condition, std::optional<std::int64_t> columns) {
  Answers result;
  const auto spec = owner.find("answers");
  if (condition.kind == Condition::Kind::Class) {
    if (spec) spec->invalid("the answers of a class y are all its classes: leave this out");
    result.all_ = at::arange(condition.width, at::kLong);
    result.count_ = condition.width;
    return result;
  }
  if (!spec) owner.at("answers");  // says that it is required
  const std::int64_t k = columns.value_or(condition.width);
  if (spec->has("values")) {
    result.all_ = listedAnswers(spec->at("values"), k);
  } else if (spec->has("points")) {
    result.all_ = gridPoints(AnswerBox::read(*spec, k), spec->at("points"));
  } else {
    const AnswerBox box = AnswerBox::read(*spec, k);
    result.low_ = box.low;
    result.high_ = box.high;
    result.count_ = spec->count("samples");
    return result;
  }
  result.count_ = result.all_.size(0);
  return result;
}

at::Tensor Answers::forRows(std::int64_t n, const Random& random, std::uint64_t step, const at::TensorOptions& options,
                            std::int64_t first) const {
  if (classes()) return all_.to(options.device()).repeat({n});
  if (!drawn()) return all_.to(options.device(), c10::typeMetaToScalarType(options.dtype())).repeat({n, 1});
  const auto row = static_cast<std::uint64_t>(first * count_);
  const at::Tensor u = random.uniform(n * count_, low_.size(1), step, Stream::NoiseSample, options, row);
  const at::Tensor low = low_.to(u.options());
  return low + (high_.to(u.options()) - low) * u;
}

}  // namespace langevin
