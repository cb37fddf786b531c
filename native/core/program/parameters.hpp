// Parameters of an energy: one flat vector of the learnable ones, with named views as torch.nn names them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "program/program.hpp"

namespace langevin {

class Parameters {
 public:
  Parameters(const Program& program, at::ScalarType dtype, at::Device device, std::uint64_t seed);

  /// In the program's order; views into flat() for learnable ones.
  const std::vector<at::Tensor>& tensors() const { return tensors_; }
  /// All learnable numbers, [P].
  const at::Tensor& flat() const { return flat_; }
  const std::vector<ParameterInfo>& info() const { return info_; }
  /// Grows with every in-place change of a value.
  std::uint64_t version() const;
  std::int64_t count() const { return flat_.numel(); }  // learnable

  /// Fresh leaves that share storage with the parameters and require grad; order of info(), undefined for buffers.
  std::vector<at::Tensor> leaves() const;
  /// Writes gradients given in info() order (undefined = zero) into one flat [P] vector, adding.
  void accumulate(at::Tensor& flatGradient, const std::vector<at::Tensor>& gradients) const;

  /// Clones on the CPU; of the learnable numbers in `learnable` [P] where it is defined.
  std::vector<std::pair<std::string, at::Tensor>> named(const at::Tensor& learnable = {}) const;
  /// Replaces values by name. Every name must be known and shaped alike; with `complete` none may be missing.
  void assign(const std::vector<std::pair<std::string, at::Tensor>>& values, bool complete);

 private:
  std::vector<ParameterInfo> info_;
  std::vector<at::Tensor> tensors_;
  at::Tensor flat_;
};

}  // namespace langevin
