// Nearest training rows by Euclidean distance, exact to rounding: what knn, lof and diffusionTime ask.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"
#include "base/torch.hpp"
#include "evaluation/neighbour_tree.hpp"

namespace langevin {

/// The k nearest training rows of some rows.
struct NearestRows {
  at::Tensor distances;  // float64 [n, k], ascending
  at::Tensor rows;       // int64 [n, k], numbers of training rows; of equally near ones those that come first
};

/// The training rows that may be among the nearest of a query.
class Candidates;

/// Training rows, and what is prepared of them once: a tree, or their squares about their centre, where the expanded square
/// cancels least.
class NeighbourIndex {
 public:
  explicit NeighbourIndex(const at::Tensor& rows);
  /// What `state` left.
  static NeighbourIndex read(const Spec& state);
  /// As a detector keeps it: rows [n, d], and those of the tree, or centre [1, d], shifted [n, d], norms [n].
  Map state() const;

  std::int64_t size() const { return rows_.size(0); }
  std::int64_t width() const { return rows_.size(1); }
  const at::Tensor& rows() const { return rows_; }

  /// The k nearest (k <= size()) of queries float64 [n, width()], in tiles of bounded memory.
  NearestRows nearest(const at::Tensor& queries, std::int64_t k, int threads, Job& job) const;
  /// The k nearest other rows (k < size()) of every training row.
  NearestRows nearestOthers(std::int64_t k, int threads, Job& job) const;

 private:
  NeighbourIndex() = default;
  std::vector<Candidates> candidatesOf(const at::Tensor& queries, std::int64_t k, Job& job) const;

  at::Tensor rows_;
  std::optional<NeighbourTree> tree_;  // of narrow rows; of others what products need
  at::Tensor centre_, shifted_, norms_;
};

/// The option `k` of a detector, at most `most`.
std::int64_t neighbourCount(const Spec& detector, std::int64_t otherwise, std::int64_t most);

}  // namespace langevin
