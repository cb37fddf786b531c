// An energy's program for the CUDA kernel: the instruction lists with and without a condition, the arena of what is the
// same for all chains, and how a block's shared memory is dealt out. Host code: compiles and is tested without CUDA.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executors/cuda/lower.hpp"
#include "program/parameters.hpp"
#include "program/program.hpp"

namespace langevin::cuda {

/// How many chains a block takes and where its weights are.
struct Shape {
  int tileRows = 0, threads = 0, lanes = 0;
  bool resident = false;  // the whole arena stays in shared memory
  std::int64_t sharedFloats = 0;
};

class CudaProgram {
 public:
  /// Null, with the reason, when an operation has no form here or a chain does not fit `sharedBytes`. Keeps a reference
  /// to the program.
  static std::unique_ptr<CudaProgram> compile(const Program& program, std::int64_t sharedBytes, std::string& reason);

  /// The shape for n chains: tiles as tall as fit, but no taller than keeps every multiprocessor busy.
  Shape shape(bool conditioned, std::int64_t n, std::int64_t sharedBytes, int multiprocessors) const;
  /// The same with everything given.
  Shape shapeOf(bool conditioned, int tileRows, int lanes, bool resident) const;
  /// Writes the instruction list and the tile's layout into `launch`.
  void fill(bool conditioned, const Shape& shape, Launch& launch) const;
  /// The arena for these parameters, on the given device: float32 [arenaFloats + slack].
  at::Tensor arena(bool conditioned, const Program& program, const std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& constants, at::Device device) const;

  std::int64_t floatsPerRow(bool conditioned) const { return list(conditioned).floatsPerRow(); }
  std::size_t instructions(bool conditioned) const { return list(conditioned).drafts().size(); }

 private:
  const Lowering& list(bool conditioned) const { return conditioned && conditioned_ ? *conditioned_ : *plain_; }
  std::unique_ptr<Lowering> plain_, conditioned_;  // one of the two where the condition is not optional
};

}  // namespace langevin::cuda
