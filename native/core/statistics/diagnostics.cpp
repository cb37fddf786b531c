#include "statistics/diagnostics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Mean over chains of the autocovariance at lags 0 .. n - 1, each divided by n (not by n - lag), [n]. By FFT: a slow
// chain needs every lag, and n^2 of them would take seconds.
at::Tensor meanAutocovariance(const at::Tensor& chains) {
  const std::int64_t n = chains.size(1);
  const at::Tensor centred = chains - chains.mean({1}, true);
  const at::Tensor spectrum = at::fft_rfft(centred, 2 * n, 1);
  const at::Tensor power = (at::real(spectrum).square() + at::imag(spectrum).square()).mean(0);
  return at::fft_irfft(at::complex(power, at::zeros_like(power)), 2 * n, 0).slice(0, 0, n) / static_cast<double>(n);
}

bool constantDraws(const at::Tensor& draws) { return draws.min().item<double>() == draws.max().item<double>(); }

// Integrated autocorrelation time from rho(0 .. n - 1): pairs rho(2k) + rho(2k + 1) are positive and fall for a
// reversible chain, so the sum stops at the first pair that is not positive and later pairs never exceed earlier ones.
double autocorrelationTime(const std::vector<double>& rho, double draws) {
  double sum = 0, previous = std::numeric_limits<double>::infinity();
  const std::size_t n = rho.size();
  std::size_t t = 0;
  for (; t + 1 < n; t += 2) {
    const double pair = rho[t] + rho[t + 1];
    if (!(pair > 0)) break;
    previous = std::min(previous, pair);
    sum += previous;
  }
  double tau = -1 + 2 * sum;
  // The even term of the first dropped pair still carries information: without it antithetic chains look worse.
  if (t < n && t > 0 && rho[t] > 0) tau += rho[t];
  return std::max(tau, 1 / std::log10(draws));
}

// Linear between order statistics (position (S - 1) p), of values sorted in ascending order.
double sortedQuantile(const double* sorted, std::int64_t n, double p) {
  const double position = static_cast<double>(n - 1) * p;
  const auto low = static_cast<std::int64_t>(position);
  const std::int64_t high = std::min(low + 1, n - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

at::Tensor splitChains(const at::Tensor& draws) {
  const std::int64_t n = draws.size(1), half = n / 2;
  return at::cat({draws.slice(1, 0, half), draws.slice(1, n - half, n)});
}

at::Tensor rankNormalise(const at::Tensor& draws) {
  const auto [sorted, order] = draws.to(at::kDouble).reshape({-1}).sort();
  const std::int64_t s = sorted.numel();
  const double* value = sorted.const_data_ptr<double>();
  const auto* index = order.const_data_ptr<std::int64_t>();
  at::Tensor ranks = at::empty({s}, at::kDouble);
  auto* rank = ranks.data_ptr<double>();
  for (std::int64_t first = 0, last = 0; first < s; first = last) {
    while (last < s && value[last] == value[first]) ++last;
    const double mean = 0.5 * static_cast<double>(first + 1 + last);
    for (std::int64_t i = first; i < last; ++i) rank[index[i]] = mean;
  }
  return at::special_ndtri((ranks - 0.375) / (static_cast<double>(s) + 0.25)).reshape(draws.sizes());
}

double potentialScaleReduction(const at::Tensor& chains) {
  const auto n = static_cast<double>(chains.size(1));
  if (chains.size(0) < 2 || n < 2 || constantDraws(chains)) return kNaN;
  const double within = chains.var(at::IntArrayRef{1}, true).mean().item<double>();
  const double between = chains.mean(1).var(true).item<double>();  // B / n
  return std::sqrt((n - 1) / n + between / within);
}

double effectiveSampleSize(const at::Tensor& chains) {
  const std::int64_t m = chains.size(0), n = chains.size(1);
  if (n < 3 || constantDraws(chains)) return kNaN;
  const auto length = static_cast<double>(n);
  const at::Tensor covariance = meanAutocovariance(chains).contiguous();
  const double* c = covariance.const_data_ptr<double>();
  const double within = c[0] * length / (length - 1);
  const double total = c[0] + (m > 1 ? chains.mean(1).var(true).item<double>() : 0.0);
  std::vector<double> rho(static_cast<std::size_t>(n));
  rho[0] = 1;
  for (std::size_t t = 1; t < rho.size(); ++t) rho[t] = 1 - (within - c[t]) / total;
  const double draws = static_cast<double>(m) * length;
  return draws / autocorrelationTime(rho, draws);
}

ChainSummary summariseChains(const at::Tensor& given) {
  if (given.dim() != 2) fail(Code::Shape, "draws must have shape [chains, n], got ", c10::str(given.sizes()));
  const at::Tensor draws = given.to(at::kCPU, at::kDouble).contiguous();
  requireFinite(draws, "draws");
  ChainSummary s;
  s.mean = s.sd = s.rhat = s.essBulk = s.essTail = s.essMean = s.mcse = kNaN;
  if (draws.numel() == 0) return s;
  s.mean = draws.mean().item<double>();
  if (draws.numel() > 1) s.sd = draws.std(true).item<double>();
  if (draws.size(1) < 4 || constantDraws(draws)) return s;
  const at::Tensor sorted = std::get<0>(draws.reshape({-1}).sort());
  const auto quantile = [&](double p) { return sortedQuantile(sorted.const_data_ptr<double>(), sorted.numel(), p); };
  const at::Tensor split = splitChains(draws);
  const at::Tensor ranked = rankNormalise(split);
  const at::Tensor folded = rankNormalise((split - quantile(0.5)).abs());
  s.rhat = std::fmax(potentialScaleReduction(ranked), potentialScaleReduction(folded));
  s.essBulk = effectiveSampleSize(ranked);
  s.essTail = std::min(effectiveSampleSize(split.le(quantile(0.05)).to(at::kDouble)),
                       effectiveSampleSize(split.le(quantile(0.95)).to(at::kDouble)));
  s.essMean = effectiveSampleSize(split);
  s.mcse = s.sd / std::sqrt(s.essMean);
  return s;
}

}  // namespace langevin
