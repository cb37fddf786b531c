// Rows that differ from given ones in one discrete site, and objectives that are a sum over sites of a function of the
// differences of energy to them.
#pragma once

#include <vector>

#include "objectives/objective.hpp"

namespace langevin {

struct Neighbours {
  /// `sites` sites with `others` other levels each.
  struct Part {
    std::int64_t sites, others;
  };
  at::Tensor x;             // [sum of sites * others * n, d]: rows run fastest, then levels, then sites
  std::vector<Part> parts;  // by the runs of the domain's discrete columns
};

/// Of every discrete site of rows x, or of `sites` alone (numbers of discrete sites in rising order, int64); real columns
/// stay as they are.
Neighbours neighboursOf(const Domain& domain, const at::Tensor& x, const at::Tensor& sites = {});

/// sum over discrete sites s of mean over rows of f(v), v [sites, others, n] the differences E(x) - E(x') to the other
/// levels of s. With `sites`, so many of them are drawn anew at every step, and the sum is scaled to all: its mean over
/// draws is the whole sum.
class NeighbourObjective : public Objective {
 public:
  explicit NeighbourObjective(const Spec& spec) : chosen_(spec.has("sites") ? spec.count("sites", 1) : 0) {}

  void prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) final;
  at::Tensor loss(StepContext& context) final;

 protected:
  /// "pseudoLikelihood compares the levels of a column": for the refusal.
  virtual std::string what() const = 0;
  /// f of every site and row [sites, n]; `v` becomes df/dv.
  virtual at::Tensor inPlace(at::Tensor& v) const = 0;

 private:
  std::int64_t chosen_, all_ = 0;
};

}  // namespace langevin
