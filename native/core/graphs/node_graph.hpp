// A graph as networks of nodes see it: features times weights, and the sparse operators they propagate by.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "graphs/csr.hpp"
#include "graphs/features.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// Features of nodes in the dtype of a network, times its weights.
class FeatureMatrix {
 public:
  /// Kept as a sparse matrix where less than a fifth is not 0, however they were given, else as a dense one: from there on a dense
  /// product is quicker.
  FeatureMatrix(const Features& features, at::ScalarType dtype);
  std::int64_t nodes() const { return sparse_ ? sparse_->matrix().rows : dense_.size(0); }
  std::int64_t columns() const { return sparse_ ? sparse_->matrix().cols : dense_.size(1); }
  /// X weight', weight [out, d], with the gradient in the weight; P X weight' where an operator P is given. Computed once for a
  /// weight (and its latest operator) until forget().
  at::Tensor times(const at::Tensor& weight, int threads, const SparseOperatorRef& by = nullptr) const;
  /// The weights have changed.
  void forget() const { products_.clear(); }

 private:
  at::Tensor product(const at::Tensor& weight, int threads) const;
  at::Tensor weightGradient(const at::Tensor& gradient, int threads) const;

  struct Products {
    at::Tensor plain, spread;
    SparseOperatorRef by;  // of `spread`; held, so that no other operator gets its address
  };

  at::Tensor dense_;                                  // where they are dense
  mutable at::Tensor denseTurned_;                    // its transpose, once a gradient has asked for it
  SparseOperatorRef sparse_;                          // else
  mutable std::map<const void*, Products> products_;  // by the weight's numbers
};

/// The pattern attention runs over: the adjacency, with self loops where they are wanted, and its transpose.
struct AttentionPattern {
  Csr matrix;
  Transposed turned;
};

/// Which operator a layer propagates by.
struct Propagation {
  Normalisation how = Normalisation::Symmetric;
  bool selfLoops = true;
  auto operator<=>(const Propagation&) const = default;
};

class NodeGraph {
 public:
  NodeGraph(std::shared_ptr<const FeatureMatrix> features, Csr adjacency, at::ScalarType dtype)
      : NodeGraph(std::move(features), adjacency, dtype, hasSymmetricPattern(adjacency)) {}
  /// { nodes, edges, features }.
  static NodeGraph read(const Spec& graph, at::ScalarType dtype);

  std::int64_t nodes() const { return adjacency_.rows; }
  const FeatureMatrix& features() const { return *features_; }
  /// Built at the first use, then kept.
  const SparseOperatorRef& propagation(const Propagation& by) const;
  const std::shared_ptr<const AttentionPattern>& attention(bool selfLoops) const;
  /// The same nodes without each edge with probability p. Where every edge is there in both directions, both share their fate, which
  /// depends on the edge's place among them, the seed and the step alone.
  NodeGraph withDroppedEdges(double p, const Random& random, std::uint64_t step) const;

 private:
  // Which of so many numbers decides over each entry of the adjacency.
  struct Fates {
    std::int64_t count = 0;
    at::Tensor of;  // int64 [stored]
  };

  NodeGraph(std::shared_ptr<const FeatureMatrix> features, Csr adjacency, at::ScalarType dtype, bool undirected)
      : features_(std::move(features)), adjacency_(std::move(adjacency)), undirected_(undirected), dtype_(dtype) {}
  const Fates& fates() const;

  std::shared_ptr<const FeatureMatrix> features_;
  Csr adjacency_;
  bool undirected_;
  at::ScalarType dtype_;
  mutable std::map<Propagation, SparseOperatorRef> operators_;
  mutable std::map<bool, std::shared_ptr<const AttentionPattern>> attention_;
  mutable Fates fates_;
};

}  // namespace langevin
