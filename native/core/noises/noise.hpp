// A law with a known density that noise-contrastive objectives draw negatives from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/spec.hpp"
#include "rows/row_source.hpp"
#include "tensors/random.hpp"

namespace langevin {

class Noise {
 public:
  virtual ~Noise() = default;
  /// Fits to the data where the law asks for it, and refuses data it cannot cover.
  virtual void fit(const RowSource& data) = 0;
  /// [count, d] of x's dtype and device; numbers keyed by (random, step, row).
  virtual at::Tensor sample(std::int64_t count, std::uint64_t step, const Random& random) const = 0;
  /// log p(x), normalised, [n].
  virtual at::Tensor logDensity(const at::Tensor& x) const = 0;
};

std::unique_ptr<Noise> makeNoise(const Spec& spec);

}  // namespace langevin
