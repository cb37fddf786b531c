// averagedEnergy: mean over k of (E_k(x) - m_k) / s_k, with mean and standard deviation of E_k over training rows.
#include "energies/energy.hpp"
#include "evaluation/detectors.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kAveragedBlock = 1 << 14;

class AveragedEnergy : public Detector {
 public:
  AveragedEnergy(std::vector<EnergyRef> energies, at::Tensor rows)
      : energies_(std::move(energies)), rows_(std::move(rows)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    at::Tensor total = at::zeros({x.size(0)}, at::kDouble);
    for (std::size_t k = 0; k < energies_.size(); ++k) {
      const at::Tensor own = energiesOf(*energies_[k], rows_, threads, job);
      const at::Tensor mean = own.mean();
      const double deviation = own.sub(mean).square().mean().sqrt().item<double>();
      if (!(deviation > 0))
        fail(Code::InvalidOption, "energy ", k, " is the same on all ", own.numel(),
             " rows, so it has no scale to be averaged on; give more rows, or leave it out");
      total.add_(energiesOf(*energies_[k], x, threads, job).sub(mean), 1.0 / deviation);
    }
    return total.div_(static_cast<double>(energies_.size()));
  }

 private:
  static at::Tensor energiesOf(const Energy& energy, const at::Tensor& x, int threads, Job& job) {
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

  std::vector<EnergyRef> energies_;
  at::Tensor rows_;
};

}  // namespace

std::unique_ptr<Detector> makeAveragedEnergy(const Spec& spec) {
  std::vector<EnergyRef> energies;
  for (const Spec& item : spec.at("models").items()) energies.push_back(energyIn(item));
  if (energies.empty()) spec.at("models").invalid("needs at least one energy");
  const at::Tensor rows = unbox(spec.at("rows"));
  if (rows.dim() < 1 || rows.size(0) < 2) fail(Code::Shape, "averagedEnergy needs at least 2 training rows");
  return std::make_unique<AveragedEnergy>(std::move(energies), rows);
}

}  // namespace langevin
