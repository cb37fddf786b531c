#include "samplers/record.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "statistics/chain_report.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr std::int64_t kTracedChains = 256;
constexpr std::int64_t kTracedDraws = 4096;
constexpr std::int64_t kTracedLast = 512;    // where no draws were asked for: each interrupts the native loop
constexpr std::int64_t kTracedColumns = 32;  // ranking every pixel of an image would cost more than sampling it
constexpr std::int64_t kTracedNumbers = std::int64_t{1} << 22;  // 32 MiB of float64
constexpr std::int64_t kFullCovariance = 256;                   // columns; above it only variances are kept

// Bytes the kernel says can be had without swapping; infinity where it does not say.
double availableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  double kib = 0;
  while (file >> key >> kib && std::getline(file, unit))
    if (key == "MemAvailable:") return kib * 1024;
  return std::numeric_limits<double>::infinity();
}

void requireMemory(double bytes, const SampleOptions& options, std::int64_t width) {
  const double available = availableMemory();
  if (bytes <= 0.9 * available) return;
  throw Error(Code::OutOfMemory,
              "keeping " + std::to_string(options.draws()) + " draws of " + std::to_string(options.chains) +
                  " chains with " + std::to_string(width) + " columns takes " + std::to_string(bytes / 1048576.0) +
                  " MiB, " + std::to_string(available / 1048576.0) +
                  " MiB are free; raise thin, use fewer chains, or keep: 'moments'",
              {{"bytes", bytes}, {"available", available}});
}

}  // namespace

Value numberOrNull(double value) { return std::isnan(value) ? Value() : Value(value); }

Moments::Moments(std::int64_t columns, bool full)
    : full_(full),
      mean_(at::zeros({columns}, at::kDouble)),
      squares_(full ? at::zeros({columns, columns}, at::kDouble) : at::zeros({columns}, at::kDouble)) {}

void Moments::add(const at::Tensor& rows) {
  const at::Tensor x = rows.to(at::kCPU, at::kDouble);
  const at::Tensor mean = x.mean(0);
  const at::Tensor centred = x - mean;
  merge(static_cast<double>(x.size(0)), mean, full_ ? at::mm(centred.t(), centred) : centred.square().sum(0));
}

void Moments::merge(const Moments& other) { merge(other.count_, other.mean_, other.squares_); }

void Moments::merge(double count, const at::Tensor& mean, const at::Tensor& squares) {
  if (count == 0) return;
  const double total = count_ + count;
  const at::Tensor shift = mean - mean_;
  squares_ = squares_ + squares + (full_ ? at::outer(shift, shift) : shift.square()) * (count_ * count / total);
  mean_ = mean_ + shift * (count / total);
  count_ = total;
}

at::Tensor Moments::covariance() const { return squares_ / (count_ - 1); }

Record::Record(const SampleOptions& options, std::int64_t columns, at::TensorOptions tensors, std::int64_t tiles)
    : options_(options), width_(columns), draws_(options.draws()) {
  traced_ = options.diagnostics ? std::min(options.chains, kTracedChains) : 0;
  const std::int64_t most = options.keep == Keep::Last ? kTracedLast : kTracedDraws;
  stride_ = std::max<std::int64_t>(1, (draws_ + most - 1) / most);
  tracedDraws_ = traced_ > 0 ? draws_ / stride_ : 0;
  tracedColumns_ = std::clamp<std::int64_t>(kTracedNumbers / std::max<std::int64_t>(1, traced_ * tracedDraws_), 1,
                                            std::min(columns, kTracedColumns));
  const bool trajectory = options.keep == Keep::Trajectory;
  const bool full = columns <= kFullCovariance;
  const double cells = static_cast<double>(options.chains) * static_cast<double>(draws_);
  const double size = static_cast<double>(c10::elementSize(c10::typeMetaToScalarType(tensors.dtype())));
  const double square = static_cast<double>(columns) * (full ? static_cast<double>(columns) : 1.0);
  requireMemory((trajectory ? cells * static_cast<double>(columns + 1) * size : 0) +
                    (options.keep == Keep::Moments ? square * 8 * static_cast<double>(tiles) : 0),
                options, columns);
  if (trajectory) {
    trajectory_ = at::empty({options.chains, draws_, columns}, tensors);
    trajectoryEnergy_ = at::empty({options.chains, draws_}, tensors);
  }
  if (options.keep == Keep::Moments) moments_.assign(static_cast<std::size_t>(tiles), Moments(columns, full));
  trace_ = at::empty({tracedDraws_, tracedColumns_, traced_}, at::kDouble);
  traceEnergy_ = at::empty({tracedDraws_, traced_}, at::kDouble);
}

