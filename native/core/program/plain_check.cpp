// What the kernels of the CPU count on without looking: indices, widths and numbers of a program that came from a file.
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "program/image_windows.hpp"
#include "program/op_traits.hpp"
#include "program/plain_program.hpp"

namespace langevin {
namespace {

class Check {
 public:
  explicit Check(const PlainProgram& program) : program_(program) {}

  void run() {
    sources();
    std::int64_t total = 0;
    for (; at_ < program_.nodes.size(); ++at_) {
      require(node().width >= 1 && node().width <= kMostNumbersPerRow, "has no possible width");
      total += node().width;
      require(total <= kMostNumbersPerRow, "is one too many: the values of a row have more than 1,048,576 numbers");
      const NamedTraits* traits = findTraits(node().op);
      require(traits != nullptr, "is no operation of this version");
      indices();
      read(*traits);
      if (!traits->is(OpSource::None))
        source(traits->traits.source);
      else
        operation(*traits);
    }
    results();
  }

 private:
  const PlainNode& node() const { return program_.nodes[at_]; }
  const PlainNode& input(std::size_t i) const { return program_.nodes[static_cast<std::size_t>(node().inputs[i])]; }
  std::int64_t in(std::size_t i) const { return input(i).width; }
  bool perRow(std::size_t i) const { return perRow_[static_cast<std::size_t>(node().inputs[i])]; }
  std::int64_t parameter(std::size_t i) const {
    return program_.parameters[static_cast<std::size_t>(node().parameters[i])].count;
  }
  std::int64_t constant(std::size_t i) const {
    return static_cast<std::int64_t>(program_.constants[static_cast<std::size_t>(node().constants[i])].size());
  }

  void require(bool holds, const std::string& problem) const {
    if (!holds) fail(Code::Format, "node ", at_, " of the program ('", node().op, "') ", problem);
  }
  // How many inputs, parameters, constants, numbers and integers the operation has, at least so many of the last two.
  void takes(std::size_t inputs, std::size_t parameters = 0, std::size_t constants = 0, std::size_t numbers = 0,
             std::size_t integers = 0) const {
    require(node().inputs.size() == inputs && node().parameters.size() == parameters &&
                node().constants.size() == constants && node().numbers.size() >= numbers &&
                node().integers.size() >= integers,
            "does not have the inputs, parameters and numbers it takes");
  }
  void fits(bool holds) const { require(holds, "does not fit the widths of what it reads"); }

  void sources() const {
    const PlainProgram& p = program_;
    if (p.inputWidth < 1 || p.inputWidth > kMostNumbersPerRow || p.conditionWidth < 0 || p.classes < 0 ||
        p.conditionWidth > kMostNumbersPerRow || p.classes > kMostNumbersPerRow || (p.conditionWidth && p.classes) ||
        !std::isfinite(p.workPerRow) || p.workPerRow < 0)
      fail(Code::Format, "the program gives no possible widths of its rows");
    if (p.optionalCondition && !p.classes) fail(Code::Format, "the program has an optional condition without classes");
    for (const PlainParameter& parameter : p.parameters)
      if (parameter.count < 1) fail(Code::Format, "the program has a parameter without numbers");
  }

  void indices() const {
    const auto within = [](const std::vector<int>& list, std::size_t count) {
      return std::all_of(list.begin(), list.end(),
                         [&](int i) { return i >= 0 && static_cast<std::size_t>(i) < count; });
    };
    require(within(node().inputs, at_), "reads a node that does not come before it");
    require(within(node().parameters, program_.parameters.size()), "names a parameter that is not there");
    require(within(node().constants, program_.constants.size()), "names a constant that is not there");
  }

  // Whether a node has a value for each row, and whether it needs the condition.
  void read(const NamedTraits& traits) {
    const auto any = [&](const std::vector<char>& flags) {
      return std::any_of(node().inputs.begin(), node().inputs.end(),
                         [&](int i) { return flags[static_cast<std::size_t>(i)] != 0; });
    };
    const bool condition = traits.is(OpSource::Condition);
    perRow_.push_back(traits.is(OpSource::Rows) || condition || any(perRow_));
    conditioned_.push_back(condition || any(conditioned_));
    const int last = std::max(program_.energy, program_.outputs);
    if (program_.optionalCondition && !condition && static_cast<int>(at_) <= last)
      require(!conditioned_.back(), "needs the condition that may be left out");
    const bool labels = traits.is(OpSource::None) && (node().op == "gather" || node().op == "embedding");
    for (std::size_t i = 0; i < node().inputs.size(); ++i)
      if (!labels || i + 1 < node().inputs.size())
        require(!program_.classes || input(i).op != "condition", "reads classes as if they were numbers");
  }

