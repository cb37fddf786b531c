#include "samplers/record.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "executors/cpu/products.hpp"
#include "kernels/tile_kernels.hpp"
#include "statistics/chain_report.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// How much is traced at most: ranking every pixel of an image would cost more than sampling it.
struct TraceLimits {
  std::int64_t chains, draws, columns;
};
constexpr TraceLimits kTraced{256, 4096, 32};
// Where no draws were asked for each one interrupts the native loop, and its copy is garbage for JavaScript to collect.
constexpr TraceLimits kTracedLast{64, 512, 16};
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
  constexpr double kSmall = 64 << 20;  // asking costs 50 us, and would be no help here
  if (bytes <= kSmall) return;
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

template <class Number>
void Moments::add(const Number* rows, std::int64_t count) {
  constexpr std::int64_t kBytes = 256 << 10;  // stay in the second-level cache
  constexpr std::int64_t kMost = 2048;        // float32 sums of more rows would lose a digit
  const std::int64_t d = mean_.size(0), size = sizeof(Number);
  if (!gathered_.defined())
    gathered_ =
        at::empty({std::clamp<std::int64_t>(kBytes / size / d, 64, kMost), d}, c10::CppTypeToScalarType<Number>::value);
  while (count > 0) {
    const std::int64_t n = std::min(count, gathered_.size(0) - filled_);
    Number* to = gathered_.data_ptr<Number>() + filled_ * d;
    if constexpr (std::is_same_v<Number, float>) {
      if (about_.empty()) about_.assign(rows, rows + d);
      tileKernels().subtractRow(rows, about_.data(), to, n, d);
    } else {
      std::copy_n(rows, n * d, to);
    }
    filled_ += n;
    rows += n * d;
    count -= n;
    if (filled_ == gathered_.size(0)) finish();
  }
}

void Moments::finish() {
  if (filled_ == 0) return;
  if (gathered_.scalar_type() == at::kFloat) return finishFloat32();
  const at::Tensor x = gathered_.slice(0, 0, filled_), mean = x.mean(0), centred = x - mean;
  merge(static_cast<double>(filled_), mean, full_ ? at::mm(centred.t(), centred) : centred.square().sum(0));
  filled_ = 0;
}

// Rows lie about numbers near their mean, that of the rows before them; what is left corrects both results. Where it is
// no small part of their spread, a product of float32 numbers would lose digits to it, and they are shifted once more.
void Moments::finishFloat32() {
  const std::int64_t n = filled_, d = mean_.size(0);
  const auto rows = static_cast<double>(n);
  float* p = gathered_.data_ptr<float>();
  std::vector<float> left(static_cast<std::size_t>(d));
  at::Tensor squares;
  const auto sums = [&] {
    std::fill(left.begin(), left.end(), 0.0F);
    tileKernels().weightedSum(nullptr, p, left.data(), n, d);
    squares = squaresOf(n);
  };
  const auto far = [&] {
    const at::Tensor own = (full_ ? squares.diagonal() : squares).contiguous();
    const float* square = own.const_data_ptr<float>();
    return std::any_of(left.begin(), left.end(), [&, s = square](float sum) mutable {
      return !(sum * sum <= 0.01F * *s++ * static_cast<float>(n));
    });
  };
  sums();
  std::vector<double> origin(about_.begin(), about_.end());
  if (far()) {
    std::vector<float> by(left);
    for (std::size_t c = 0; c < by.size(); ++c) origin[c] += by[c] /= static_cast<float>(n);
    tileKernels().subtractRow(p, by.data(), p, n, d);
    sums();
  }
  const at::Tensor shift = at::tensor(left).to(at::kDouble) / rows;
  const at::Tensor mean = at::tensor(origin, at::kDouble) + shift;
  merge(rows, mean, squares.to(at::kDouble) - rows * (full_ ? at::outer(shift, shift) : shift.square()));
  const at::Tensor next = mean.to(at::kFloat);
  std::copy_n(next.const_data_ptr<float>(), d, about_.data());
  filled_ = 0;
}

