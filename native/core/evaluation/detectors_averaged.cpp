// averagedEnergy: mean over k of (E_k(x) - m_k) / s_k, with mean and standard deviation of E_k over training rows.
#include "energies/energy.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kAveragedBlock = 1 << 14;

// E of every row, float64 on the CPU.
at::Tensor energiesOf(const Energy& energy, const at::Tensor& x, int threads, Job& job) {
  const Batch rows = energy.rows(x, {});
  at::Tensor values = at::empty({rows.size()}, at::kDouble);
  for (std::int64_t first = 0; first < rows.size(); first += kAveragedBlock) {
    job.check();
    const std::int64_t last = std::min(rows.size(), first + kAveragedBlock);
    values.slice(0, first, last).copy_(energy.energyOf(rows.slice(first, last), threads).detach());
  }
  requireFinite(values, "the energy");
  return values;
}

class AveragedEnergy : public Detector {
 public:
  AveragedEnergy(std::vector<EnergyRef> energies, std::vector<double> mean, std::vector<double> deviation)
      : energies_(std::move(energies)), mean_(std::move(mean)), deviation_(std::move(deviation)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    at::Tensor total = at::zeros({x.size(0)}, at::kDouble);
    double* sum = total.data_ptr<double>();
    for (std::size_t k = 0; k < energies_.size(); ++k) {
      const at::Tensor values = energiesOf(*energies_[k], x, threads, job);
      const double* energy = values.const_data_ptr<double>();
      // One operation at a time: src/scorer/detector.ts does the same, to the bit.
      for (std::int64_t i = 0; i < total.numel(); ++i) sum[i] += (energy[i] - mean_[k]) / deviation_[k];
    }
    for (std::int64_t i = 0; i < total.numel(); ++i) sum[i] /= static_cast<double>(energies_.size());
    return total;
  }

 private:
  std::vector<EnergyRef> energies_;
  std::vector<double> mean_, deviation_;
};

std::vector<EnergyRef> energiesIn(const Spec& detector) {
  std::vector<EnergyRef> energies;
  for (const Spec& item : detector.at("models").items()) energies.push_back(energyIn(item));
  if (energies.empty()) detector.at("models").invalid("needs at least one energy");
  return energies;
}

Map fitAveragedEnergy(const Spec& detector, int threads, Job& job) {
  const std::vector<EnergyRef> energies = energiesIn(detector);
  const at::Tensor rows = unbox(detector.at("rows"));
  if (rows.dim() < 1 || rows.size(0) < 2) fail(Code::Shape, "averagedEnergy needs at least 2 training rows");
  std::vector<double> means, deviations;
  for (std::size_t k = 0; k < energies.size(); ++k) {
    const at::Tensor own = energiesOf(*energies[k], rows, threads, job);
    const at::Tensor mean = own.mean();
    const double deviation = own.sub(mean).square().mean().sqrt().item<double>();
    if (!(deviation > 0))
      fail(Code::InvalidOption, "energy ", k, " is the same on all ", own.numel(),
           " rows, so it has no scale to be averaged on; give more rows, or leave it out");
    means.push_back(mean.item<double>());
    deviations.push_back(deviation);
  }
  return {{"mean", box(at::tensor(means, at::kDouble))}, {"deviation", box(at::tensor(deviations, at::kDouble))}};
}

std::unique_ptr<Detector> makeAveragedEnergy(const Spec& detector, const Spec& state) {
  std::vector<EnergyRef> energies = energiesIn(detector);
  const std::vector<double> mean = numbersOf(readVector(state.at("mean")));
  const std::vector<double> deviation = numbersOf(readVector(state.at("deviation")));
  if (mean.size() != energies.size() || deviation.size() != energies.size())
    state.invalid("mean and deviation must have one number for each of the " + std::to_string(energies.size()) +
                  " energies");
  return std::make_unique<AveragedEnergy>(std::move(energies), mean, deviation);
}

}  // namespace

const DetectorKind& averagedEnergy() {
  static const DetectorKind kind = {fitAveragedEnergy, makeAveragedEnergy};
  return kind;
}

}  // namespace langevin
