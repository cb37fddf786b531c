// libFuzzer on programs from strangers: whatever a scorer file may say, it is refused by name or evaluated within its
// bounds. Bytes become a program that is nearly sound, so that inputs get past the check and into the kernels.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "program/image_windows.hpp"
#include "program/op_traits.hpp"
#include "scorer/scorer.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kMostNumbers = 4096;  // of a parameter or constant, so that an input takes microseconds
constexpr int kRows = 5;

/// Bytes of the input in turn, zeros once they are used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
  std::int64_t below(std::int64_t count) { return count < 1 ? 0 : byte() % count; }
  bool rarely() { return byte() == 0xA5; }
  double number() {
    const std::uint8_t kind = byte();
    if (kind > 8) return (byte() - 128) / 16.0;
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
    double v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

/// A program of a few nodes. Widths and sizes are those that the operation wants, but for rare ones.
class Maker {
 public:
  explicit Maker(Bytes& bytes) : in_(bytes) {}

  PlainProgram make() {
    p_.inputWidth = 1 + in_.below(40);
    switch (in_.below(4)) {
      case 0:
        p_.conditionWidth = 1 + in_.below(6);
        break;
      case 1:
        p_.classes = 1 + in_.below(6);
        p_.optionalCondition = in_.below(2) == 1;
        break;
      default:
        break;
    }
    p_.workPerRow = in_.number();
    add("input", {}, p_.inputWidth);
    if (p_.conditionWidth || p_.classes) add("condition", {}, p_.classes ? 1 : p_.conditionWidth);
    const std::int64_t nodes = 1 + in_.below(16);
    // A wider value than a row may have is refused: what would be made of it is not looked at, and its square is no integer.
    for (std::int64_t i = 0; i < nodes && width(last()) <= kMostNumbersPerRow; ++i) node();
    add("sum", {last()}, 1);
    p_.energy = last();
    if (p_.optionalCondition) p_.jointEnergy = last();
    if (in_.below(3) == 0) p_.outputs = static_cast<int>(in_.below(static_cast<std::int64_t>(p_.nodes.size())));
    if (in_.rarely()) p_.energy = static_cast<int>(in_.below(24)) - 2;
    return std::move(p_);
  }

 private:
  int last() const { return static_cast<int>(p_.nodes.size()) - 1; }
  std::int64_t width(int i) const { return i < 0 ? 1 : p_.nodes[static_cast<std::size_t>(i)].width; }
  int earlier() {
    // The last value more often than others: chains get long.
    if (in_.below(2) == 0) return last();
    return static_cast<int>(in_.below(static_cast<std::int64_t>(p_.nodes.size())));
  }
  int parameter(std::int64_t count) {
    if (in_.rarely()) count = in_.byte();
    p_.parameters.push_back({count, true});
    return static_cast<int>(p_.parameters.size()) - 1;
  }
  int constant(std::int64_t count) {
    if (in_.rarely()) count = in_.byte();
    std::vector<double> values(static_cast<std::size_t>(std::min(count, kMostNumbers)));
    for (double& v : values) v = in_.number();
    p_.constants.push_back(std::move(values));
    return static_cast<int>(p_.constants.size()) - 1;
  }
  PlainNode& add(const char* op, std::vector<int> inputs, std::int64_t width) {
    PlainNode node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.width = in_.rarely() ? in_.byte() : width;
    p_.nodes.push_back(std::move(node));
    return p_.nodes.back();
  }

  void node() {
    const std::vector<NamedTraits>& all = operationTraits();
    const NamedTraits& traits = all[static_cast<std::size_t>(in_.byte()) % all.size()];
    const std::string op = traits.name;
    const auto is = [&](std::initializer_list<const char*> names) {
      for (const char* name : names)
        if (op == name) return true;
      return false;
    };
    const int a = earlier(), b = earlier(), c = earlier();
    const std::int64_t d = width(a), wide = std::max({d, width(b), width(c)}), k = 1 + in_.below(24);
    if (is({"linear"})) {
      PlainNode& n = add(traits.name, {a}, k);
      const int w = parameter(k * d), bias = parameter(k);
      at(n) = {w, bias};
    } else if (is({"matmul", "distances"})) {
      add(traits.name, {a}, k).constants = {constant(d * k)};
      p_.nodes.back().numbers.assign(static_cast<std::size_t>(k), in_.number());
    } else if (is({"pairwise"})) {
      add(traits.name, {a}, 1).constants = {constant(d * d)};
      at(p_.nodes.back()) = {parameter(d * d), parameter(d)};
    } else if (is({"quadratic"})) {
      add("parameter", {}, d).parameters = {parameter(d)};
      add("parameter", {}, d * d).parameters = {parameter(d * d)};
      add(traits.name, {a, last() - 1, last()}, 1);
    } else if (is({"layerNorm"})) {
      add(traits.name, {a}, d).numbers = {in_.number()};
      if (in_.below(2)) at(p_.nodes.back()) = {parameter(d), parameter(d)};
    } else if (is({"gather", "embedding"})) {
      op == "gather" ? add(traits.name, {a, 1}, 1) : add(traits.name, {1}, k);
      if (op == "embedding") at(p_.nodes.back()) = {parameter(p_.classes * k)};
    } else if (is({"concat"})) {
      add(traits.name, {a, b}, d + width(b));
    } else if (is({"slice", "columns", "blockSums"})) {
      const std::int64_t from = in_.below(d), size = 1 + in_.below(d - from);
      add(traits.name, {a}, op == "blockSums" ? (d % 2 ? 1 : 2) : size).integers = {from};
      if (op == "columns")
        for (std::int64_t i = 1; i < size; ++i) p_.nodes.back().integers.push_back(in_.below(d));
    } else if (is({"conv2d", "convTranspose2d", "sumPool2d", "maxPool2d", "upsample2d", "transpose"})) {
      image(op, a, k);
    } else if (is({"sum", "mean", "norm", "logsumexp"})) {
      add(traits.name, {a}, 1);
    } else if (is({"where"})) {
      add(traits.name, {a, b, c}, wide);
    } else if (is({"add", "sub", "mul", "div", "maximum", "minimum", "gt", "ge", "lt", "le"})) {
      add(traits.name, {a, b}, std::max(d, width(b)));
    } else if (is({"constant"})) {
      add(traits.name, {}, k).constants = {constant(k)};
    } else if (is({"parameter"})) {
      add(traits.name, {}, k).parameters = {parameter(k)};
    } else if (is({"spectralScale"})) {
      const std::int64_t rows = 1 + in_.below(8);
      add(traits.name, {}, 1).numbers = {in_.number()};
      at(p_.nodes.back()) = {parameter(rows * k), parameter(rows), parameter(k)};
    } else {
      add(traits.name, {a}, d).numbers = {in_.number(), in_.number()};
    }
  }
  static std::vector<int>& at(PlainNode& node) { return node.parameters; }

  // Reads a row as an image of as many channels and lines as divide its columns.
  void image(const std::string& op, int a, std::int64_t out) {
    const std::int64_t d = width(a), few = 1 + in_.below(3), lines = 1 + in_.below(4);
    const std::int64_t channels = d % few ? 1 : few, height = d / channels % lines ? 1 : lines;
    const std::int64_t across = d / channels / height;
    if (op == "transpose") {
      add(op.c_str(), {a}, d).integers = {channels};
      return;
    }
    const std::int64_t down = 1 + in_.below(3), right = 1 + in_.below(3);
    if (op == "upsample2d") {
      add(op.c_str(), {a}, d * down * right).integers = {channels, height, across, down, right};
      return;
    }
    ImageWindows w{channels, height, across, {1 + in_.below(height), 1 + in_.below(across)}, {down, right}, {0, 0}};
    if (op == "convTranspose2d") {  // reads an image as the windows of its result
      w = {out, height * down, across * right, {down, right}, {down, right}, {0, 0}};
      add(op.c_str(), {a}, w.numel()).integers = w.integers();
      const int weight = parameter(channels * w.depth()), bias = parameter(out);
      at(p_.nodes.back()) = {weight, bias};
      return;
    }
    if (op == "conv2d") {
      w.padding[0] = in_.below(3);
      w.padding[1] = in_.below(3);
      add(op.c_str(), {a}, out * w.windows()).integers = w.integers();
      const int weight = parameter(out * w.depth()), bias = parameter(out);
      at(p_.nodes.back()) = {weight, bias};
      return;
    }
    PlainNode& n = add(op.c_str(), {a}, w.channels * w.windows());
    n.integers = w.integers();
    n.numbers = {in_.number()};
  }

  Bytes& in_;
  PlainProgram p_;
};

template <class T>
void evaluate(const PlainProgram& program, Bytes bytes) {
  std::vector<std::vector<T>> weights;
  std::vector<const T*> pointers;
  for (const PlainParameter& each : program.parameters) {
    if (each.count < 1 || each.count > kMostNumbers) return;
    auto& values = weights.emplace_back(static_cast<std::size_t>(each.count));
    for (T& v : values) v = static_cast<T>(bytes.number());
  }
  for (const auto& each : weights) pointers.push_back(each.data());
  const ScorerOf<T> scorer(program, pointers);
  // Arrays of exactly their size on the heap: one number too far is an error.
  std::vector<T> x(static_cast<std::size_t>(kRows * program.inputWidth)), gradient(x.size()), energy(kRows);
  std::vector<T> y(static_cast<std::size_t>(kRows * program.conditionWidth));
  std::vector<std::int64_t> labels(static_cast<std::size_t>(kRows));
  for (T& v : x) v = static_cast<T>(bytes.number());
  for (T& v : y) v = static_cast<T>(bytes.number());
  for (std::int64_t& l : labels) l = bytes.below(7);
  TileInputOf<T> rows;
  rows.x = x.data();
  rows.rows = kRows;
  if (program.conditionWidth) rows.y = y.data();
  if (program.classes && bytes.below(4)) rows.labels = labels.data();
  scorer.energy(rows, 1, energy.data());
  scorer.score(rows, 1, gradient.data());
}

}  // namespace
}  // namespace langevin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace langevin;
  Bytes bytes(data, size);
  const PlainProgram program = Maker(bytes).make();
  try {
    evaluate<float>(program, bytes);
  } catch (const Error&) {
  }
  try {
    evaluate<double>(program, bytes);
  } catch (const Error&) {
  }
  return 0;
}
