// Nearest rows, by the tree and by products, against a look at every row.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "evaluation/neighbours.hpp"
#include "tensors/random.hpp"

namespace langevin::test::neighbours_test {
namespace {

at::Tensor normalRows(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  return Random(seed).normal(n, width, 0, Stream::Init, at::kDouble);
}

// Whole numbers: many rows lie at the same place, and many distances are the same.
at::Tensor latticeRows(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  return normalRows(n, width, seed).mul(2).round();
}

// Distances by differences and numbers in their order: the same bits are asked, and the smaller number of equal ones.
bool asEveryRow(const at::Tensor& rows, const at::Tensor& queries, std::int64_t k, int threads) {
  Job job;
  const NearestRows found = NeighbourIndex(rows).nearest(queries, k, threads, job);
  for (std::int64_t i = 0; i < queries.size(0); ++i) {
    std::vector<Near> all;
    for (std::int64_t j = 0; j < rows.size(0); ++j)
      all.emplace_back(rowDistance(queries.const_data_ptr<double>() + i * rows.size(1),
                                   rows.const_data_ptr<double>() + j * rows.size(1), rows.size(1)),
                       j);
    std::sort(all.begin(), all.end());
    for (std::int64_t j = 0; j < k; ++j) {
      const Near& wanted = all[static_cast<std::size_t>(j)];
      if (found.distances[i][j].item<double>() != wanted.first ||
          found.rows[i][j].item<std::int64_t>() != wanted.second)
        return false;
    }
  }
  return true;
}

TEST(nearest_rows_are_those_of_a_look_at_every_row) {
  for (const std::int64_t width : {1, 2, 3, 5, 12})
    for (const std::int64_t n : {3, 40, 700, 2500}) {
      const std::int64_t k = std::min<std::int64_t>(n, 5);
      CHECK(asEveryRow(normalRows(n, width, 1), normalRows(30, width, 2), k, 1));
      CHECK(asEveryRow(latticeRows(n, width, 3), latticeRows(30, width, 4), k, 2));
    }
  CHECK(NeighbourTree::fits(700, 5));
  CHECK(!NeighbourTree::fits(2500, 12));
}

// The limit comes down with every row, so every one is a candidate until others are nearer.
TEST(nearest_rows_of_rows_that_come_nearer_and_nearer) {
  const at::Tensor rows = at::linspace(9, 1, 6000, at::kDouble).unsqueeze(1).expand({6000, 20}).contiguous();
  CHECK(asEveryRow(rows, at::zeros({3, 20}, at::kDouble), 4, 1));
}

// Squares of these overflow; differences of neighbours do not.
TEST(nearest_rows_where_squares_overflow) {
  at::Tensor rows = normalRows(300, 20, 5);
  rows.slice(0, 100, 200).add_(1e160);
  rows[150].copy_(rows[151]);
  CHECK(asEveryRow(rows, rows.slice(0, 140, 160), 2, 1));
  CHECK(asEveryRow(rows.slice(1, 0, 2).contiguous(), rows.slice(0, 140, 160).slice(1, 0, 2).contiguous(), 2, 1));
}

TEST(nearest_other_rows_leave_the_row_itself_out) {
  Job job;
  const at::Tensor rows = at::arange(100, at::kDouble).unsqueeze(1);
  const NearestRows found = NeighbourIndex(rows).nearestOthers(2, 1, job);
  CHECK(found.rows[0].equal(at::tensor({1, 2}, at::kLong)));
  CHECK(found.rows[50].equal(at::tensor({49, 51}, at::kLong)));
  CHECK(found.distances[99].equal(at::tensor({1.0, 2.0}, at::kDouble)));
}

}  // namespace
}  // namespace langevin::test::neighbours_test
