// twoTower: E(x, y) = sum |f(x) - g(y)| or sum (f(x) - g(y))^2 (LeCun et al. 2006, regression and
// implicit regression). f is a network; g a network, a table of class vectors, or the identity.
#include "networks/layers.hpp"
#include "networks/registry.hpp"
#include "program/builder.hpp"

namespace langevin {
namespace {

// Node of g(y), of `width` columns.
int towerOfY(Builder& b, const Spec& spec, std::int64_t width) {
  requireOneCondition(spec);
  if (spec.has("classes")) {
    const std::int64_t classes = spec.count("classes");
    return b.embedding(b.classCondition(classes), "y", classes, width);
  }
  const int y = b.continuousCondition(spec.count("condition"));
  if (const auto tower = spec.find("y")) return headNetwork(b, y, *tower, width, "y.");
  if (width != b.width(y)) spec.at("width").invalid("with g(y) = y the width is that of y");
  return y;
}

}  // namespace

Program lowerTwoTower(const Spec& spec) {
  Builder b("twoTower");
  const int x = b.input(Shape::read(spec.at("input")));
  const bool learned = spec.has("classes") || spec.has("y");
  const std::int64_t width = learned || spec.has("width") ? spec.count("width") : spec.count("condition");
  const std::string norm = spec.text("norm", "l1");
  if (norm != "l1" && norm != "squared") spec.at("norm").invalid("'" + norm + "' is not one of l1, squared");
  const int f = headNetwork(b, x, spec.at("x"), width, "x.");
  const int difference = b.sub(f, towerOfY(b, spec, width));
  b.setEnergy(b.sum(norm == "l1" ? b.apply("abs", {difference}) : b.square(difference)));
  return b.finish();
}

}  // namespace langevin
