// The functions this module offers to the binding: a calibrator fitted, and applied.
#include "base/function.hpp"

#include "calibrators/calibrator.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Logits [n, k], float64; [n]: log odds of class 1 of two.
at::Tensor logitsIn(const Spec& given) {
  const at::Tensor f = readMatrix(given);
  requireRows(f, 1, given.path());
  return (f.size(1) == 1 ? at::cat({at::zeros_like(f), f}, 1) : f).contiguous();
}

// { calibrator, logits, labels } -> { name: tensor }
Value fitCalibrator(const Spec& a, Job&) {
  const at::Tensor logits = logitsIn(a.at("logits"));
  const at::Tensor labels = asLabels(unbox(a.at("labels")), logits.size(1), at::kCPU, "labels").contiguous();
  requireSameRows(logits, "logits", labels, "labels");
  const Spec spec = a.at("calibrator");
  Map state;
  for (const auto& [name, tensor] : calibratorKind(spec).fit(spec, logits, labels)) state.emplace(name, box(tensor));
  return state;
}

// { calibrator, state, classes, logits } -> probabilities float64 [n, classes]
Value applyCalibrator(const Spec& a, Job&) {
  const at::Tensor logits = logitsIn(a.at("logits"));
  const std::int64_t classes = a.count("classes", 2);
  if (logits.size(1) != classes)
    fail(Code::Shape, "logits have ", logits.size(1), " columns, the calibrator was fitted to ", classes, " classes");
  SavedTensors state;
  for (const auto& [name, value] : a.at("state").map()) state.emplace(name, unbox(Spec(value, "state." + name)));
  return box(calibratorKind(a.at("calibrator")).make(state, classes)->probabilities(logits).contiguous());
}

}  // namespace

at::Tensor calibratorState(const SavedTensors& state, const char* name, std::int64_t numbers) {
  const at::Tensor t = savedTensor(state, name);
  if (t.scalar_type() != at::kDouble || t.dim() != 1 || t.numel() != numbers || !t.isfinite().all().item<bool>())
    fail(Code::Format, "'", name, "' of a calibrator must hold ", numbers, " finite numbers in float64");
  return t.to(at::kCPU).contiguous();
}

at::Tensor OneAgainstAll::hits(const at::Tensor& labels, std::int64_t column, std::int64_t classes) {
  return labels.eq(classes == 2 ? 1 : column).to(at::kDouble);
}

at::Tensor OneAgainstAll::joined(const at::Tensor& ofColumns, std::int64_t classes) {
  if (classes == 2) return at::cat({1 - ofColumns, ofColumns}, 1);
  const at::Tensor sum = ofColumns.sum(1, true);
  return at::where(sum > 0, ofColumns / sum, 1.0 / static_cast<double>(classes));
}

const std::vector<Function>& calibratorFunctions() {
  static const std::vector<Function> table = {
      {"calibrator.fit", Lane::Short, fitCalibrator},
      {"calibrator.apply", Lane::Short, applyCalibrator},
  };
  return table;
}

}  // namespace langevin
