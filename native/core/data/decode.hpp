// Bytes of a file to tensors: any byte order, row- or column-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/torch.hpp"

namespace langevin {

/// `dtype` as NumPy writes it: byte order '<', '>' or '|', kind f, i, u or b, bytes. Floats of 8 bytes become float64,
/// smaller ones float32; u1 uint8, b1 bool, other whole numbers int64. ERR_LANGEVIN_UNSUPPORTED for other types,
/// ERR_LANGEVIN_SHAPE when the bytes do not fit the shape.
at::Tensor decodeArray(const at::Tensor& bytes, const std::string& dtype, const std::vector<std::int64_t>& shape,
                       bool fortran);

}  // namespace langevin