// Sums of the squares, or of all products, of the gathered float32 rows.
at::Tensor Moments::squaresOf(std::int64_t n) const {
  const std::int64_t d = mean_.size(0);
  if (full_) {
    const at::Tensor x = gathered_.slice(0, 0, n);
    at::Tensor products = at::empty({d, d}, at::kFloat);
    multiplyInto(products, x.t(), x);
    return products;
  }
  at::Tensor squares = at::zeros({d}, at::kFloat);
  const float* p = gathered_.const_data_ptr<float>();
  for (std::int64_t r = 0; r < n; ++r) tileKernels().mulAdd(p + r * d, p + r * d, squares.data_ptr<float>(), d);
  return squares;
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
    : options_(options), width_(columns), draws_(options.draws()), device_(tensors.device()) {
  const TraceLimits& most = options.keep == Keep::Last ? kTracedLast : kTraced;
  traced_ = options.diagnostics ? std::min(options.chains, most.chains) : 0;
  stride_ = std::max<std::int64_t>(1, (draws_ + most.draws - 1) / most.draws);
  tracedDraws_ = traced_ > 0 ? draws_ / stride_ : 0;
  tracedColumns_ = std::clamp<std::int64_t>(kTracedNumbers / std::max<std::int64_t>(1, traced_ * tracedDraws_), 1,
                                            std::min(columns, most.columns));
  const bool trajectory = options.keep == Keep::Trajectory;
  const bool full = columns <= kFullCovariance;
  const double cells = static_cast<double>(options.chains) * static_cast<double>(draws_);
  const double size = static_cast<double>(c10::elementSize(c10::typeMetaToScalarType(tensors.dtype())));
  const double square = static_cast<double>(columns) * (full ? static_cast<double>(columns) : 1.0);
  requireMemory((trajectory ? cells * static_cast<double>(columns + 1) * size : 0) +
                    (options.keep == Keep::Moments ? square * 8 * static_cast<double>(tiles) : 0),
                options, columns);
  if (trajectory) {
    trajectory_ = at::empty({options.chains, draws_, columns}, tensors.device(at::kCPU));
    trajectoryEnergy_ = at::empty({options.chains, draws_}, tensors.device(at::kCPU));
  }
  if (options.keep == Keep::Moments) moments_.assign(static_cast<std::size_t>(tiles), Moments(columns, full));
  trace_ = at::empty({tracedDraws_, tracedColumns_, traced_}, at::kDouble);
  traceEnergy_ = at::empty({tracedDraws_, traced_}, at::kDouble);
}

// Draw k is the state after step burnIn + (k + 1) thin, whose number is one less.
std::int64_t Record::Sink::next(std::int64_t t) const {
  const SampleOptions& o = record_.options_;
  const std::int64_t from = std::max<std::int64_t>(0, (t + o.thin - o.burnIn) / o.thin - 1);
  const std::int64_t draw = record_.next(range_, from);
  return draw < record_.draws_ ? o.burnIn + (draw + 1) * o.thin - 1 : -1;
}

void Record::Sink::take(std::int64_t t, const StateView& state) {
  const SampleOptions& o = record_.options_;
  const std::int64_t draw = (t + 1 - o.burnIn) / o.thin - 1, first = range_.first + state.first;
  state.x64 ? record_.add(tile_, first, state, state.x64, state.energy64, draw)
            : record_.add(tile_, first, state, state.x32, state.energy32, draw);
}

// Plain loops: a draw is small, and tensor operations on it would cost more than a step of a small model.
template <class Number>
void Record::add(std::int64_t tile, std::int64_t firstChain, const StateView& state, const Number* x,
                 const Number* energy, std::int64_t draw) {
  const std::int64_t rows = state.rows, d = state.columns;
  if (options_.keep == Keep::Trajectory) {
    Number* to = trajectory_.data_ptr<Number>();
    Number* energies = trajectoryEnergy_.data_ptr<Number>();
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t cell = (firstChain + r) * draws_ + draw;
      std::copy_n(x + r * d, d, to + cell * d);
      energies[cell] = energy[r];
    }
  }
  if (options_.keep == Keep::Moments) moments_[static_cast<std::size_t>(tile)].add(x, rows);
  if (firstChain >= traced_ || (draw + 1) % stride_ != 0) return;
  const std::int64_t at = (draw + 1) / stride_ - 1, n = std::min(rows, traced_ - firstChain);
  if (at >= tracedDraws_) return;
  std::copy_n(energy, n, traceEnergy_.data_ptr<double>() + at * traced_ + firstChain);
  double* to = trace_.data_ptr<double>() + at * tracedColumns_ * traced_ + firstChain;
  for (std::int64_t c = 0; c < tracedColumns_; ++c, to += traced_)
    for (std::int64_t r = 0; r < n; ++r) to[r] = x[r * d + c];
}

