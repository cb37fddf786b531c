// Lowers a spec to a Program: the only place that computes shapes and names parameters.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"
#include "program/image_windows.hpp"
#include "program/program.hpp"

namespace langevin {

/// A value is an int: a node of the program, or (below -1) a view of one under another shape, which costs nothing since
/// rows are flat. -1 is no value.
class Builder {
 public:
  explicit Builder(std::string kind) { program_.kind = std::move(kind); }

  // Sources.
  int input(Shape shape);
  int continuousCondition(std::int64_t width);
  int classCondition(std::int64_t classes, bool optional = false);
  /// A constant row [1, f] or matrix; kept in float64 until the model's dtype is known.
  int constant(at::Tensor value);
  int parameterValue(const std::string& name, at::Tensor initial, bool learnable);

  /// The same numbers under another shape of as many.
  int view(int x, Shape shape);
  /// torch.nn.Flatten: one axis, row-major.
  int flatten(int x) { return view(laid(x, false), width(x)); }
  /// An image [c, h, w], its numbers in memory channels last or first: turned where they are not.
  int laid(int x, bool channelsLast);

  // Layers with torch.nn's parameter names and initialisation: prefix "0" gives "0.weight", "0.bias".
  /// `spectralNorm` c > 0: the weight is c W / (largest singular value of W), with the parameters of
  /// torch.nn.utils.parametrizations.spectral_norm (program/spectral.hpp).
  int linear(int x, const std::string& prefix, std::int64_t out, bool bias = true, double spectralNorm = 0);
  int layerNorm(int x, const std::string& prefix, double epsilon = 1e-5, bool affine = true);
  int embedding(int label, const std::string& prefix, std::int64_t classes, std::int64_t width);
  int activation(int x, const std::string& name, double argument = 0);
  /// torch.nn.Conv2d of an image; `windows` says all but what x says.
  int conv2d(int x, const std::string& prefix, std::int64_t out, ImageWindows windows, bool bias = true);
  /// torch.nn.ConvTranspose2d: `windows` are on its result, which is `more` pixels larger than the last window reaches.
  int convTranspose2d(int x, const std::string& prefix, std::int64_t out, ImageWindows windows,
                      const std::int64_t (&more)[2], bool bias = true);
  /// An operation on the windows of each channel: "sumPool2d" (times `factor`) or "maxPool2d".
  int pool2d(int x, const std::string& op, ImageWindows windows, double factor = 1);
  /// Every number of an image as many times along the height and along the width.
  int upsample2d(int x, std::int64_t down, std::int64_t across);

  /// Any row of the operation table. Without a shape: that of the widest input.
  int apply(const std::string& op, std::vector<int> inputs, Shape shape = {}, std::vector<double> numbers = {},
            std::vector<std::int64_t> integers = {}, std::vector<int> parameters = {}, std::vector<int> constants = {});

  // Shorthands used by analytic energies.
  int add(int a, int b) { return apply("add", {a, b}); }
  int sub(int a, int b) { return apply("sub", {a, b}); }
  int mul(int a, int b) { return apply("mul", {a, b}); }
  int square(int a) { return apply("square", {a}); }
  int scale(int a, double factor) { return apply("scale", {a}, {}, {factor, 0.0}); }
  int affine(int a, double factor, double shift) { return apply("scale", {a}, {}, {factor, shift}); }
  int sum(int a) { return apply("sum", {a}, 1); }
  int slice(int a, std::int64_t first, std::int64_t count) { return apply("slice", {a}, count, {}, {first}); }
  int concat(std::vector<int> parts);

  int parameter(const std::string& name, std::vector<std::int64_t> shape, Initialisation initialisation,
                bool learnable = true);
  int addConstant(at::Tensor value);

  /// The node a value is of.
  int node(int x) const { return x < -1 ? views_[static_cast<std::size_t>(-2 - x)].node : x; }
  const Shape& shape(int x) const;
  std::int64_t width(int x) const { return shape(x).numel(); }
  std::int64_t inputWidth() const { return program_.inputWidth(); }
  /// Adds to the work of a row what an operation does beyond one multiply-add for each column it gives and each number
  /// of its parameters and constants (a convolution, attention); negative where it does less (a table it reads a row of).
  void addWork(double perRow) { program_.workPerRow += perRow; }

  /// Makes exp(-E) integrable: `gaussianBase: s` adds |x|^2 / (2 s^2), `gaussianBase: 'full'` adds (x - m)' P (x
  /// - m) / 2 with the buffers base.mean (at first 0) and base.precision (at first I), which are set and saved
  /// but not trained.
  int withGaussianBase(int energy, int input, const Spec& spec);

  void setEnergy(int x) { program_.energy = computed(x); }
  void setJointEnergy(int x) { program_.jointEnergy = computed(x); }
  void setOutputs(int x) { program_.outputs = computed(laid(x, false)); }
  void setNormalised() { program_.normalised = true; }
  void setDomain(Domain domain) { program_.domain = std::move(domain); }
  void setBipartite(Bipartite form) { program_.bipartite = form; }
  void setPairwise(Pairwise form) { program_.pairwise = form; }
  Program finish();

 private:
  struct View {
    int node;
    Shape shape;
  };
  int push(Node node);
  int computed(int x);
  double numbersIn(const Node& node) const;
  ImageWindows seenBy(int x, ImageWindows windows) const;
  Shape imageShape(std::int64_t channels, std::int64_t height, std::int64_t width) const;
  Program program_;
  std::vector<View> views_;
  int fullBase_ = -1;  // node of the 'full' Gaussian base
};

}  // namespace langevin
