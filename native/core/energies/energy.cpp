#include "energies/energy.hpp"

#include <algorithm>
#include <cmath>

#include "energies/registry.hpp"
#include "executors/cuda/tiles.hpp"
#include "networks/tiles.hpp"

namespace langevin {

Energy::Energy(Program given, at::ScalarType dtype, at::Device device, std::uint64_t seed)
    : Network(std::move(given), dtype, device, seed) {
  if (!isEnergy()) fail(Code::Internal, "the program of ", describe(), " has no energy");
}

std::shared_ptr<Energy> makeEnergy(const Spec& spec, at::ScalarType dtype, at::Device device, std::uint64_t seed) {
  requireParameterDtype(dtype);
  return std::make_shared<Energy>(lower(spec), dtype, device, seed);
}

EnergyRef energyIn(const Spec& argument) {
  const NetworkRef network = argument.network();
  auto energy = std::dynamic_pointer_cast<Energy>(network);
  if (!energy) argument.invalid("is " + network->describe() + ", which gives outputs and no energy; give an Energy");
  return energy;
}

ProgramValues Energy::valuesOf(const Batch& rows) const {
  ProgramValues result;
  const bool fused = withTiles([&]<class T>(const TileProgramOf<T>& tiles) {
    const Batch dense = rows.contiguous();
    result.energy = at::empty({rows.size()}, options());
    if (hasOutputs()) result.outputs = at::empty({rows.size(), outputWidth()}, options());
    tiles.forward(*packed<T>(), tileInput<T>(dense), workspace(), result.energy.data_ptr<T>(),
                  result.outputs.defined() ? result.outputs.data_ptr<T>() : nullptr);
  });
  if (fused) return result;
  at::NoGradGuard guard;
  return evaluateWith(parameters().tensors(), rows, {});
}

at::Tensor Energy::energyOf(const Batch& rows) const { return valuesOf(rows).energy; }

EnergyAndGradient Energy::energyAndGradient(const Batch& rows) const {
  EnergyAndGradient result;
  const bool fused = withTiles([&]<class T>(const TileProgramOf<T>& tiles) {
    const Batch dense = rows.contiguous();
    result = {at::empty({rows.size()}, options()), at::empty(rows.x.sizes(), options())};
    tiles.energyAndGradient(*packed<T>(), tileInput<T>(dense), workspace(), result.energy.data_ptr<T>(),
                            result.gradient.data_ptr<T>());
  });
  if (fused) return result;
  if (cudaTiles()) return cudaTiles()->energyAndGradient({program(), parameters(), constants()}, rows);
  at::AutoGradMode enable(true);
  Batch leaf = rows;
  leaf.x = rows.x.detach().requires_grad_(true);
  at::Tensor energy = evaluateWith(parameters().tensors(), leaf, {}).energy;
  at::Tensor gradient;
  if (energy.requires_grad())
    gradient = torch::autograd::grad({energy.sum()}, {leaf.x}, {}, std::nullopt, false, true)[0];
  if (!gradient.defined()) gradient = at::zeros_like(leaf.x);
  return {energy.detach(), gradient};
}

namespace {

// Calls one(rows of a tile, the first of them) on every tile, over threads.
template <class T, class One>
void overTileInputs(const TileInputOf<T>& rows, std::int64_t columns, std::int64_t conditionColumns, double workPerRow,
                    int threads, One one) {
  const Tiling tiling(rows.rows, smallestTile(workPerRow));
  parallelTiles(tiling.count(), threads, [&](std::int64_t i) {
    const TileRange r = tiling.range(i);
    TileInputOf<T> tile = rows;
    tile.rows = r.last - r.first;
    tile.x = rows.x + r.first * columns;
    if (rows.y) tile.y = rows.y + r.first * conditionColumns;
    if (rows.labels) tile.labels = rows.labels + r.first;
    one(tile, r.first);
  });
}

std::int64_t conditionColumns(const Batch& rows) { return rows.y.defined() && rows.y.dim() > 1 ? rows.y.size(1) : 1; }

}  // namespace

at::Tensor Energy::energyOf(const Batch& rows, int threads) const {
  if (rows.size() == 0) return at::empty({0}, options());
  at::Tensor energy;
  // Results of tiles are written where they belong: for rows that cost little, tensors of a tile would cost more.
  const bool fused = withTiles([&]<class T>(const TileProgramOf<T>& tiles) {
    const Batch dense = rows.contiguous();
    energy = at::empty({rows.size()}, options());
    const auto weights = packed<T>();
    auto* out = energy.data_ptr<T>();
    overTileInputs<T>(tileInput<T>(dense), inputWidth(), conditionColumns(dense), workPerRow(), threads,
                      [&](const TileInputOf<T>& tile, std::int64_t first) {
                        tiles.forward(*weights, tile, workspace(), out + first, nullptr);
                      });
  });
  if (fused) return energy;
  return overTiles(rows, workPerRow(), threads, 1,
                   [&](const Batch& tile) { return std::vector<at::Tensor>{energyOf(tile)}; })[0];
}

EnergyAndGradient Energy::energyAndGradient(const Batch& rows, int threads) const {
  if (rows.size() == 0) return {at::empty({0}, options()), at::empty_like(rows.x)};
  EnergyAndGradient result;
  const bool fused = withTiles([&]<class T>(const TileProgramOf<T>& tiles) {
    const Batch dense = rows.contiguous();
    result = {at::empty({rows.size()}, options()), at::empty(rows.x.sizes(), options())};
    const auto weights = packed<T>();
    T *energy = result.energy.data_ptr<T>(), *gradient = result.gradient.data_ptr<T>();
    overTileInputs<T>(tileInput<T>(dense), inputWidth(), conditionColumns(dense), workPerRow(), threads,
                      [&](const TileInputOf<T>& tile, std::int64_t first) {
                        tiles.energyAndGradient(*weights, tile, workspace(), energy + first,
                                                gradient + first * inputWidth());
                      });
  });
  if (fused) return result;
  auto joined = overTiles(rows, workPerRow(), threads, 2, [&](const Batch& tile) {
    EnergyAndGradient v = energyAndGradient(tile);
    return std::vector<at::Tensor>{v.energy, v.gradient};
  });
  return {joined[0], joined[1]};
}

namespace {

bool allFinite(const float* values, std::int64_t n) {
  return std::all_of(values, values + n, [](float v) { return std::isfinite(v); });
}

}  // namespace

bool Energy::takesPlainRows(const float* x, std::int64_t rows) const {
  const Condition& condition = program().condition;
  const bool given = condition.kind == Condition::Kind::None || condition.optional;
  return tiles<float>() && given && rows > 0 && allFinite(x, rows * inputWidth());
}

bool Energy::energyInto(const float* x, std::int64_t rows, float* out) const {
  if (!takesPlainRows(x, rows)) return false;
  const auto weights = packed<float>();
  const Tiling tiling(rows, smallestTile(workPerRow()));
  for (std::int64_t i = 0; i < tiling.count(); ++i) {
    const TileRange r = tiling.range(i);
    TileInput in;
    in.x = x + r.first * inputWidth();
    in.rows = r.last - r.first;
    tiles<float>()->forward(*weights, in, workspace(), out + r.first, nullptr);
  }
  return allFinite(out, rows);
}

bool Energy::scoreInto(const float* x, std::int64_t rows, float* out) const {
  if (!takesPlainRows(x, rows)) return false;
  const auto weights = packed<float>();
  const std::int64_t d = inputWidth();
  const Tiling tiling(rows, smallestTile(workPerRow()));
  std::vector<float> energies(static_cast<std::size_t>(rows));
  for (std::int64_t i = 0; i < tiling.count(); ++i) {
    const TileRange r = tiling.range(i);
    TileInput in;
    in.x = x + r.first * d;
    in.rows = r.last - r.first;
    tiles<float>()->energyAndGradient(*weights, in, workspace(), energies.data(), out + r.first * d);
  }
  for (std::int64_t i = 0; i < rows * d; ++i) out[i] = -out[i];
  return allFinite(out, rows * d);
}

}  // namespace langevin
