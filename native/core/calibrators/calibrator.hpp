// Maps from the logits of a classifier to probabilities that are as large as the classes are frequent, fitted to rows the
// classifier was not trained on. float64, deterministic.
#pragma once

#include <cstdint>
#include <memory>

#include "base/spec.hpp"
#include "tensors/saved.hpp"

namespace langevin {

class Calibrator {
 public:
  virtual ~Calibrator() = default;
  /// Probabilities [n, k] of logits float64 [n, k].
  virtual at::Tensor probabilities(const at::Tensor& logits) const = 0;
};

/// One kind: `fit` turns logits float64 [n, k] with labels int64 [n] into tensors by name, which a file keeps; `make` reads
/// them for `classes` classes. ERR_LANGEVIN_INVALID_OPTION where there is nothing to find.
struct CalibratorKind {
  SavedTensors (*fit)(const Spec& spec, const at::Tensor& logits, const at::Tensor& labels);
  std::unique_ptr<Calibrator> (*make)(const SavedTensors& state, std::int64_t classes);
};

const CalibratorKind& calibratorKind(const Spec& spec);

/// A state tensor float64 of this many numbers; ERR_LANGEVIN_FORMAT otherwise.
at::Tensor calibratorState(const SavedTensors& state, const char* name, std::int64_t numbers);

/// What to call one against all for: the logit of class k in a way that says how sure the classifier is of it, [n]; of two
/// classes the difference of their logits.
struct OneAgainstAll {
  /// Columns that are looked at: 1 for two classes, else k.
  static std::int64_t columns(std::int64_t classes) { return classes == 2 ? 1 : classes; }
  /// Whether row i is of the class of column c, as 0 or 1 [n].
  static at::Tensor hits(const at::Tensor& labels, std::int64_t column, std::int64_t classes);
  /// Probabilities [n, k] of those of the columns [n, columns], normalised; rows of zeros become uniform.
  static at::Tensor joined(const at::Tensor& ofColumns, std::int64_t classes);
};

}  // namespace langevin
