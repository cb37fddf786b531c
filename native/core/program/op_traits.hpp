// What others ask of an operation beside its value, by its name. No Torch: the fused kernels are compiled without it, too.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace langevin {

enum class Unary : int;  // kernels/tile_kernels.hpp

/// Where the value of an operation without inputs comes from. Computed: from its parameters alone.
enum class OpSource { None, Rows, Condition, Constant, Parameter, Computed };
/// Operations that executors join and that closed forms of derivatives are written for.
enum class OpForm {
  Other,
  Linear,
  Conv,
  ConvTranspose,
  Add,
  Scale,
  Sum,
  Slice,
  Matmul,
  Quadratic,
  Distances,
  Pairwise
};

/// What others ask of an operation beside its value: executors, closed forms of derivatives, refusals. Nobody compares
/// names.
struct OpTraits {
  OpSource source = OpSource::None;
  OpForm form = OpForm::Other;
  /// False for piecewise linear operations (relu family): their Hessian in x is zero almost everywhere, so objectives
  /// that need second derivatives refuse them (specs: conventions, "Second derivatives").
  bool smooth = true;
  bool stochastic = false;  // draws random numbers in training mode
  bool activation = false;  // may follow a layer, by its name
  std::optional<Unary> unary =
      std::nullopt;  // an elementwise function of one value, which every executor's kernels have
};

/// An operation there is.
struct NamedTraits {
  const char* name;
  OpTraits traits = {};
  bool is(OpForm form) const { return traits.form == form; }
  bool is(OpSource source) const { return traits.source == source; }
};

/// Every operation. Its value in ATen is in program/ops_*.cpp.
const std::vector<NamedTraits>& operationTraits();
/// Null where the name is none of an operation.
const NamedTraits* findTraits(const std::string& name);

}  // namespace langevin
