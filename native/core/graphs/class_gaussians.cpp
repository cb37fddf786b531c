// Fuchsgruber, Wollschlaeger and Guennemann 2024 (GEBM), section 4; the loop on the diagonal as in their released code.
#include "graphs/class_gaussians.hpp"

#include <algorithm>

#include "base/threads.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr double kFirstAddition = 1e-8, kLeastEigenvalue = 1e-6;

/// Adds 1e-8, 1e-7, ... to what `eigenvalues` are of, until the least exceeds 1e-6; returns the sum of what was added.
/// Additions to the diagonal move every eigenvalue by as much, so one decomposition is enough.
double additionFor(double leastEigenvalue) {
  double added = 0;
  for (double next = kFirstAddition; !(leastEigenvalue + added > kLeastEigenvalue); next *= 10) added += next;
  return added;
}

at::Tensor regularised(const at::Tensor& variances) { return variances + additionFor(variances.min().item<double>()); }

at::Tensor choleskyOf(const at::Tensor& covariance) {
  const at::Tensor symmetric = (covariance + covariance.t()).mul(0.5);
  const double least = at::linalg_eigvalsh(symmetric).min().item<double>();
  const at::Tensor raised = symmetric + at::eye(symmetric.size(0), at::kDouble).mul(additionFor(least));
  const auto [factor, info] = at::linalg_cholesky_ex(raised);
  if (info.item<int>() != 0) fail(Code::Internal, "a covariance whose eigenvalues exceed 1e-6 has no Cholesky factor");
  return factor.contiguous();
}

/// Rows centred as the spread wants them, for one class (PerClass) or for all.
at::Tensor spreadOf(const at::Tensor& centred, CovarianceForm form) {
  const auto n = static_cast<double>(centred.size(0));
  const std::int64_t h = centred.size(1);
  switch (form) {
    case CovarianceForm::Full:
      return choleskyOf(centred.t().matmul(centred).div(n));
    case CovarianceForm::Diagonal:
      return regularised(centred.square().sum(0).div(n));
    case CovarianceForm::Isotropic:
      return regularised(centred.square().sum(0).div(n).mean().expand({h}));
    case CovarianceForm::Identity:
      return at::ones({h}, at::kDouble);
  }
  fail(Code::Internal, "no such form of a covariance");
}

}  // namespace

CovarianceForm readCovarianceForm(const Spec& spec, const std::string& otherwise) {
  const std::string form = spec.text("covariance", otherwise);
  if (form == "diagonal") return CovarianceForm::Diagonal;
  if (form == "full") return CovarianceForm::Full;
  if (form == "isotropic") return CovarianceForm::Isotropic;
  if (form == "identity") return CovarianceForm::Identity;
  spec.at("covariance").invalid("'" + form + "' is not a form; use diagonal, full, isotropic or identity");
}

ClassGaussians ClassGaussians::fit(const at::Tensor& embeddings, const at::Tensor& labels, const at::Tensor& train,
                                   std::int64_t classes, CovarianceForm form, Spread spread) {
  const at::Tensor y = labels.index_select(0, train), h = embeddings.index_select(0, train);
  if (y.min().item<std::int64_t>() < 0) {
    const std::int64_t k = y.lt(0).nonzero()[0].item<std::int64_t>();
    fail(Code::InvalidOption, "train: node ", train[k].item<std::int64_t>(), " has no label (-1)");
  }
  std::vector<at::Tensor> means, centred;
  for (std::int64_t c = 0; c < classes; ++c) {
    const at::Tensor rows = h.index_select(0, y.eq(c).nonzero().squeeze(1));
    if (rows.size(0) == 0)
      fail(Code::InvalidOption, "class ", c,
           " has no training node, so it has no Gaussian; add one to `train`, or train ",
           "the network on the classes that have some (as leaveOutClasses does)");
    means.push_back(rows.mean(0));
    centred.push_back(rows - means.back());
  }
  std::vector<at::Tensor> spreads;
  if (spread == Spread::PerClass) {
    for (const at::Tensor& rows : centred) spreads.push_back(spreadOf(rows, form));
  } else {
    const at::Tensor rows = spread == Spread::Common ? h - h.mean(0) : at::cat(centred);
    spreads.assign(static_cast<std::size_t>(classes), spreadOf(rows, form));
  }
  return {at::stack(means).contiguous(), at::stack(spreads).contiguous()};
}

ClassGaussians ClassGaussians::read(const Spec& state) {
  const at::Tensor means = unbox(state.at("means")).contiguous();
  const bool full = state.has("factors");
  const Spec named = state.at(full ? "factors" : "variances");
  const at::Tensor spread = unbox(named).contiguous();
  if (means.dim() != 2 || means.scalar_type() != at::kDouble) state.at("means").invalid("must be float64 [C, h]");
  std::vector<std::int64_t> wanted = {means.size(0), means.size(1)};
  if (full) wanted.push_back(means.size(1));
  if (spread.sizes() != at::IntArrayRef(wanted) || spread.scalar_type() != at::kDouble)
    named.invalid("does not fit the means");
  return {means, spread};
}

Map ClassGaussians::state() const { return {{"means", box(means_)}, {full() ? "factors" : "variances", box(spread_)}}; }

at::Tensor ClassGaussians::squaredDistances(const at::Tensor& embeddings, int threads) const {
  const std::int64_t n = embeddings.size(0), width = this->width(), count = classes();
  if (embeddings.size(1) != width)
    fail(Code::Shape, "the embeddings have ", embeddings.size(1), " columns, those it was fitted to had ", width);
  at::Tensor out = at::empty({n, count}, at::kDouble);
  const Tiling tiling(n);
  parallelTiles(tiling.count(), threads, [&](std::int64_t t) {
    const TileRange r = tiling.range(t);
    if (full()) {
      const at::Tensor rows = embeddings.slice(0, r.first, r.last);
      for (std::int64_t c = 0; c < count; ++c) {
        const at::Tensor white = at::linalg_solve_triangular(spread_[c], (rows - means_[c]).t(), false);
        out.select(1, c).slice(0, r.first, r.last).copy_(white.square().sum(0));
      }
      return;
    }
    const auto *x = embeddings.data_ptr<double>(), *mean = means_.data_ptr<double>(), *s = spread_.data_ptr<double>();
    auto* d = out.data_ptr<double>();
    for (std::int64_t v = r.first; v < r.last; ++v)
      for (std::int64_t c = 0; c < count; ++c) {
        double sum = 0;
        for (std::int64_t j = 0; j < width; ++j) {
          const double away = x[v * width + j] - mean[c * width + j];
          sum += away * away / s[c * width + j];
        }
        d[v * count + c] = sum;
      }
  });
  return out;
}

}  // namespace langevin