  void source(OpSource source) const {
    const std::int64_t width = node().width;
    switch (source) {
      case OpSource::Rows:
        takes(0);
        return fits(width == program_.inputWidth);
      case OpSource::Condition:
        takes(0);
        return fits(program_.classes ? width == 1 : width == program_.conditionWidth);
      case OpSource::Constant:
        takes(0, 0, 1);
        return fits(width <= constant(0));
      case OpSource::Parameter:
        takes(0, 1);
        return fits(width <= parameter(0));
      default:
        takes(0, 3, 0, 1);
        return fits(width == 1 && parameter(0) == parameter(1) * parameter(2));
    }
  }

  void operation(const NamedTraits& traits) {
    const std::string& op = node().op;
    const auto is = [&](std::initializer_list<const char*> names) {
      return std::any_of(names.begin(), names.end(), [&](const char* name) { return op == name; });
    };
    if (traits.traits.unary || is({"neg", "logSoftmax"})) return same(0);
    if (is({"scale"})) return same(2);
    if (is({"dropout"})) return same(1);
    if (is({"add", "sub", "mul", "div", "maximum", "minimum", "gt", "ge", "lt", "le"})) return together(2);
    if (is({"where"})) return together(3);
    if (is({"sum", "mean", "norm", "logsumexp"})) {
      takes(1);
      return fits(node().width == 1);
    }
    if (is({"slice", "columns", "concat", "blockSums"})) return columns();
    if (is({"gather", "embedding"})) return ofLabels();
    if (is({"conv2d", "convTranspose2d", "sumPool2d", "maxPool2d", "upsample2d", "transpose"})) return images();
    products();
  }

  void same(std::size_t numbers) const {
    takes(1, 0, 0, numbers);
    fits(node().width == in(0));
  }

  // Values of one width, or of one column, which stands for all.
  void together(std::size_t inputs) const {
    takes(inputs);
    for (std::size_t i = 0; i < inputs; ++i) fits(in(i) == node().width || in(i) == 1);
  }

  void columns() const {
    const std::int64_t width = node().width;
    if (node().op == "concat") {
      takes(node().inputs.size());
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < node().inputs.size(); ++i) sum += in(i);
      return fits(sum == width);
    }
    takes(1);
    const std::vector<std::int64_t>& places = node().integers;
    if (node().op == "blockSums") return fits(in(0) % width == 0);
    if (node().op == "slice")
      return fits(!places.empty() && places[0] >= 0 && places[0] <= in(0) && width <= in(0) - places[0]);
    fits(static_cast<std::int64_t>(places.size()) == width &&
         std::all_of(places.begin(), places.end(), [&](std::int64_t p) { return p >= 0 && p < in(0); }));
  }

  void ofLabels() const {
    const bool gather = node().op == "gather";
    gather ? takes(2) : takes(1, 1);
    require(program_.classes > 0 && input(gather ? 1 : 0).op == "condition", "reads what is no class");
    if (gather) return fits(node().width == 1 && perRow(0) && in(0) >= program_.classes);
    fits(parameter(0) == program_.classes * node().width);
  }

  // Sizes that no product of two or three leaves 64 bits.
  void sizes(std::size_t count, std::int64_t least) const {
    constexpr std::int64_t kMost = 65536;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t size = node().integers[i];
      fits(size >= (i < 7 ? std::max<std::int64_t>(least, 1) : least) && size <= kMost);
    }
  }

  void images() {
    const std::string& op = node().op;
    const std::vector<std::int64_t>& n = node().integers;
    const bool layer = op == "conv2d" || op == "convTranspose2d", windows = layer || op.find("Pool2d") < op.size();
    takes(1, layer ? std::min<std::size_t>(2, std::max<std::size_t>(1, node().parameters.size())) : 0, 0,
          windows && !layer ? 1 : 0,
          windows             ? ImageWindows::kIntegers
          : op == "transpose" ? 1
                              : 5);
    require(perRow(0), "reads a value that is one for all rows");
    if (op == "transpose") return fits(n[0] >= 1 && in(0) % n[0] == 0 && node().width == in(0));
    if (op == "upsample2d") {
      sizes(5, 1);
      return fits(in(0) == n[0] * n[1] * n[2] && node().width == in(0) * n[3] * n[4]);
    }
    sizes(ImageWindows::kIntegers, 0);
    const ImageWindows w = ImageWindows::of(n);
    fits(w.windows() >= 1);
    if (layer) return convolution(w, op == "conv2d" ? in(0) : node().width, op == "conv2d" ? node().width : in(0));
    fits(w.padding[0] == 0 && w.padding[1] == 0 && in(0) == w.numel() && node().width == w.channels * w.windows());
  }

