// The path of annealed importance sampling, E_b = (1 - b) E_0(x) + b E(x) / T with E_0 a Gaussian's, and the moves that
// leave exp(-E_b) invariant. Chains lie in tiles; a tile is moved by one thread without JavaScript in between.
#pragma once

#include <cstdint>
#include <vector>

#include "energies/energy.hpp"
#include "tensors/random.hpp"

namespace langevin {

/// N(mean, diag(scale^2)): where the path begins. E_0 = sum ((x - mean) / scale)^2 / 2.
struct AnnealingBase {
  std::vector<double> mean, scale;
  double logZ() const;  // sum log(scale sqrt(2 pi))
};

/// A move: leapfrog step of every column and how many; each chain's steps are scaled by a number of its own, uniform on
/// 0.8 .. 1.2. One leapfrog step of size e is MALA with step size e^2.
struct AnnealingMove {
  std::vector<double> step;  // [d]
  std::int64_t leapfrogSteps = 5;
};

/// A tile of chains. Energies and gradients are those of the present x, kept apart because a weight needs E alone and a
/// change of b then costs nothing.
struct AnnealingTile {
  std::int64_t rows = 0;
  std::uint64_t firstRow = 0;
  std::vector<double> x, gradient;  // [rows, d]; dE/dx / T
  std::vector<double> energy;       // E / T, [rows]
  std::vector<double> base;         // E_0, [rows]
  std::vector<double> logWeight;    // [rows]
  at::Tensor y;
  double acceptance = 0;  // sum of acceptance probabilities
  std::int64_t proposals = 0;
};

class AnnealingPath {
 public:
  AnnealingPath(const Energy& energy, double temperature, AnnealingBase base)
      : energy_(energy), temperature_(temperature), base_(std::move(base)) {}

  std::int64_t dimension() const { return static_cast<std::int64_t>(base_.mean.size()); }
  const AnnealingBase& base() const { return base_; }
  /// Chains [first, first + rows) drawn from the base.
  AnnealingTile drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y, const Random& random) const;
  /// Chains that start at given rows [n, d], float64.
  AnnealingTile started(const at::Tensor& x, std::int64_t first, const at::Tensor& y) const;
  /// log w += (to - from) (E_0 - E / T): the weight of a change of b, in either direction.
  static void weigh(AnnealingTile& tile, double from, double to);
  /// One Metropolis-tested Hamiltonian move at b. A trajectory that leaves the finite numbers is refused.
  void move(AnnealingTile& tile, double b, const AnnealingMove& move, const Random& random,
            std::uint64_t counter) const;

 private:
  void evaluate(const std::vector<double>& x, const at::Tensor& y, std::vector<double>& energy,
                std::vector<double>& gradient) const;
  double baseEnergy(const double* x) const;
  AnnealingTile made(std::int64_t rows, std::int64_t first, const at::Tensor& y) const;
  void settle(AnnealingTile& tile) const;

  const Energy& energy_;
  double temperature_;
  AnnealingBase base_;
};

}  // namespace langevin
