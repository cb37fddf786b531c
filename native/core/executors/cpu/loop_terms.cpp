#include "executors/cpu/loop_terms.hpp"

#include <algorithm>
#include <tuple>

#include "executors/cpu/bands.hpp"
#include "executors/cpu/loop_builder.hpp"
#include "program/op_traits.hpp"

namespace langevin {
namespace {

/// A part of a node's adjoint: columns first .. first + width - 1 of it.
struct Contribution {
  LoopValue value;
  std::int64_t first, width;
};

/// Goes through a program forward, then back.
class Lowering {
 public:
  explicit Lowering(const PlainProgram& program) : program_(program), b_(result_.terms) {}

  std::optional<LoopTerms> run() {
    result_.columns = program_.inputWidth;
    for (std::size_t i = 0; i < program_.nodes.size(); ++i)
      if (!forward(i)) return std::nullopt;
    const auto energy = static_cast<std::size_t>(program_.energy);
    if (!depends_[energy]) return std::nullopt;
    result_.energy = b_.settled(values_[energy], 1);
    adjoints_.resize(values_.size());
    adjoints_[energy].push_back({b_.number(1), 0, 1});
    for (std::size_t i = energy + 1; i-- > 0;) {
      if (!depends_[i] || adjoints_[i].empty()) continue;
      const LoopValue adjoint = joined(adjoints_[i], program_.nodes[i].width);
      if (findTraits(program_.nodes[i].op)->is(OpSource::Rows))
        result_.gradient = b_.settled(adjoint, program_.inputWidth);
      else
        backward(i, adjoint);
    }
    if (result_.gradient < 0 || scattered_) return std::nullopt;
    return std::move(result_);
  }

 private:
  const PlainNode& node(std::size_t i) const { return program_.nodes[i]; }
  std::size_t inputOf(std::size_t i, std::size_t k) const { return static_cast<std::size_t>(node(i).inputs[k]); }
  LoopValue in(std::size_t i, std::size_t k) const { return values_[inputOf(i, k)]; }
  std::int64_t widthOf(std::size_t i, std::size_t k) const { return node(inputOf(i, k)).width; }

  bool forward(std::size_t i) {
    const PlainNode& n = node(i);
    const NamedTraits& traits = *findTraits(n.op);
    bool depends = traits.is(OpSource::Rows);
    for (const int input : n.inputs) depends |= depends_[static_cast<std::size_t>(input)] != 0;
    depends_.push_back(depends);
    const std::optional<LoopValue> value = traits.is(OpSource::None) ? operation(i, traits) : source(n, traits);
    if (!value) return false;
    values_.push_back(*value);
    return true;
  }

  std::optional<LoopValue> source(const PlainNode& n, const NamedTraits& traits) {
    if (traits.is(OpSource::Rows)) return b_.source(LoopSource::Rows, n.width, -1);
    if (traits.is(OpSource::Constant)) return b_.source(LoopSource::Constant, n.width, n.constants[0]);
    if (traits.is(OpSource::Parameter)) return b_.source(LoopSource::Parameter, n.width, n.parameters[0]);
    return std::nullopt;
  }

  std::optional<LoopValue> operation(std::size_t i, const NamedTraits& traits) {
    const PlainNode& n = node(i);
    const std::string& op = n.op;
    const std::int64_t w = n.width;
    if (traits.traits.unary) return b_.function(functionOf(i, traits), in(i, 0));
    if (op == "add") return b_.add(in(i, 0), in(i, 1));
    if (op == "sub") return b_.add(in(i, 0), b_.times(in(i, 1), -1));
    if (op == "mul") return b_.product(in(i, 0), in(i, 1));
    if (op == "div") return b_.quotient(LoopCode::Quotient, in(i, 0), in(i, 1));
    if (op == "neg") return b_.times(in(i, 0), -1);
    if (op == "scale") return b_.affine(in(i, 0), n.numbers[0], n.numbers[1]);
    if (op == "sum") return b_.sum(in(i, 0), widthOf(i, 0));
    if (op == "mean") return b_.times(b_.sum(in(i, 0), widthOf(i, 0)), 1.0 / static_cast<double>(widthOf(i, 0)));
    if (op == "norm") {
      const LoopValue squares = b_.sum(b_.product(in(i, 0), in(i, 0)), widthOf(i, 0));
      return b_.function({Unary::Sqrt, 0}, squares);
    }
    if (op == "logsumexp") return b_.logSum(in(i, 0), widthOf(i, 0));
    if (op == "logSoftmax") return b_.add(in(i, 0), b_.times(b_.logSum(in(i, 0), w), -1));
    if (op == "slice") return b_.piece(in(i, 0), n.integers[0], w);
    if (op == "columns") return columns(i);
    if (op == "concat") return concat(i);
    if (op == "where") return b_.where(in(i, 0), in(i, 1), in(i, 2), w);
    if (traits.is(OpForm::Quadratic)) return quadratic(i);
    if (traits.is(OpForm::Pairwise)) return pairwise(i);
    if (traits.is(OpForm::Distances)) return distances(i);
    if (traits.is(OpForm::Matmul)) return matmul(i);
    if (traits.is(OpForm::Linear)) return linear(i);
    if (op == "blockSums") return blockSums(i);
    if (const auto code = selection(op)) return b_.selection(*code, in(i, 0), in(i, 1), w);
    return std::nullopt;
  }

