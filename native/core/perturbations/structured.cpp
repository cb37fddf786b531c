// structured: the product of a kernel for every block of columns, all perturbed at once. Blocks that `kernels` names have
// the one given there; of the rest, real columns have Gaussian noise, ordinal and cyclic ones walk between neighbouring
// levels, all others are drawn anew (TabED-Str of Schroeder et al. 2024). A product of kernels that are normalised over
// x' is normalised over x'. With `subsets` a row has a random subset of its blocks perturbed, the same one on the way back: a mixture
// over subsets that y tells of.
#include <algorithm>

#include "perturbations/perturbation.hpp"
#include "program/block_words.hpp"

namespace langevin {
namespace {

/// A kernel and the numbers of its blocks.
struct Part {
  std::unique_ptr<Perturbation> kernel;
  std::vector<std::size_t> blocks;
};

class StructuredPerturbation final : public Perturbation {
 public:
  explicit StructuredPerturbation(const Spec& spec) : subsets_(spec.boolean("subsets", false)) {
    if (const auto given = spec.find("kernels"))
      for (const Spec& entry : given->items()) {
        const Spec kernel = entry.at("perturbation");
        if (kernel.kind() == "structured") kernel.invalid("a structured perturbation has no other one inside");
        named_.push_back({BlockWords::read(entry.at("on")), entry.path()});
        parts_.push_back({makePerturbation(kernel), {}});
      }
    const Value t = spec.positive("t", 0.1), tBase = spec.positive("tBase", 0.005);
    const Value sd = spec.has("sd") ? spec.at("sd").value() : Value(0.1);
    const auto add = [&](const char* kind, const char* option, const Value& value) {
      const Value own = Map{{"kind", kind}, {option, value}};
      parts_.push_back({makePerturbation(Spec(own, spec.path())), {}});
    };
    // In the order of Others.
    add("gaussian", "sd", sd);
    add("uniform", "t", t);
    add("ordinal", "tBase", tBase);
    add("cyclic", "tBase", tBase);
  }

  void requireFit(const Domain& domain, const ColumnBlock& block) const override {
    const std::vector<std::size_t> partOf = partsOf(domain);
    for (std::size_t b = 0; b < partOf.size(); ++b)
      if (domain.blocks()[b].first == block.first) parts_[partOf[b]].kernel->requireFit(domain, block);
  }

  void prepare(const Domain& domain) override {
    blocks_ = domain.blocks();
    const std::vector<std::size_t> partOf = partsOf(domain);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      parts_[p].blocks.clear();
      for (std::size_t b = 0; b < partOf.size(); ++b)
        if (partOf[b] == p) parts_[p].blocks.push_back(b);
      if (!parts_[p].blocks.empty()) parts_[p].kernel->prepare(domain.part(parts_[p].blocks));
    }
  }

  at::Tensor candidates(const at::Tensor& x, std::int64_t count, std::uint64_t step, const Random& random,
                        int threads) const override {
    at::Tensor result = at::empty({count * x.size(0), x.size(1)}, x.options());
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const std::vector<std::size_t>& own = parts_[p].blocks;
      if (own.empty()) continue;
      std::vector<at::Tensor> columns;
      for (const std::size_t b : own) columns.push_back(blocks_[b].columnsOf(x));
      // blockwise forks by the same salt and draws from other streams.
      const at::Tensor moved = parts_[p].kernel->candidates(columns.size() == 1 ? columns[0] : at::cat(columns, 1),
                                                            count, step, random.fork(Salt::BlockKernel, p), threads);
      std::int64_t first = 0;
      for (const std::size_t b : own) {
        blocks_[b].columnsOf(result).copy_(moved.slice(1, first, first + blocks_[b].width));
        first += blocks_[b].width;
      }
    }
    if (subsets_) restoreOthers(result, x, count, step, random);
    return result;
  }

 private:
  enum Others : std::size_t { kNormal, kUniform, kOrdinal, kCyclic };
  struct Named {
    BlockWords on;
    std::string path;
  };

  /// Of every row the blocks that stay are made those of x: all but one at random and, by a chance drawn for the row, others.
  void restoreOthers(const at::Tensor& result, const at::Tensor& x, std::int64_t count, std::uint64_t step,
                     const Random& random) const {
    const std::int64_t n = x.size(0), blocks = static_cast<std::int64_t>(blocks_.size());
    // The parts draw from generators of their own.
    const at::Tensor u = random.uniform(n, blocks + 2, step, Stream::Corrupt, at::TensorOptions(at::kFloat));
    at::Tensor moved = u.slice(1, 0, blocks).lt(u.slice(1, blocks, blocks + 1));
    const at::Tensor one = u.slice(1, blocks + 1).mul(blocks).floor().clamp_max(blocks - 1).to(at::kLong);
    moved.scatter_(1, one, true);
    moved = moved.to(x.device());
    for (std::int64_t b = 0; b < blocks; ++b) {
      const ColumnBlock& block = blocks_[static_cast<std::size_t>(b)];
      const at::Tensor own = block.columnsOf(result).view({count, n, block.width});
      own.copy_(at::where(moved.slice(1, b, b + 1), own, block.columnsOf(x)));
    }
  }

  /// The part of every block.
  std::vector<std::size_t> partsOf(const Domain& domain) const {
    std::vector<std::size_t> partOf(domain.blocks().size());
    for (std::size_t b = 0; b < partOf.size(); ++b) partOf[b] = named_.size() + otherFor(domain.blocks()[b].kind);
    for (std::size_t p = 0; p < named_.size(); ++p)
      for (const std::size_t b : named_[p].on.in(domain)) {
        if (partOf[b] < named_.size())
          throw Error(Code::InvalidOption,
                      named_[p].path + ".on: " + domain.blocks()[b].place() + " has a kernel already",
                      {{"path", named_[p].path + ".on"}});
        partOf[b] = p;
      }
    return partOf;
  }
  static std::size_t otherFor(Domain::Kind kind) {
    switch (kind) {
      case Domain::Kind::Real:
        return kNormal;
      case Domain::Kind::Ordinal:
        return kOrdinal;
      case Domain::Kind::Cyclic:
        return kCyclic;
      default:
        return kUniform;
    }
  }

  bool subsets_;
  std::vector<Named> named_;
  std::vector<Part> parts_;  // those of `named_`, then Others
  std::vector<ColumnBlock> blocks_;
};

}  // namespace

std::unique_ptr<Perturbation> makeStructuredPerturbation(const Spec& spec) {
  return std::make_unique<StructuredPerturbation>(spec);
}

}  // namespace langevin
