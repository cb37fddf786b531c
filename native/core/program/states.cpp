#include "program/states.hpp"

namespace langevin {

States States::read(const Spec& spec) {
  if (spec.value().map()) return categorical(spec.count("levels", 2));
  const std::string& name = spec.text();
  if (name == "real") return {};
  if (name == "binary") return binary();
  if (name == "spin") return spin();
  spec.invalid("must be 'real', 'binary', 'spin' or { levels }, got '" + name + "'");
}

std::string States::describe() const {
  switch (kind) {
    case Kind::Binary:
      return "binary states (0 or 1)";
    case Kind::Spin:
      return "spins (-1 or +1)";
    case Kind::Categorical:
      return "categorical states (blocks of " + std::to_string(levels) + " columns with a single 1)";
    case Kind::Real:
      break;
  }
  return "real columns";
}

const char* States::name() const {
  static constexpr const char* names[] = {"real", "binary", "spin", "categorical"};
  return names[static_cast<int>(kind)];
}

std::vector<double> States::values() const {
  if (kind == Kind::Spin) return {-1, 1};
  if (kind != Kind::Categorical) return {0, 1};
  std::vector<double> result;
  for (std::int64_t k = 0; k < levels; ++k) result.push_back(static_cast<double>(k));
  return result;
}

at::Tensor States::rows(const at::Tensor& values) const {
  return kind == Kind::Categorical ? encode(values.to(at::kLong), values.options()) : values;
}

at::Tensor States::encode(const at::Tensor& levels, at::TensorOptions options) const {
  if (kind == Kind::Spin) return levels.to(options).mul_(2).sub_(1);
  if (kind != Kind::Categorical) return levels.to(options);
  return at::zeros({levels.size(0), levels.size(1), this->levels}, options)
      .scatter_(2, levels.unsqueeze(2), 1)
      .reshape({levels.size(0), -1});
}

at::Tensor States::decode(const at::Tensor& x) const {
  if (kind != Kind::Categorical) return x.gt(kind == Kind::Spin ? 0.0 : 0.5).to(at::kLong);
  return x.reshape({x.size(0), -1, levels}).argmax(2);
}

at::Tensor States::uniform(std::int64_t n, std::int64_t columns, std::uint64_t step, Stream stream,
                           const Random& random, at::TensorOptions options) const {
  const at::Tensor u = random.uniform(n, sites(columns), step, stream, options.dtype(at::kDouble));
  return encode(u.mul(static_cast<double>(levels)).to(at::kLong), options);
}

void States::require(const at::Tensor& x, const std::string& what) const {
  if (!discrete()) return;
  // A number that is none of the levels, or a block whose ones are not exactly one.
  const at::Tensor valid = kind == Kind::Spin ? x.eq(-1).logical_or(x.eq(1)) : x.eq(0).logical_or(x.eq(1));
  if (!valid.all().item<bool>()) {
    const at::Tensor at = valid.logical_not().nonzero()[0];
    const auto row = at[0].item<std::int64_t>(), column = at[1].item<std::int64_t>();
    throw Error(Code::InvalidOption,
                what + " holds " + std::to_string(x[row][column].item<double>()) + " in row " + std::to_string(row) +
                    ", column " + std::to_string(column) + "; this energy is over " + describe(),
                {{"row", row}, {"column", column}});
  }
  if (kind != Kind::Categorical) return;
  const at::Tensor single = x.reshape({x.size(0), -1, levels}).sum(2).eq(1).all(1);
  if (single.all().item<bool>()) return;
  const auto row = single.logical_not().nonzero()[0][0].item<std::int64_t>();
  throw Error(
      Code::InvalidOption,
      what + ": row " + std::to_string(row) + " has a block without a single 1; this energy is over " + describe(),
      {{"row", row}});
}

}  // namespace langevin
