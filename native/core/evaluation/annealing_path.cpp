#include "evaluation/annealing_path.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensors/tensor.hpp"

namespace langevin {

double AnnealingBase::logZ() const {
  double sum = 0;
  for (const double s : scale) sum += std::log(s * std::sqrt(2 * std::numbers::pi));
  return sum;
}

AnnealingTile AnnealingPath::made(std::int64_t rows, std::int64_t first, const at::Tensor& y) const {
  AnnealingTile t;
  t.rows = rows;
  t.firstRow = static_cast<std::uint64_t>(first);
  t.x.resize(static_cast<std::size_t>(rows * dimension()));
  t.base.resize(static_cast<std::size_t>(rows));
  t.logWeight.assign(static_cast<std::size_t>(rows), 0.0);
  if (y.defined()) {
    std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end());
    shape[0] = rows;
    t.y = y.expand(shape);
  }
  return t;
}

void AnnealingPath::settle(AnnealingTile& tile) const {
  evaluate(tile.x, tile.y, tile.energy, tile.gradient);
  for (std::int64_t i = 0; i < tile.rows; ++i)
    tile.base[static_cast<std::size_t>(i)] = baseEnergy(tile.x.data() + i * dimension());
}

AnnealingTile AnnealingPath::drawn(std::int64_t first, std::int64_t rows, const at::Tensor& y,
                                   const Random& random) const {
  AnnealingTile tile = made(rows, first, y);
  const std::int64_t d = dimension();
  std::vector<float> normal(tile.x.size());
  fillNormal(normal.data(), rows, d, random.seed(), tile.firstRow, 0, Stream::Evaluation);
  for (std::size_t i = 0; i < normal.size(); ++i) {
    const std::size_t j = i % static_cast<std::size_t>(d);
    tile.x[i] = base_.mean[j] + base_.scale[j] * static_cast<double>(normal[i]);
  }
  settle(tile);
  return tile;
}

AnnealingTile AnnealingPath::started(const at::Tensor& x, std::int64_t first, const at::Tensor& y) const {
  AnnealingTile tile = made(x.size(0), first, y);
  const at::Tensor dense = x.contiguous();
  std::copy_n(dense.const_data_ptr<double>(), tile.x.size(), tile.x.data());
  settle(tile);
  return tile;
}

void AnnealingPath::weigh(AnnealingTile& tile, double from, double to) {
  for (std::size_t i = 0; i < tile.logWeight.size(); ++i)
    tile.logWeight[i] += (to - from) * (tile.base[i] - tile.energy[i]);
}

double AnnealingPath::baseEnergy(const double* x) const {
  double sum = 0;
  for (std::size_t j = 0; j < base_.mean.size(); ++j) {
    const double z = (x[j] - base_.mean[j]) / base_.scale[j];
    sum += z * z;
  }
  return sum / 2;
}

void AnnealingPath::evaluate(const std::vector<double>& x, const at::Tensor& y, std::vector<double>& energy,
                             std::vector<double>& gradient) const {
  const std::int64_t d = dimension(), rows = static_cast<std::int64_t>(x.size()) / d;
  // from_blob does not write; the copy below is what the energy sees.
  const at::Tensor host = at::from_blob(const_cast<double*>(x.data()), {rows, d}, at::kDouble);
  const EnergyAndGradient r = energy_.energyAndGradient({host.to(energy_.options(), false, true), y});
  const at::Tensor e = r.energy.to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor g = r.gradient.to(at::kCPU, at::kDouble).contiguous();
  energy.assign(e.const_data_ptr<double>(), e.const_data_ptr<double>() + rows);
  gradient.assign(g.const_data_ptr<double>(), g.const_data_ptr<double>() + rows * d);
  for (double& v : energy) v /= temperature_;
  for (double& v : gradient) v /= temperature_;
}

void AnnealingPath::move(AnnealingTile& tile, double b, const AnnealingMove& move, const Random& random,
                         std::uint64_t counter) const {
  const auto d = static_cast<std::size_t>(dimension()), rows = static_cast<std::size_t>(tile.rows), n = rows * d;
  std::vector<float> normal(n), uniform(rows), jitter(rows);
  fillNormal(normal.data(), tile.rows, dimension(), random.seed(), tile.firstRow, counter, Stream::Noise);
  fillUniform(uniform.data(), tile.rows, 1, random.seed(), tile.firstRow, counter, Stream::Accept);
  fillUniform(jitter.data(), tile.rows, 1, random.seed(), tile.firstRow, counter, Stream::Auxiliary);
  std::vector<double> x = tile.x, p(normal.begin(), normal.end()), energy = tile.energy, gradient = tile.gradient;
  std::vector<double> kinetic(rows, 0.0);
  std::vector<char> lost(rows, 0);
  for (std::size_t i = 0; i < n; ++i) kinetic[i / d] += p[i] * p[i] / 2;
  // Trajectories of one length would come back to where they started wherever the law oscillates with that period.
  for (float& v : jitter) v = 1 + 0.2f * (2 * v - 1);
  // p lives in units of the columns' steps: x += step p, p -= step dE_b/dx.
  const auto kick = [&](double share) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t j = i % d;
      const double s = base_.scale[j];
      p[i] -= share * move.step[j] * static_cast<double>(jitter[i / d]) *
              (b * gradient[i] + (1 - b) * (x[i] - base_.mean[j]) / (s * s));
    }
  };
  kick(0.5);
  for (std::int64_t k = 0; k < move.leapfrogSteps; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      x[i] += move.step[i % d] * static_cast<double>(jitter[i / d]) * p[i];
      if (!std::isfinite(x[i])) lost[i / d] = 1;
    }
    // A trajectory that is lost stands at its start from there on and is refused below.
    for (std::size_t i = 0; i < n; ++i)
      if (lost[i / d]) x[i] = tile.x[i];
    evaluate(x, tile.y, energy, gradient);
    kick(k + 1 < move.leapfrogSteps ? 1 : 0.5);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    double after = 0;
    for (std::size_t j = 0; j < d; ++j) after += p[r * d + j] * p[r * d + j] / 2;
    const double base = baseEnergy(x.data() + r * d);
    const double difference = (1 - b) * (tile.base[r] - base) + b * (tile.energy[r] - energy[r]) + kinetic[r] - after;
    const bool possible = !lost[r] && std::isfinite(difference);
    const double probability = possible ? std::exp(std::min(0.0, difference)) : 0.0;
    tile.acceptance += probability;
    if (static_cast<double>(uniform[r]) >= probability) continue;
    std::copy_n(x.data() + r * d, d, tile.x.data() + r * d);
    std::copy_n(gradient.data() + r * d, d, tile.gradient.data() + r * d);
    tile.energy[r] = energy[r];
    tile.base[r] = base;
  }
  tile.proposals += tile.rows;
}

}  // namespace langevin
