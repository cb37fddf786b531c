// Work on rows cut into tiles over threads, whose pieces are joined in order.
#pragma once

#include <vector>

#include "base/threads.hpp"
#include "program/batch.hpp"

namespace langevin {

/// Runs `one` on every tile (rows cost about `workPerRow` multiply-adds each) and joins the pieces in order: `results` tensors, rows first.
template <class One>
std::vector<at::Tensor> overTiles(const Batch& rows, double workPerRow, int threads, std::size_t results, One one) {
  const Tiling tiling(rows.size(), smallestTile(workPerRow));
  std::vector<std::vector<at::Tensor>> pieces(results,
                                              std::vector<at::Tensor>(static_cast<std::size_t>(tiling.count())));
  parallelTiles(tiling.count(), rows.x.is_cuda() ? 1 : threads, [&](std::int64_t i) {
    const TileRange r = tiling.range(i);
    std::vector<at::Tensor> values = one(rows.slice(r.first, r.last));
    for (std::size_t k = 0; k < results; ++k) pieces[k][static_cast<std::size_t>(i)] = std::move(values[k]);
  });
  std::vector<at::Tensor> joined;
  for (auto& p : pieces) joined.push_back(p.size() == 1 ? p[0] : at::cat(p));
  return joined;
}

}  // namespace langevin
