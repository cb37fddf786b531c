#include "program/builder.hpp"

#include <algorithm>
#include <cmath>

namespace langevin {

int Builder::push(Node node) {
  program_.nodes.push_back(std::move(node));
  return static_cast<int>(program_.nodes.size()) - 1;
}

const Shape& Builder::shape(int x) const {
  return x < -1 ? views_[static_cast<std::size_t>(-2 - x)].shape : program_.nodes[static_cast<std::size_t>(x)].shape;
}

int Builder::view(int x, Shape shape) {
  if (shape == this->shape(x)) return x;
  if (shape.numel() != width(x))
    fail(Code::Internal, "a value of shape ", this->shape(x).text(), " has no view of shape ", shape.text());
  views_.push_back({node(x), std::move(shape)});
  return -1 - static_cast<int>(views_.size());
}

// What a program gives is a value of its own: executors write it where they keep values, and a source has no such place
// (the rows lie with the caller, who may move them while the energies are still read).
int Builder::computed(int x) {
  const int source = node(x);
  return program_.nodes[static_cast<std::size_t>(source)].op->is(OpSource::None) ? source : node(scale(x, 1.0));
}

// Each number of a layer's weights is used once per row.
double Builder::numbersIn(const Node& node) const {
  double all = static_cast<double>(node.width());
  for (int p : node.parameters) {
    double numbers = 1;
    for (std::int64_t size : program_.parameters[static_cast<std::size_t>(p)].shape)
      numbers *= static_cast<double>(size);
    all += numbers;
  }
  for (int c : node.constants) all += static_cast<double>(program_.constants[static_cast<std::size_t>(c)].numel());
  return all;
}

int Builder::apply(const std::string& op, std::vector<int> inputs, Shape shape, std::vector<double> numbers,
                   std::vector<std::int64_t> integers, std::vector<int> parameters, std::vector<int> constants) {
  Node node;
  node.op = &operation(op);
  if (shape.axes.empty())
    for (int i : inputs)
      if (width(i) > shape.numel()) shape = this->shape(i);
  node.shape = std::move(shape);
  for (int& i : inputs) {
    node.takes.push_back(this->shape(i));
    i = this->node(i);
  }
  node.inputs = std::move(inputs);
  node.numbers = std::move(numbers);
  node.integers = std::move(integers);
  node.parameters = std::move(parameters);
  node.constants = std::move(constants);
  addWork(numbersIn(node));
  return push(std::move(node));
}

int Builder::input(Shape shape) {
  program_.input = std::move(shape);
  program_.domain = Domain::of(Domain::Kind::Real, program_.inputWidth());
  return apply("input", {}, program_.input);
}

int Builder::continuousCondition(std::int64_t width) {
  program_.condition = {Condition::Kind::Continuous, width, false};
  return apply("condition", {}, width);
}

int Builder::classCondition(std::int64_t classes, bool optional) {
  program_.condition = {Condition::Kind::Class, classes, optional};
  return apply("condition", {}, 1);
}

int Builder::addConstant(at::Tensor value) {
  program_.constants.push_back(value.to(at::kDouble).contiguous());
  return static_cast<int>(program_.constants.size()) - 1;
}

int Builder::constant(at::Tensor value) {
  if (value.dim() < 2) value = value.reshape({1, -1});
  const std::int64_t width = value.size(1);
  const int index = addConstant(std::move(value));
  return apply("constant", {}, width, {}, {}, {}, {index});
}

int Builder::parameter(const std::string& name, std::vector<std::int64_t> shape, Initialisation initialisation,
                       bool learnable) {
  // Beyond 2^40 numbers no machine holds it, and their count times their size soon leaves 64 bits.
  double numbers = 1;
  for (std::int64_t size : shape) numbers *= static_cast<double>(size);
  if (numbers > 1099511627776.0)
    fail(Code::OutOfMemory, "parameter '", name, "' of this ", program_.kind, " energy would have ", numbers,
         " numbers; make input, hidden or out smaller");
  program_.parameters.push_back({name, std::move(shape), std::move(initialisation), learnable});
  return static_cast<int>(program_.parameters.size()) - 1;
}

int Builder::parameterValue(const std::string& name, at::Tensor initial, bool learnable) {
  const std::int64_t width = initial.dim() == 0 ? 1 : initial.size(-1);
  std::vector<std::int64_t> shape(initial.sizes().begin(), initial.sizes().end());
  const int index = parameter(name, shape, {Initialisation::Kind::Value, 0, initial.to(at::kDouble)}, learnable);
  return apply("parameter", {}, width, {}, {}, {index});
}

int Builder::linear(int x, const std::string& prefix, std::int64_t out, bool bias, double spectralNorm) {
  const std::int64_t in = width(x);
  const std::string parametrized = prefix + ".parametrizations.weight.";
  std::vector<int> parameters{parameter(spectralNorm > 0 ? parametrized + "original" : prefix + ".weight", {out, in},
                                        {Initialisation::Kind::KaimingUniform, static_cast<double>(in), {}})};
  if (bias)
    parameters.push_back(parameter(prefix + ".bias", {out},
                                   {Initialisation::Kind::Uniform, 1.0 / std::sqrt(static_cast<double>(in)), {}}));
  if (spectralNorm <= 0) return apply("linear", {x}, out, {}, {}, parameters);
  // x (c W / s)' + b as (x W') (c / s) + b: the layer's own operation stays what it is.
  const int w = parameters[0];
  const int u = parameter(parametrized + "0._u", {out}, {Initialisation::Kind::Normal, 0, {}}, false);
  const int v = parameter(parametrized + "0._v", {in}, {Initialisation::Kind::Normal, 0, {}}, false);
  const int scale = apply("spectralScale", {}, 1, {spectralNorm}, {}, {w, u, v});
  const int scaled = mul(apply("linear", {x}, out, {}, {}, {w}), scale);
  return bias ? add(scaled, apply("parameter", {}, out, {}, {}, {parameters[1]})) : scaled;
}

int Builder::layerNorm(int x, const std::string& prefix, double epsilon, bool affine) {
  const std::int64_t f = width(x);
  std::vector<int> parameters;
  if (affine) {
    parameters.push_back(
        parameter(prefix + ".weight", {f}, {Initialisation::Kind::Value, 0, at::ones({f}, at::kDouble)}));
    parameters.push_back(
        parameter(prefix + ".bias", {f}, {Initialisation::Kind::Value, 0, at::zeros({f}, at::kDouble)}));
  }
  return apply("layerNorm", {x}, f, {epsilon}, {}, parameters);
}

int Builder::embedding(int label, const std::string& prefix, std::int64_t classes, std::int64_t width) {
  const int p = parameter(prefix + ".weight", {classes, width}, {Initialisation::Kind::Normal, 0, {}});
  addWork(-static_cast<double>(classes * width));  // a row of the table is read, not all of it
  return apply("embedding", {label}, width, {}, {}, {p});
}

int Builder::activation(int x, const std::string& name, double argument) {
  return apply(name, {x}, shape(x), {argument});
}

int Builder::laid(int x, bool channelsLast) {
  const Shape now = shape(x);
  if (now.axes.size() != 3 || now.channelsLast == channelsLast) return x;
  const Shape wanted = now.laid(channelsLast);
  if (now.eitherOrder()) return view(x, wanted);
  const std::int64_t channels = now.axes[0];
  return apply("transpose", {x}, wanted, {}, {channelsLast ? channels : now.numel() / channels});
}

ImageWindows Builder::seenBy(int x, ImageWindows windows) const {
  const std::vector<std::int64_t>& axes = shape(x).axes;
  windows.channels = axes[0];
  windows.height = axes[1];
  windows.width = axes[2];
  return windows;
}

// Beyond 2^40 numbers no machine holds a row, and their count soon leaves 64 bits.
Shape Builder::imageShape(std::int64_t channels, std::int64_t height, std::int64_t width) const {
  const double numbers = static_cast<double>(channels) * static_cast<double>(height) * static_cast<double>(width);
  if (numbers > 1099511627776.0)
    fail(Code::OutOfMemory, "an image inside this ", program_.kind, " network would have ", numbers,
         " numbers; make channels, padding or factor smaller");
  return Shape::image(channels, height, width, true);
}

int Builder::conv2d(int x, const std::string& prefix, std::int64_t out, ImageWindows windows, bool bias) {
  const ImageWindows w = seenBy(x, windows);
  const auto depth = static_cast<double>(w.depth());
  std::vector<int> parameters{parameter(prefix + ".weight", {out, w.channels, w.kernel[0], w.kernel[1]},
                                        {Initialisation::Kind::KaimingUniform, depth, {}})};
  if (bias)
    parameters.push_back(
        parameter(prefix + ".bias", {out}, {Initialisation::Kind::Uniform, 1.0 / std::sqrt(depth), {}}));
  addWork(static_cast<double>(out) * depth * static_cast<double>(w.windows() - 1));
  return apply("conv2d", {laid(x, true)}, imageShape(out, w.places(0), w.places(1)), {}, w.integers(),
               std::move(parameters));
}

int Builder::convTranspose2d(int x, const std::string& prefix, std::int64_t out, ImageWindows w,
                             const std::int64_t (&more)[2], bool bias) {
  const std::vector<std::int64_t> axes = shape(x).axes;
  w.channels = out;
  w.height = (axes[1] - 1) * w.stride[0] + w.kernel[0] - 2 * w.padding[0] + more[0];
  w.width = (axes[2] - 1) * w.stride[1] + w.kernel[1] - 2 * w.padding[1] + more[1];
  const auto depth = static_cast<double>(w.depth());
  std::vector<int> parameters{parameter(prefix + ".weight", {axes[0], out, w.kernel[0], w.kernel[1]},
                                        {Initialisation::Kind::KaimingUniform, depth, {}})};
  if (bias)
    parameters.push_back(
        parameter(prefix + ".bias", {out}, {Initialisation::Kind::Uniform, 1.0 / std::sqrt(depth), {}}));
  addWork(static_cast<double>(axes[0]) * depth * static_cast<double>(axes[1] * axes[2] - 1));
  return apply("convTranspose2d", {laid(x, true)}, imageShape(out, w.height, w.width), {}, w.integers(),
               std::move(parameters));
}

int Builder::pool2d(int x, const std::string& op, ImageWindows windows, double factor) {
  const ImageWindows w = seenBy(x, windows);
  return apply(op, {laid(x, true)}, imageShape(w.channels, w.places(0), w.places(1)), {factor}, w.integers());
}

int Builder::upsample2d(int x, std::int64_t down, std::int64_t across) {
  const std::vector<std::int64_t> axes = shape(x).axes;
  return apply("upsample2d", {laid(x, true)}, imageShape(axes[0], axes[1] * down, axes[2] * across), {},
               {axes[0], axes[1], axes[2], down, across});
}

int Builder::concat(std::vector<int> parts) {
  std::int64_t total = 0;
  for (int p : parts) total += width(p);
  return apply("concat", std::move(parts), total);
}

int Builder::withGaussianBase(int energy, int input, const Spec& spec) {
  const auto base = spec.find("gaussianBase");
  if (!base) return energy;
  if (!base->value().get<std::string>()) {
    const double s = spec.positive("gaussianBase");
    return add(energy, scale(sum(square(input)), 0.5 / (s * s)));
  }
  if (base->text() != "full") base->invalid("must be a number or 'full', got '" + base->text() + "'");
  // Buffers, not numbers of the spec: a precision of 166 columns has 27,556 entries, and the state dict is their place.
  if (fullBase_ < 0) {  // once: E(x) and E(x, y) of a classifier share it
    const std::int64_t d = width(input);
    const int mean = parameterValue("base.mean", at::zeros({d}, at::kDouble), false);
    const int precision = parameterValue("base.precision", at::eye(d, at::kDouble), false);
    fullBase_ = apply("quadratic", {input, mean, precision}, 1);
  }
  return add(energy, fullBase_);
}

Program Builder::finish() {
  if (program_.energy < 0 && program_.outputs < 0)
    fail(Code::Internal, "the program of a ", program_.kind, " network has neither an energy nor outputs");
  if (program_.energy >= 0 && width(program_.energy) != 1)
    fail(Code::Internal, "the energy of a ", program_.kind, " program is no scalar");
  program_.domain.belongTo(program_.kind);
  return std::move(program_);
}

}  // namespace langevin
