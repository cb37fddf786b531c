#include "energies/pairwise.hpp"

#include "tensors/matrix.hpp"

namespace langevin {
namespace {

// The coupling is a full matrix of this many columns squared: 64 MiB in float32.
constexpr std::int64_t kMostColumns = 4096;

at::Tensor latticePairs(const std::vector<std::int64_t>& lengths, bool periodic) {
  std::int64_t sites = 1;
  for (std::int64_t length : lengths) sites *= length;
  at::Tensor pairs = at::zeros({sites, sites}, at::kDouble);
  auto entry = pairs.accessor<double, 2>();
  std::int64_t stride = sites;
  for (std::int64_t length : lengths) {
    stride /= length;
    for (std::int64_t i = 0; i < sites; ++i) {
      const std::int64_t position = i / stride % length;
      if (length == 1 || (position + 1 == length && !periodic)) continue;
      const std::int64_t j = i + ((position + 1) % length - position) * stride;
      entry[i][j] = entry[j][i] = 1;
    }
  }
  return pairs;
}

}  // namespace

at::Tensor interactions(const Spec& spec, std::int64_t siteWidth) {
  if (spec.has("sites") == spec.has("lattice")) spec.invalid("give either sites (all pairs interact) or lattice");
  const Spec place = spec.at(spec.has("sites") ? "sites" : "lattice");
  std::int64_t sites = 1;
  for (const Spec& length : place.value().list() ? place.items() : std::vector<Spec>{place}) {
    if (length.integer() < 1) length.invalid("must be a whole number of at least 1");
    if (length.integer() > kMostColumns / siteWidth / sites)
      place.invalid("makes more than " + std::to_string(kMostColumns) +
                    " columns; the coupling is a full matrix of them");
    sites *= length.integer();
  }
  if (spec.has("lattice")) return latticePairs(place.integers(), spec.boolean("periodic", true));
  if (spec.has("periodic")) spec.at("periodic").invalid("only a lattice can be periodic");
  return at::ones({sites, sites}, at::kDouble) - at::eye(sites, at::kDouble);
}

at::Tensor fieldOf(const Spec& spec, std::int64_t width, std::int64_t given) {
  if (!spec.has("field")) return at::zeros({width}, at::kDouble);
  const Spec field = spec.at("field");
  if (!field.value().list()) return at::full({width}, field.number(), at::kDouble);
  const at::Tensor numbers = vectorOf(field);
  if (numbers.size(0) == width) return numbers;
  if (numbers.size(0) != given)
    field.invalid("must be a number or " + std::to_string(given) + " numbers, got " + std::to_string(numbers.size(0)));
  return numbers.repeat({width / given});
}

at::Tensor couplingOf(const Spec& spec, const at::Tensor& mask, const at::Tensor& unit) {
  if (!spec.has("coupling")) return at::zeros_like(mask);
  const Spec coupling = spec.at("coupling");
  if (!coupling.value().list()) return unit * coupling.number();
  const at::Tensor matrix = symmetricOf(coupling, mask.size(0));
  const at::Tensor stray = matrix.ne(0).logical_and(mask.eq(0));
  if (stray.any().item<bool>()) {
    const at::Tensor at = stray.nonzero()[0];
    coupling.invalid("entry [" + std::to_string(at[0].item<std::int64_t>()) + "][" +
                     std::to_string(at[1].item<std::int64_t>()) +
                     "] must be 0: it couples a site with itself or with one that is not a neighbour");
  }
  return matrix;
}

Program lowerPairwise(Builder& b, const at::Tensor& mask, const at::Tensor& coupling, const at::Tensor& field,
                      Domain domain) {
  const int x = b.input(mask.size(0));
  Pairwise form;
  const auto parameter = [&](const char* name, const at::Tensor& value) {
    return b.parameter(name, value.sizes().vec(), {Initialisation::Kind::Value, 0, value}, true);
  };
  form.coupling = parameter("coupling", coupling);
  form.field = parameter("field", field);
  form.mask = b.addConstant(mask);
  b.addWork(-static_cast<double>(mask.numel()));  // it is multiplied by the coupling once, not for every row
  b.setEnergy(b.apply("pairwise", {x}, 1, {}, {}, {form.coupling, form.field}, {form.mask}));
  b.setDomain(std::move(domain));
  b.setPairwise(form);
  return b.finish();
}

}  // namespace langevin
