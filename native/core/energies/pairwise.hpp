// What ising and potts share: sites, which pairs of them interact, E(x) = -x' J x / 2 - h' x.
#pragma once

#include "base/spec.hpp"
#include "program/builder.hpp"

namespace langevin {

/// float64 [sites, sites], 1 where two sites interact: all pairs of `sites`, or the nearest neighbours on a `lattice`
/// of the given lengths (row-major), closed to a torus where `periodic` (default true).
at::Tensor interactions(const Spec& spec, std::int64_t siteWidth = 1);

/// `field` as float64 [width]: absent (0), a number, or as many numbers as `given` says, repeated to the width.
at::Tensor fieldOf(const Spec& spec, std::int64_t width, std::int64_t given);

/// `coupling` as float64 [d, d]: absent (0), a number (times `unit`), or a symmetric matrix that is 0
/// outside of `mask`.
at::Tensor couplingOf(const Spec& spec, const at::Tensor& mask, const at::Tensor& unit);

/// The whole program; parameters "coupling" [d, d] and "field" [d].
Program lowerPairwise(Builder& b, const at::Tensor& mask, const at::Tensor& coupling, const at::Tensor& field,
                      Domain domain);

}  // namespace langevin
