// What is looked at once, when a run has ended: whether the energy rises far from the data, and whether the negatives of
// the last step look like the data. The material of diagnose(); nothing is changed, and no random number of the run is
// used.
#pragma once

#include <vector>

#include "energies/energy.hpp"
#include "rows/row_source.hpp"

namespace langevin {

/// E along rays that start at rows of the data: up and down single columns, into corners of the box of the data, and in
/// random directions. Distances are in half widths of that box.
///   { distances: [0, 10, ...], rays, falling, flat, data: { mean, low, high } of E at the rows,
///     worst: { energies, column | null, up } the ray along which E ends lowest,
///     lowest: { energy, distance } of all but distance 0 }
/// Null where no column is real, or E needs a condition that the data has not.
Value tailsOf(const Energy& energy, const RowSource& data, std::uint64_t seed, int threads);

/// Permutation test of the energy distance between rows of the model and rows of the data, columns scaled by the
/// deviations of the data:
///   { rows, distance, pValue, accuracy }
/// `distance` is 2 E|X - Y| - E|X - X'| - E|Y - Y'| less its mean over permutations, as a share of 2 E|X - Y|: about 0
/// for rows of one law, 1 for rows that lie far apart (Szekely and Rizzo 2013); it sees where the mass lies. `accuracy` is
/// how often the nearest other row tells the side of a row: 0.5 for rows of one law; it sees fine structure. Null for
/// rows that are not finite.
Value negativesAgainstData(const at::Tensor& negatives, const RowSource& data, std::uint64_t seed);

/// The negatives among the rows a step has recorded: those that follow its batch. Undefined where there are none.
at::Tensor negativesIn(const std::vector<Batch>& recorded, const at::Tensor& batch);

}  // namespace langevin
