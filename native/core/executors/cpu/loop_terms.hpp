// The energy of a program without products, and its gradient in x, as terms: what has a value for a row, or one for all of
// them. Nothing is computed here. Terms that are equal are one; factors and shifts wait until a loop takes them along;
// the gradient is written as terms by the chain rule, so that what it shares with the energy is computed once, and what
// nobody asks for not at all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "kernels/loop_steps.hpp"
#include "program/plain_program.hpp"

namespace langevin {

enum class LoopSource { None, Rows, Parameter, Constant, Number };

struct LoopTerm {
  /// What makes it; not of sources, pieces and joins.
  LoopCode code = LoopCode::Affine;
  LoopSource source = LoopSource::None;
  enum class Form { Step, Source, Piece, Join, Second } form = Form::Step;
  std::vector<int> in;     // earlier terms
  std::int64_t width = 1;  // numbers of a row
  bool perRow = false;     // else one value for all rows
  double s = 1, t = 0;
  ActivationOf<double> f{};
  int index = -1;              // of the parameter or constant; of the parameter of a product with a symmetric matrix
  int matrix = -1;             // of a product with a constant: into LoopTerms::matrices
  std::int64_t first = 0;      // Piece: its first column of in[0]
  std::vector<double> scales;  // Distances

  auto key() const {
    return std::tuple(code, source, form, in, width, s, t, static_cast<int>(f.f), f.argument, index, matrix, first,
                      scales);
  }
};

/// factor * term + shift; without a term the shift alone, which is as wide as anybody wants.
struct LoopValue {
  double factor = 0, shift = 0;
  int term = -1;
};

/// A constant square matrix m, as the product y[i] = sum_j m[i][j] x[j] wants it.
struct LoopMatrix {
  std::int64_t size;
  std::vector<double> numbers;
};

/// The terms of a program.
struct LoopTerms {
  std::vector<LoopTerm> terms;
  std::vector<LoopMatrix> matrices;
  int energy = -1, gradient = -1;
  std::int64_t columns = 0;  // of x

  /// Null, where an operation has no such form.
  static std::optional<LoopTerms> of(const PlainProgram& program);
};

}  // namespace langevin
