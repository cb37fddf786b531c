// Programs without products, as loops over a few rows at a time whose values all stay in the first-level cache. A product
// pays for its trip through memory by itself; here every operation is a trip, so there are as few as possible
// (loop_terms.hpp) over as little as possible. Energies and input gradients only: parameter gradients are those of
// TileProgram, whose values these are but for the last bits.
//
// Rows of kNarrowRow columns or more lie as they are, one after another. Narrower ones are turned: the block lies column
// by column, so that a vector holds a column of as many rows as it has lanes, and sums over columns, broadcasts and slices
// cost nothing across lanes.
#pragma once

#include <memory>
#include <vector>

#include "executors/cpu/loop_terms.hpp"
#include "executors/cpu/tile_program.hpp"

namespace langevin {

/// Where a pass finds its numbers.
enum class LoopRegion { Scratch, Rows, Gradient, Energy, Fixed, Numbers, First };

/// A region beyond those: what it points to.
struct LoopPointer {
  enum class To { Parameter, Constant, Matrix } to;
  int index;
};

/// Instances: float and double.
template <class T>
class LoopProgramOf {
 public:
  /// Null, where an operation has no such form.
  static std::unique_ptr<LoopProgramOf> compile(const PlainProgram& program);

  /// Whether these weights have the form the loops are for: the matrices of wide rows have a few diagonals.
  bool runs(const PackedOf<T>& packed) const;
  bool turnsRows() const { return turned_; }
  /// Rows that are worth a call.
  std::int64_t preferredRows() const;

  /// E [rows] and dE/dx [rows, d]; either may be null.
  void run(const PackedOf<T>& packed, const std::vector<std::vector<T>>& constants, const TileInputOf<T>& in,
           TileWorkspace& ws, T* energy, T* gradient) const;

 private:
  /// What is computed once a call, and for every block of so many rows.
  struct Plan {
    std::vector<LoopStepOf<T>> fixed, steps;
    std::int64_t rows = 16, scratch = 0, fixedNumbers = 0;
  };
  template <class>
  friend class LoopPlanner;
  const TileWeightsOf<T>& weightsOf(const PackedOf<T>& packed, int bands) const {
    return bands < 0 ? constantBands_[static_cast<std::size_t>(-1 - bands)]
                     : packed.weights[static_cast<std::size_t>(bands)];
  }

  std::int64_t columns_ = 0;
  bool turned_ = false;
  Plan energy_, both_, gradient_;
  std::vector<T> numbers_;
  std::vector<LoopPointer> pointers_;
  std::vector<int> bands_;  // of products with banded matrices: the parameter, or -1 - i of constantBands_[i]
  std::vector<TileWeightsOf<T>> constantBands_;
};

}  // namespace langevin