  static std::optional<LoopCode> selection(const std::string& op) {
    static const std::map<std::string, LoopCode> codes = {
        {"maximum", LoopCode::Maximum}, {"minimum", LoopCode::Minimum}, {"gt", LoopCode::Greater},
        {"ge", LoopCode::GreaterEqual}, {"lt", LoopCode::Less},         {"le", LoopCode::LessEqual}};
    const auto it = codes.find(op);
    return it == codes.end() ? std::nullopt : std::optional(it->second);
  }

  ActivationOf<double> functionOf(std::size_t i, const NamedTraits& traits) const {
    const std::vector<double>& numbers = node(i).numbers;
    return {*traits.traits.unary, numbers.empty() ? 0.0 : numbers[0]};
  }

  // Columns of x in a row one after another are one piece.
  struct Run {
    std::int64_t first, count;
  };
  std::vector<Run> runsOf(std::size_t i) const {
    std::vector<Run> runs;
    for (const std::int64_t c : node(i).integers)
      if (!runs.empty() && runs.back().first + runs.back().count == c)
        ++runs.back().count;
      else
        runs.push_back({c, 1});
    return runs;
  }

  std::optional<LoopValue> columns(std::size_t i) {
    constexpr std::size_t kMostRuns = 16;
    const std::vector<Run> runs = runsOf(i);
    if (runs.size() > kMostRuns) return std::nullopt;
    std::vector<LoopPart> parts;
    for (const Run& run : runs) parts.push_back({b_.piece(in(i, 0), run.first, run.count), run.count});
    return b_.join(parts, depends_[i] != 0);
  }

  std::optional<LoopValue> concat(std::size_t i) {
    std::vector<LoopPart> parts;
    for (std::size_t k = 0; k < node(i).inputs.size(); ++k) parts.push_back({in(i, k), widthOf(i, k)});
    return b_.join(parts, depends_[i] != 0);
  }

  // Where rows are turned, products keep a row in registers: a value may be wider than the row it is made of.
  bool tooWideToTurn(std::int64_t d) const { return program_.inputWidth < kNarrowRow && d >= kNarrowRow; }

  // The mean and the matrix are values for all rows; the product is kept: it is the gradient, too.
  std::optional<LoopValue> quadratic(std::size_t i) {
    const std::int64_t d = widthOf(i, 0);
    const PlainNode& matrix = node(inputOf(i, 2));
    if (depends_[inputOf(i, 1)] || !depends_[inputOf(i, 0)] || !findTraits(matrix.op)->is(OpSource::Parameter) ||
        tooWideToTurn(d))
      return std::nullopt;
    const LoopValue apart = b_.add(in(i, 0), b_.times(in(i, 1), -1));
    kept_[i] = b_.symmetric(apart, matrix.parameters[0], d);
    return b_.times(b_.sum(b_.product(apart, kept_[i]), d), 0.5);
  }

  // -(x' S x / 2 + h' x)
  std::optional<LoopValue> pairwise(std::size_t i) {
    const std::int64_t d = widthOf(i, 0);
    if (!depends_[inputOf(i, 0)] || tooWideToTurn(d)) return std::nullopt;
    const LoopValue x = in(i, 0), field = b_.source(LoopSource::Parameter, d, node(i).parameters[1]);
    const LoopValue product = b_.symmetric(x, node(i).parameters[0], d);
    kept_[i] = b_.add(product, field);
    const LoopValue pairs = b_.sum(b_.product(x, product), d), fields = b_.sum(b_.product(x, field), d);
    return b_.times(b_.add(b_.times(pairs, 0.5), fields), -1);
  }

  std::optional<LoopValue> distances(std::size_t i) {
    if (widthOf(i, 0) >= kNarrowRow || !depends_[inputOf(i, 0)]) return std::nullopt;
    return b_.distances(in(i, 0), widthOf(i, 0), node(i).constants[0], node(i).numbers, node(i).width);
  }