std::int64_t Record::next(const TileRange& range, std::int64_t draw) const {
  if (options_.keep != Keep::Last) return draw;
  if (range.first >= traced_) return draws_;
  return std::min(draws_, (draw / stride_ + 1) * stride_ - 1);
}

void Record::finish() {
  for (Moments& m : moments_) m.finish();
}

void Record::into(Map& result, const Shape& input) const {
  // Enough for trace and rank plots, however large the run.
  constexpr std::int64_t kChains = 16, kDraws = 512, kColumns = 8;
  if (tracedDraws_ > 0) {
    const std::int64_t every = (tracedDraws_ + kDraws - 1) / kDraws;
    const auto thinned = [&](const at::Tensor& t) { return t.slice(0, every - 1, std::nullopt, every); };
    const at::Tensor x = thinned(trace_.slice(1, 0, kColumns).slice(2, 0, kChains));
    const at::Tensor energy = thinned(traceEnergy_.slice(1, 0, kChains));
    result["trace"] = Map{{"x", box(x.permute({1, 2, 0}).clone(at::MemoryFormat::Contiguous))},
                          {"energy", box(energy.t().clone(at::MemoryFormat::Contiguous))}};
  }
  if (options_.keep == Keep::Trajectory) {
    result["trajectory"] = box(input.view(trajectory_.to(device_)));
    result["trajectoryEnergy"] = box(trajectoryEnergy_.to(device_));
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

Map Record::traces() const { return {{"x", box(trace_)}, {"energy", box(traceEnergy_)}}; }

Map Record::traced() const { return {{"chains", traced_}, {"draws", tracedDraws_}, {"columns", tracedColumns_}}; }

double Record::diagnosisCost() const {
  const double series = static_cast<double>(tracedDraws_ > 0 ? tracedColumns_ + 1 : 0);
  return series * (1e-4 + 3e-7 * static_cast<double>(tracedDraws_ * traced_));
}

bool Record::unsettled() const {
  if (tracedDraws_ < 4) return false;
  const auto apart = [](const at::Tensor& drawn) { return potentialScaleReduction(splitChains(drawn.t())) > 1.05; };
  return apart(traceEnergy_) || apart(trace_.select(1, 0));
}

void Record::diagnose(Map& diagnostics, const at::Tensor& lastEnergy) const {
  const bool any = tracedDraws_ > 0;
  for (auto& [name, value] : chainStatistics(trace_, any ? traceEnergy_ : lastEnergy.unsqueeze(0)))
    diagnostics[name] = value;
}

Map chainStatistics(const at::Tensor& drawn, const at::Tensor& energy) {
  List rhat, bulk, tail, mcse;
  double worst = std::numeric_limits<double>::quiet_NaN(), leastBulk = worst, leastTail = worst, largestError = worst;
  const at::Tensor trace = drawn.permute({1, 2, 0}).contiguous();
  for (std::int64_t c = 0; c < trace.size(0) && trace.size(2) > 0; ++c) {
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
  const ChainSummary e = summariseChains(energy.t().contiguous());
  return {{"rhat", numberOrNull(worst)},
          {"ess", Map{{"bulk", numberOrNull(leastBulk)}, {"tail", numberOrNull(leastTail)}}},
          {"mcse", numberOrNull(largestError)},
          {"columns", Map{{"rhat", rhat}, {"essBulk", bulk}, {"essTail", tail}, {"mcse", mcse}}},
          {"chainReport", toMap(reportChains(trace))},
          {"energy", Map{{"mean", numberOrNull(e.mean)},
                         {"sd", numberOrNull(e.sd)},
                         {"rhat", numberOrNull(e.rhat)},
                         {"ess", numberOrNull(e.essBulk)}}}};
}

}  // namespace langevin
