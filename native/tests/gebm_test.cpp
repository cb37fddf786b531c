// The diffusion operator of GEBM and the Gaussians of classes, against matrices and closed forms.
#include "check.hpp"
#include "graphs/class_gaussians.hpp"
#include "graphs/diffusion.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin::test::gebm_test {
namespace {

at::Tensor someEdges(std::int64_t nodes, std::int64_t count) {
  return Random(3).index(2 * count, nodes, 0, Stream::Data).view({2, count});
}
at::Tensor normals(std::int64_t rows, std::int64_t cols, int seed) {
  return Random(static_cast<std::uint64_t>(seed)).normal(rows, cols, 0, Stream::Data, at::TensorOptions(at::kDouble));
}
double apart(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST(rows_of_the_operator_sum_to_one) {
  constexpr std::int64_t n = 300;
  for (const bool selfLoops : {true, false}) {
    const NeighbourMean mean(someEdges(n, 900), n, selfLoops);
    const at::Tensor sums = multiply(mean.matrix(), at::ones({n, 1}, at::kDouble), 1).squeeze(1);
    const at::Tensor entries = mean.matrix().pointer.diff();
    // d times 1 / d: d roundings of 1e-16.
    CHECK(apart(sums, entries.gt(0).to(at::kDouble)) < 1e-14);
    if (selfLoops) CHECK(entries.min().item<std::int64_t>() == 1 || entries.gt(0).all().item<bool>());
  }
}

TEST(a_node_without_neighbours_keeps_its_value) {
  Job job;
  const at::Tensor edges = at::tensor({0, 1}, at::kLong).view({2, 1});
  const at::Tensor signal = at::tensor({2.0, 4.0, 9.0}, at::kDouble);
  // 0 -> 1: node 1 hears node 0, the others hear nobody.
  const at::Tensor once = NeighbourMean(edges, 3, false).diffuse(signal, 0.25, 1, 1, job);
  CHECK(once.equal(at::tensor({2.0, 0.25 * 4 + 0.75 * 2, 9.0}, at::kDouble)));
}

TEST(diffusion_is_the_power_of_a_matrix) {
  Job job;
  constexpr std::int64_t n = 60;
  const NeighbourMean mean(someEdges(n, 200), n, true);
  const at::Tensor p = multiply(mean.matrix(), at::eye(n, at::kDouble), 1);
  const at::Tensor step = at::eye(n, at::kDouble) * 0.3 + p * 0.7;
  at::Tensor expected = normals(n, 3, 1);
  const at::Tensor signal = expected;
  for (int k = 0; k < 7; ++k) expected = step.matmul(expected);
  CHECK(apart(mean.diffuse(signal, 0.3, 7, 2, job), expected) < 1e-13);
  CHECK(mean.diffuse(signal, 0.3, 7, 1, job).equal(mean.diffuse(signal, 0.3, 7, 5, job)));
  CHECK(mean.diffuse(signal, 1, 7, 1, job).equal(signal));
}

TEST(distances_are_those_of_the_inverse_covariance) {
  const std::int64_t n = 80, h = 5;
  const at::Tensor rows = normals(n, h, 5).matmul(normals(h, h, 6));
  const at::Tensor labels = at::arange(n, at::kLong).remainder(2), train = at::arange(0, n, 1, at::kLong);
  const ClassGaussians fitted = ClassGaussians::fit(rows, labels, train, 2, CovarianceForm::Full, Spread::PerClass);
  const at::Tensor distances = fitted.squaredDistances(rows, 2);
  for (std::int64_t c = 0; c < 2; ++c) {
    const at::Tensor own = rows.index_select(0, labels.eq(c).nonzero().squeeze(1));
    const at::Tensor centred = own - own.mean(0);
    const at::Tensor inverse = at::linalg_inv(centred.t().matmul(centred) / static_cast<double>(own.size(0)));
    const at::Tensor away = rows - own.mean(0);
    const at::Tensor expected = away.matmul(inverse).mul(away).sum(1);
    CHECK(apart(distances.select(1, c), expected) < 1e-9 * expected.max().item<double>());
    // The mean of the squared distances of the rows a covariance is of is its rank.
    CHECK_NEAR(distances.select(1, c).index_select(0, labels.eq(c).nonzero().squeeze(1)).mean().item<double>(), 5,
               1e-9);
  }
  CHECK(fitted.squaredDistances(rows, 1).equal(distances));
}

TEST(a_class_of_one_node_has_the_variance_of_the_additions) {
  const at::Tensor rows = at::tensor({1.0, 2.0}, at::kDouble).view({2, 1});
  const at::Tensor labels = at::tensor({0, 1}, at::kLong);
  for (const CovarianceForm form : {CovarianceForm::Diagonal, CovarianceForm::Full, CovarianceForm::Isotropic}) {
    const ClassGaussians fitted = ClassGaussians::fit(rows, labels, labels, 2, form, Spread::PerClass);
    // 1e-8 + 1e-7 + 1e-6 is the first sum above 1e-6.
    CHECK_NEAR(fitted.squaredDistances(rows, 1)[0][1].item<double>() * 1.11e-6, 1, 1e-9);
  }
}

}  // namespace langevin::test::gebm_test