  // x C for a square matrix of few columns or few diagonals; others are products.
  std::optional<LoopValue> matmul(std::size_t i) {
    const std::int64_t d = node(i).width;
    const auto& numbers = program_.constants[static_cast<std::size_t>(node(i).constants[0])];
    if (d != widthOf(i, 0) || !depends_[inputOf(i, 0)]) return std::nullopt;
    TileWeightsOf<double> weights;
    if (program_.inputWidth >= kNarrowRow ? !packDiagonals(numbers.data(), d, weights) : tooWideToTurn(d))
      return std::nullopt;
    std::vector<double> turned(numbers.begin(), numbers.begin() + d * d);
    for (std::int64_t r = 0; r < d; ++r)
      for (std::int64_t c = 0; c < r; ++c)
        std::swap(turned[static_cast<std::size_t>(r * d + c)], turned[static_cast<std::size_t>(c * d + r)]);
    const auto first = static_cast<int>(result_.matrices.size());
    matrices_[i] = first;
    result_.matrices.push_back({d, std::move(turned)});
    result_.matrices.push_back({d, {numbers.begin(), numbers.begin() + d * d}});
    return b_.matrix(in(i, 0), first, d);
  }

  // One number of each row; more of them are a product.
  std::optional<LoopValue> linear(std::size_t i) {
    if (node(i).width != 1 || !depends_[inputOf(i, 0)]) return std::nullopt;
    const LoopValue sum = b_.sum(b_.product(in(i, 0), weightOf(i)), widthOf(i, 0));
    if (node(i).parameters.size() < 2) return sum;
    return b_.add(sum, b_.source(LoopSource::Parameter, 1, node(i).parameters[1]));
  }
  LoopValue weightOf(std::size_t i) { return b_.source(LoopSource::Parameter, widthOf(i, 0), node(i).parameters[0]); }

  std::optional<LoopValue> blockSums(std::size_t i) {
    constexpr std::int64_t kMostBlocks = 16;
    const std::int64_t blocks = node(i).width, size = widthOf(i, 0) / blocks;
    if (blocks > kMostBlocks) return std::nullopt;
    std::vector<LoopPart> parts;
    for (std::int64_t k = 0; k < blocks; ++k) parts.push_back({b_.sum(b_.piece(in(i, 0), k * size, size), size), 1});
    return b_.join(parts, depends_[i] != 0);
  }

  void give(std::size_t i, std::size_t k, const LoopValue& value, std::int64_t first, std::int64_t width) {
    const std::size_t input = inputOf(i, k);
    if (depends_[input]) adjoints_[input].push_back({value, first, width});
  }
  // What reaches an input that was as wide as the result, or one number for all its columns.
  void give(std::size_t i, std::size_t k, const LoopValue& value) {
    if (!depends_[inputOf(i, k)]) return;
    const std::int64_t w = node(i).width, to = widthOf(i, k);
    give(i, k, to == w ? value : b_.sum(value, w), 0, to);
  }

