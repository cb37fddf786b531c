// Tensors behind the opaque reference, and the checks every entry point shares.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/spec.hpp"
#include "base/torch.hpp"

namespace langevin {

struct TensorBox {
  at::Tensor tensor;
};

TensorRef box(at::Tensor tensor);
const at::Tensor& unbox(const TensorRef& ref);
inline const at::Tensor& unbox(const Spec& spec) { return unbox(spec.tensor()); }

at::ScalarType parseDtype(const Spec& spec);
const char* dtypeName(at::ScalarType type);
/// 'cpu', 'cuda', 'cuda:N', 'auto'. ERR_LANGEVIN_DEVICE when the device is not there.
at::Device parseDevice(const std::string& text);
std::string deviceName(at::Device device);

/// Rows as [n, width] of the given dtype and device; a vector becomes one column when width is 1. `what`
/// names the argument.
at::Tensor asRows(const at::Tensor& value, std::int64_t width, at::ScalarType dtype, at::Device device,
                  const std::string& what);
/// Rows `index` (int64 [k] on the CPU) of a tensor, as index_select in fewer microseconds.
at::Tensor rowsAt(const at::Tensor& rows, const at::Tensor& index);
/// Class labels as int64 [n] in 0 .. classes - 1.
at::Tensor asLabels(const at::Tensor& value, std::int64_t classes, at::Device device, const std::string& what);
/// The mean of all numbers, summed in float64.
double meanOf(const at::Tensor& value);
/// The Euclidean norm of all numbers.
double normOf(const at::Tensor& value);
/// A few numbers for a loop on the host, and back to where `like` is.
std::vector<double> numbersOf(const at::Tensor& value);
at::Tensor tensorOf(const std::vector<double>& numbers, const at::Tensor& like);
/// ERR_LANGEVIN_NON_FINITE naming the first offending row and column.
void requireFinite(const at::Tensor& value, const std::string& what);

}  // namespace langevin
