// Whether an energy rises far away. exp(-E) has no integral where E grows more slowly than log r along rays that fill a
// cone; a chain that finds a ray along which it does not grow runs away.
#pragma once

#include <vector>

#include "energies/energy.hpp"

namespace langevin {

/// What E does from one distance to a farther one. Flat: it grows by log(ratio of the distances) at most, too slowly for
/// an integral even over one column (over d of them d times as much may be too slow; heavy tails that have an integral
/// grow no faster than this along single columns). Unknown: it is not a number there.
enum class Tail { Rises, Flat, Falls, Unknown };

Tail tailOf(double before, double after, double ratio);

/// E at from + distance * direction for every row and distance, float64 [n, distances]. Discrete columns stay as they
/// are; a direction has as many columns as a row.
at::Tensor energyAlong(const Energy& energy, const Batch& from, const at::Tensor& direction,
                       const std::vector<double>& distances, int threads);

/// 1 in the real columns of a domain, 0 in the others, float64 [columns].
at::Tensor realColumns(const Domain& domain);

/// True when E(x) can be asked for: no condition, an optional one, or y is there.
bool hasCondition(const Energy& energy, const at::Tensor& y);

}  // namespace langevin