void Record::add(std::int64_t tile, const TileRange& range, const Chains& chains, std::int64_t draw) {
  if (options_.keep == Keep::Trajectory) {
    trajectory_.slice(0, range.first, range.last).select(1, draw).copy_(chains.x);
    trajectoryEnergy_.slice(0, range.first, range.last).select(1, draw).copy_(chains.energy);
  }
  if (options_.keep == Keep::Moments) moments_[static_cast<std::size_t>(tile)].add(chains.x);
  if (range.first >= traced_ || (draw + 1) % stride_ != 0) return;
  const std::int64_t at = (draw + 1) / stride_ - 1, last = std::min(range.last, traced_), n = last - range.first;
  if (at >= tracedDraws_) return;
  traceEnergy_.select(0, at).slice(0, range.first, last).copy_(chains.energy.slice(0, 0, n));
  trace_.select(0, at).slice(1, range.first, last).copy_(chains.x.slice(0, 0, n).slice(1, 0, tracedColumns_).t());
}

std::int64_t Record::next(const TileRange& range, std::int64_t draw) const {
  if (options_.keep != Keep::Last) return draw;
  if (range.first >= traced_) return draws_;
  return std::min(draws_, (draw / stride_ + 1) * stride_ - 1);
}

at::Tensor Record::traceByChain() const { return trace_.permute({1, 2, 0}).contiguous(); }

void Record::into(Map& result, const Shape& input) const {
  // Enough for trace and rank plots, however large the run.
  constexpr std::int64_t kChains = 16, kDraws = 512, kColumns = 8;
  if (tracedDraws_ > 0) {
    const std::int64_t every = (tracedDraws_ + kDraws - 1) / kDraws;
    const auto part = [&](const at::Tensor& t) {
      return t.slice(t.dim() - 2, 0, kChains).slice(t.dim() - 1, every - 1, std::nullopt, every).clone();
    };
    result["trace"] = Map{{"x", box(part(traceByChain().slice(0, 0, kColumns)))},
                          {"energy", box(part(traceEnergy_.t().contiguous()))}};
  }
  if (options_.keep == Keep::Trajectory) {
    result["trajectory"] = box(input.view(trajectory_));
    result["trajectoryEnergy"] = box(trajectoryEnergy_);
  }
  if (options_.keep != Keep::Moments) return;
  Moments all = moments_[0];
  for (std::size_t i = 1; i < moments_.size(); ++i) all.merge(moments_[i]);
  const at::Tensor covariance = all.covariance();
  Map moments{{"count", all.count()}, {"mean", box(input.view(all.mean()))}};
  moments["variance"] = box(input.view(covariance.dim() == 2 ? covariance.diagonal().clone() : covariance));
  if (covariance.dim() == 2) moments["covariance"] = box(covariance);
  result["moments"] = moments;
}

void Record::diagnose(Map& diagnostics, const at::Tensor& lastEnergy) const {
  List rhat, bulk, tail, mcse;
  double worst = std::numeric_limits<double>::quiet_NaN(), leastBulk = worst, leastTail = worst, largestError = worst;
  const at::Tensor trace = traceByChain();
  for (std::int64_t c = 0; c < tracedColumns_ && tracedDraws_ > 0; ++c) {
    const ChainSummary s = summariseChains(trace.select(0, c));
    rhat.push_back(numberOrNull(s.rhat));
    bulk.push_back(numberOrNull(s.essBulk));
    tail.push_back(numberOrNull(s.essTail));
    mcse.push_back(numberOrNull(s.mcse));
    worst = std::fmax(worst, s.rhat);
    leastBulk = std::fmin(leastBulk, s.essBulk);
    leastTail = std::fmin(leastTail, s.essTail);
    largestError = std::fmax(largestError, s.mcse);
  }
  const ChainSummary e = summariseChains(tracedDraws_ > 0 ? traceEnergy_.t().contiguous() : lastEnergy.unsqueeze(1));
  diagnostics["rhat"] = numberOrNull(worst);
  diagnostics["ess"] = Map{{"bulk", numberOrNull(leastBulk)}, {"tail", numberOrNull(leastTail)}};
  diagnostics["mcse"] = numberOrNull(largestError);
  diagnostics["columns"] = Map{{"rhat", rhat}, {"essBulk", bulk}, {"essTail", tail}, {"mcse", mcse}};
  diagnostics["chainReport"] = toMap(reportChains(trace));
  diagnostics["traced"] = Map{{"chains", traced_}, {"draws", tracedDraws_}, {"columns", tracedColumns_}};
  diagnostics["energy"] = Map{{"mean", numberOrNull(e.mean)},
                              {"sd", numberOrNull(e.sd)},
                              {"rhat", numberOrNull(e.rhat)},
                              {"ess", numberOrNull(e.essBulk)}};
}

}  // namespace langevin
