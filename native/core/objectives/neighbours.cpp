#include "objectives/neighbours.hpp"

#include "objectives/support.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

/// Of the columns of one block; `sites`: of the block, undefined for all.
at::Tensor neighboursIn(const ColumnBlock& block, const at::Tensor& x, const at::Tensor& sites) {
  const std::int64_t n = x.size(0), columns = x.size(1), others = block.levels - 1;
  const at::Tensor levels = block.decode(x);  // [n, sites]
  const at::Tensor step = at::arange(1, others + 1, levels.options()).view({others, 1, 1});
  // Rows with all sites moved on; a neighbour has the columns of one site of them.
  const at::Tensor moved =
      block.encode((levels + step).remainder_(block.levels).view({-1, block.sites()}), x.options());
  at::Tensor mine = at::eye(block.sites(), x.options().dtype(at::kBool));
  if (sites.defined()) mine = mine.index_select(0, sites.to(x.device()));
  const std::int64_t count = mine.size(0);
  mine = mine.repeat_interleave(block.siteWidth(), 1);
  return at::where(mine.view({count, 1, 1, columns}), moved.view({1, others, n, columns}), x).view({-1, columns});
}

std::int64_t discreteSites(const Domain& domain) {
  std::int64_t sites = 0;
  for (const ColumnBlock& block : domain.runs()) sites += block.discrete() ? block.sites() : 0;
  return sites;
}

}  // namespace

Neighbours neighboursOf(const Domain& domain, const at::Tensor& x, const at::Tensor& sites) {
  const at::NoGradGuard guard;
  Neighbours found;
  std::vector<at::Tensor> all;
  std::int64_t first = 0;  // site of the block
  for (const ColumnBlock& block : domain.runs()) {
    if (!block.discrete()) continue;
    at::Tensor own;
    if (sites.defined()) {
      own = sites.masked_select(sites.ge(first).logical_and(sites.lt(first + block.sites()))) - first;
      first += block.sites();
      if (own.numel() == 0) continue;
    }
    found.parts.push_back({own.defined() ? own.numel() : block.sites(), block.levels - 1});
    const bool whole = block.width == x.size(1);
    at::Tensor part = neighboursIn(block, whole ? x : block.columnsOf(x), own);
    if (!whole) {
      at::Tensor rows = x.repeat({part.size(0) / x.size(0), 1});
      block.columnsOf(rows).copy_(part);
      part = std::move(rows);
    }
    all.push_back(std::move(part));
  }
  found.x = all.size() == 1 ? all[0] : at::cat(all);
  return found;
}

void NeighbourObjective::prepare(Energy& model, const RowSource& data, const at::Tensor&, const Random&) {
  const Domain& domain = model.program().domain;
  if (domain.real())
    domain.require(Kinds::discrete(), what(), "score matching, noiseContrastive or contrastiveDivergence");
  requireStates(domain, data);
  all_ = discreteSites(domain);
  if (chosen_ > all_)
    fail(Code::InvalidOption, "objective.sites: ", chosen_, " of the discrete variables of a row, and this energy has ",
         all_, "; leave it out for all");
}

at::Tensor NeighbourObjective::loss(StepContext& context) {
  const Batch& data = context.batch;
  const std::int64_t n = data.size();
  const bool some = chosen_ > 0 && chosen_ < all_;
  at::Tensor sites;
  if (some)
    sites = std::get<0>(context.random()
                            .permutation(all_, static_cast<std::uint64_t>(context.step), Stream::Project)
                            .slice(0, 0, chosen_)
                            .sort());
  const Neighbours neighbours = neighboursOf(context.model().program().domain, data.x, sites);
  const EnergyPair energy = energiesOf(context, data, {neighbours.x, repeated(data.y, neighbours.x.size(0) / n)});
  context.recordData(energy.data);
  context.recordNegatives(energy.negatives);
  const at::NoGradGuard guard;
  const double scale = some ? static_cast<double>(all_) / static_cast<double>(chosen_) : 1.0;
  double loss = 0;
  at::Tensor onData = at::zeros_like(energy.data), onNeighbours = at::empty_like(energy.negatives);
  std::int64_t first = 0;
  for (const auto& [count, others] : neighbours.parts) {
    const std::int64_t rows = count * others * n;
    at::Tensor v = energy.data - energy.negatives.slice(0, first, first + rows).view({count, others, n});
    loss += scale * static_cast<double>(count) * meanOf(inPlace(v));
    v.mul_(scale / static_cast<double>(n));
    onData += v.sum({0, 1});
    onNeighbours.slice(0, first, first + rows).copy_(v.neg_().view({-1}));
    first += rows;
  }
  return context.lossWithGradients(loss, {{energy.data, onData}, {energy.negatives, onNeighbours}});
}

}  // namespace langevin