  // From an image of `seen` numbers to one of `made`, or back.
  void convolution(const ImageWindows& w, std::int64_t seen, std::int64_t made) {
    const std::int64_t out = made / w.windows();
    fits(seen == w.numel() && made % w.windows() == 0 && parameter(0) % w.depth() == 0 &&
         parameter(0) / w.depth() == out);
    if (node().parameters.size() == 2) fits(parameter(1) == (node().op == "conv2d" ? out : w.channels));
    packed(parameters_, node().parameters[0], -1 - static_cast<std::int64_t>(at_), out);
  }

  // Operations whose matrix is packed: it may be packed in one way only.
  void products() {
    const std::string& op = node().op;
    const std::int64_t width = node().width;
    const bool bias = op == "linear" && node().parameters.size() == 2;
    if (op == "linear")
      takes(1, bias ? 2 : 1);
    else if (op == "layerNorm")
      takes(1, node().parameters.empty() ? 0 : 2, 0, 1);
    else if (op == "quadratic")
      takes(3);
    else if (op == "pairwise")
      takes(1, 2, 1);
    else if (op == "matmul" || op == "distances")
      takes(1, 0, 1);
    else
      require(false, "is an operation that this check does not know");
    require(perRow(0), "reads a value that is one for all rows");
    const std::int64_t d = in(0);
    if (op == "linear") {
      fits(parameter(0) == width * d && (!bias || parameter(1) == width));
      if (width > 1) packed(parameters_, node().parameters[0], d, width);
    } else if (op == "layerNorm") {
      fits(width == d && (node().parameters.empty() || (parameter(0) == d && parameter(1) == d)));
    } else if (op == "quadratic") {
      fits(width == 1 && in(1) == d && !perRow(1) && input(2).op == "parameter");
      const int matrix = input(2).parameters[0];
      fits(program_.parameters[static_cast<std::size_t>(matrix)].count == d * d);
      packed(parameters_, matrix, d, 0);
    } else if (op == "pairwise") {
      fits(width == 1 && parameter(0) == d * d && parameter(1) == d && constant(0) == d * d);
      packed(parameters_, node().parameters[0], d, -1 - node().constants[0]);
    } else {
      const bool distances = op == "distances";
      fits(constant(0) == d * width && (!distances || static_cast<std::int64_t>(node().numbers.size()) == width));
      packed(constants_, node().constants[0], distances ? -d : d, width);
    }
  }

  using Packings = std::map<int, std::array<std::int64_t, 2>>;
  void packed(Packings& packings, int index, std::int64_t form, std::int64_t width) const {
    const std::array<std::int64_t, 2> wanted{form, width};
    require(packings.emplace(index, wanted).first->second == wanted,
            "takes a matrix in another form than another node");
  }

  void results() const {
    const auto count = static_cast<int>(program_.nodes.size());
    const auto scalar = [&](int i) {
      return i >= 0 && i < count && program_.nodes[static_cast<std::size_t>(i)].width == 1;
    };
    if (!scalar(program_.energy)) fail(Code::Format, "the program has no energy of one number");
    if (program_.jointEnergy < -1 || (program_.jointEnergy >= 0 && !scalar(program_.jointEnergy)) ||
        (program_.jointEnergy >= 0) != program_.optionalCondition)
      fail(Code::Format, "the program has no energy of rows and classes where it should have one");
    if (program_.outputs < -1 || program_.outputs >= count)
      fail(Code::Format, "the outputs of the program are none of its nodes");
  }

  const PlainProgram& program_;
  std::size_t at_ = 0;
  std::vector<char> perRow_, conditioned_;
  Packings parameters_, constants_;
};

}  // namespace

void requireSound(const PlainProgram& program) { Check(program).run(); }

}  // namespace langevin
