// A program with its weights in the fused kernels of the CPU, and nothing else: what the scorer addon is. No LibTorch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "executors/cpu/tile_program.hpp"

namespace langevin {

/// Instances: float and double. Rows are cut into the tiles of Energy::energyOf, so the bits are the same.
template <class T>
class ScorerOf {
 public:
  /// `parameters`: the numbers of each, as many as the program says. ERR_LANGEVIN_FORMAT for a program that is not sound,
  /// ERR_LANGEVIN_UNSUPPORTED for one that the kernels do not cover.
  ScorerOf(const PlainProgram& program, const std::vector<const T*>& parameters);

  const PlainProgram& program() const { return program_; }
  /// E [rows]. ERR_LANGEVIN_INVALID_OPTION for a condition y that is missing, or a class that is none.
  void energy(const TileInputOf<T>& rows, int threads, T* out) const;
  /// -dE/dx [rows, d].
  void score(const TileInputOf<T>& rows, int threads, T* out) const;

 private:
  void checkCondition(const TileInputOf<T>& rows) const;
  template <class Task>
  void overTiles(const TileInputOf<T>& rows, int threads, Task task) const;

  PlainProgram program_;
  std::unique_ptr<TileProgramOf<T>> tiles_;
  PackedOf<T> packed_;
};

}  // namespace langevin