  void backward(std::size_t i, const LoopValue& g) {
    const PlainNode& n = node(i);
    const NamedTraits& traits = *findTraits(n.op);
    const std::string& op = n.op;
    const std::int64_t w = n.width, from = n.inputs.empty() ? 0 : widthOf(i, 0);
    if (traits.traits.unary) return give(i, 0, b_.product(g, b_.slope(functionOf(i, traits), in(i, 0), values_[i])));
    if (op == "add" || op == "sub") {
      give(i, 0, g);
      return give(i, 1, op == "add" ? g : b_.times(g, -1));
    }
    if (op == "mul") {
      for (std::size_t k = 0; k < 2; ++k)
        if (depends_[inputOf(i, k)]) give(i, k, b_.product(g, in(i, 1 - k)));
      return;
    }
    if (op == "div") {
      const LoopValue share = b_.quotient(LoopCode::Quotient, g, in(i, 1));
      give(i, 0, share);
      if (depends_[inputOf(i, 1)]) give(i, 1, b_.times(b_.product(share, values_[i]), -1));
      return;
    }
    if (op == "neg") return give(i, 0, b_.times(g, -1));
    if (op == "scale") return give(i, 0, b_.times(g, n.numbers[0]));
    if (op == "sum") return give(i, 0, g, 0, from);
    if (op == "mean") return give(i, 0, b_.times(g, 1.0 / static_cast<double>(from)), 0, from);
    if (op == "norm")  // 0 at the zero row
      return give(i, 0, b_.product(b_.quotient(LoopCode::SafeQuotient, g, values_[i]), in(i, 0)), 0, from);
    if (op == "logsumexp") return give(i, 0, b_.product(g, b_.shares(in(i, 0), from)), 0, from);
    if (op == "logSoftmax") {
      const LoopValue shares = b_.product(b_.sum(g, w), b_.shares(in(i, 0), w));
      return give(i, 0, b_.add(g, b_.times(shares, -1)));
    }
    if (op == "slice") return give(i, 0, g, n.integers[0], w);
    if (op == "columns" || op == "concat") return scattered(i, g);
    if (op == "where") {
      const LoopValue zero = b_.number(0);
      if (depends_[inputOf(i, 1)]) give(i, 1, b_.where(in(i, 0), g, zero, w));
      if (depends_[inputOf(i, 2)]) give(i, 2, b_.where(in(i, 0), zero, g, w));
      return;
    }
    if (traits.is(OpForm::Quadratic)) return give(i, 0, b_.product(g, kept_[i]), 0, from);
    if (traits.is(OpForm::Pairwise)) return give(i, 0, b_.times(b_.product(g, kept_[i]), -1), 0, from);
    if (traits.is(OpForm::Distances))
      return give(i, 0, b_.distanceSlopes(in(i, 0), from, n.constants[0], n.numbers, g, w), 0, from);
    if (traits.is(OpForm::Linear)) return give(i, 0, b_.product(g, weightOf(i)), 0, from);
    if (traits.is(OpForm::Matmul)) return give(i, 0, b_.matrix(g, matrices_.at(i) + 1, from), 0, from);
    if (op == "blockSums") {
      for (std::int64_t k = 0; k < w; ++k) give(i, 0, b_.piece(g, k, 1), k * (from / w), from / w);
      return;
    }
    if (op == "maximum" || op == "minimum") {
      const LoopCode code = op == "maximum" ? LoopCode::MaximumShare : LoopCode::MinimumShare;
      const LoopValue share = b_.selection(code, in(i, 0), in(i, 1), w);
      give(i, 0, b_.product(g, share));
      return give(i, 1, b_.product(g, b_.affine(share, -1, 1)));
    }
    // Comparisons: their derivative is 0.
  }

  void scattered(std::size_t i, const LoopValue& g) {
    std::int64_t at = 0;
    if (node(i).op == "columns") {
      for (const Run& run : runsOf(i)) {
        give(i, 0, b_.piece(g, at, run.count), run.first, run.count);
        at += run.count;
      }
      return;
    }
    for (std::size_t k = 0; k < node(i).inputs.size(); ++k) {
      const std::int64_t w = widthOf(i, k);
      give(i, k, b_.piece(g, at, w), 0, w);
      at += w;
    }
  }

  // The sum of all contributions: of whole rows first, then segment by segment.
  LoopValue joined(const std::vector<Contribution>& all, std::int64_t width) {
    std::vector<std::int64_t> borders{0, width};
    std::optional<LoopValue> whole;
    for (const Contribution& c : all) {
      if (c.first == 0 && c.width == width) {
        whole = whole ? b_.add(*whole, c.value) : c.value;
        continue;
      }
      borders.push_back(c.first);
      borders.push_back(c.first + c.width);
    }
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    if (borders.size() == 2 && whole) return *whole;
    // Columns that are read one by one: a formula written out over hundreds of them.
    constexpr std::size_t kMostSegments = 64;
    if (borders.size() > kMostSegments) {
      scattered_ = true;
      return b_.number(0);
    }
    std::vector<LoopPart> parts;
    for (std::size_t s = 0; s + 1 < borders.size(); ++s) {
      const std::int64_t first = borders[s], count = borders[s + 1] - first;
      LoopValue sum = whole ? b_.piece(*whole, first, count) : b_.number(0);
      for (const Contribution& c : all) {
        if ((c.first == 0 && c.width == width) || first < c.first || first >= c.first + c.width) continue;
        sum = b_.add(sum, b_.piece(c.value, first - c.first, count));
      }
      parts.push_back({sum, count});
    }
    return b_.join(parts, true);
  }

  const PlainProgram& program_;
  LoopTerms result_;
  LoopBuilder b_;
  std::vector<LoopValue> values_;
  std::vector<char> depends_;  // on x
  std::vector<std::vector<Contribution>> adjoints_;
  std::map<std::size_t, LoopValue> kept_;
  std::map<std::size_t, int> matrices_;
  bool scattered_ = false;  // into too many segments
};

}  // namespace

std::optional<LoopTerms> LoopTerms::of(const PlainProgram& program) {
  constexpr std::size_t kMostNodes = 512;  // of a formula that anybody writes down
  if (program.nodes.size() > kMostNodes || program.energy < 0 || program.jointEnergy >= 0 ||
      program.conditionWidth > 0 || program.classes > 0)
    return std::nullopt;
  return Lowering(program).run();
}

}  // namespace langevin
