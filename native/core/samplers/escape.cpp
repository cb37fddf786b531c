#include "samplers/escape.hpp"

#include <algorithm>
#include <cmath>

#include "energies/tails.hpp"

namespace langevin {
namespace {

constexpr double kDistances[] = {1e6, 1e7};  // in units of how far any of the chains has been from the origin

}  // namespace

Value escapingChains(const Energy& energy, const Batch& starts, const at::Tensor& ends, int threads) {
  const at::NoGradGuard guard;
  const at::Tensor mask = realColumns(energy.program().domain);
  if (!mask.any().item<bool>() || !hasCondition(energy, starts.y)) return {};
  const auto wide = at::TensorOptions(at::kDouble).device(starts.x.device());
  // Discrete columns are those the chains ended in: a way is one of the real columns.
  const at::Tensor real = mask.to(wide), from = starts.x.to(wide) * real + ends.to(wide) * (1 - real);
  // Far beyond all chains: a chain that is on its way to a mode falls as well, but not for ever.
  const at::Tensor way = ends.to(wide) - from, length = way.norm(2, 1, true);
  const at::Tensor scale = at::stack({from.norm(2, 1).max(), (ends.to(wide) * real).norm(2, 1).max()}).max();
  const at::Tensor direction = at::where(length > 0, way / length, at::zeros_like(way)) * scale;
  const at::Tensor along = energyAlong(energy, {from, starts.y}, direction, {kDistances[0], kDistances[1]}, threads);
  // Read number by number, so on the host, once: an operation for each chain would cost more than a short run.
  const auto host = [](const at::Tensor& t, at::ScalarType type) { return t.to(at::kCPU, type).contiguous(); };
  const at::Tensor e = host(along, at::kDouble), sizes = host((ends.to(wide) * real).abs().amax(1), at::kDouble);
  const at::Tensor moved = host((ends != starts.x).any(1), at::kBool);
  const double* energies = e.const_data_ptr<double>();
  List falling, flat;
  double farthest = 0;
  for (std::int64_t i = 0; i < e.size(0); ++i) {
    const Tail tail = tailOf(energies[2 * i], energies[2 * i + 1], kDistances[1] / kDistances[0]);
    if (!moved.const_data_ptr<bool>()[i] || (tail != Tail::Falls && tail != Tail::Flat)) continue;
    (tail == Tail::Falls ? falling : flat).emplace_back(i);
    farthest = std::max(farthest, sizes.const_data_ptr<double>()[i]);
  }
  if (falling.empty() && flat.empty()) return {};
  return Map{{"falling", falling}, {"flat", flat}, {"farthest", farthest}, {"chains", e.size(0)}};
}

bool keepsToBox(const Value& sampler) {
  if (const List* list = sampler.list()) return std::any_of(list->begin(), list->end(), keepsToBox);
  const Map* map = sampler.map();
  if (!map) return false;
  const auto box = map->find("box");
  if (box != map->end() && !box->second.isNull()) return true;
  return std::any_of(map->begin(), map->end(), [](const auto& member) { return keepsToBox(member.second); });
}

}  // namespace langevin
