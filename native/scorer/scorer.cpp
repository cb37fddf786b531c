#include "scorer/scorer.hpp"

#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace langevin {

namespace {

TileWorkspace& workspace() {
  thread_local TileWorkspace ws;
  return ws;
}

}  // namespace

template <class T>
ScorerOf<T>::ScorerOf(const PlainProgram& program, const std::vector<const T*>& parameters) : program_(program) {
  requireSound(program_);
  if (parameters.size() != program_.parameters.size())
    fail(Code::Format, "the program has ", program_.parameters.size(), " parameters, and ", parameters.size(),
         " are there");
  std::string reason;
  tiles_ = TileProgramOf<T>::compile(program_, reason);
  if (!tiles_) fail(Code::Unsupported, "the scorer cannot run this program: ", reason);
  std::vector<ParameterValuesOf<T>> values;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    values.push_back({parameters[i], program_.parameters[i].count, true, 0});
  tiles_->pack(values, 0, Precision::Float32, packed_);
  // They are in the program, in the numbers it computes with.
  for (std::vector<double>& constant : program_.constants) std::vector<double>().swap(constant);
}

template <class T>
void ScorerOf<T>::checkCondition(const TileInputOf<T>& rows) const {
  const bool given = program_.classes ? rows.labels != nullptr : rows.y != nullptr;
  if (!given && !program_.optionalCondition && (program_.classes || program_.conditionWidth))
    fail(Code::InvalidOption, "this energy takes a condition y: give y");
  if (!rows.labels) return;
  for (std::int64_t i = 0; i < rows.rows; ++i)
    if (rows.labels[i] < 0 || rows.labels[i] >= program_.classes)
      fail(Code::InvalidOption, "y of row ", i, " is class ", rows.labels[i], " of ", program_.classes);
}

template <class T>
template <class Task>
void ScorerOf<T>::overTiles(const TileInputOf<T>& rows, int threads, Task task) const {
  checkCondition(rows);
  const Tiling tiling(rows.rows, smallestTile(program_.workPerRow));
  parallelTiles(rows.rows == 0 ? 0 : tiling.count(), threads, [&](std::int64_t i) {
    const TileRange range = tiling.range(i);
    TileInputOf<T> tile = rows;
    tile.rows = range.last - range.first;
    tile.x = rows.x + range.first * program_.inputWidth;
    if (rows.y) tile.y = rows.y + range.first * program_.conditionWidth;
    if (rows.labels) tile.labels = rows.labels + range.first;
    task(tile, range.first);
  });
}

template <class T>
void ScorerOf<T>::energy(const TileInputOf<T>& rows, int threads, T* out) const {
  overTiles(rows, threads, [&](const TileInputOf<T>& tile, std::int64_t first) {
    tiles_->forward(packed_, tile, workspace(), out + first, nullptr);
  });
}

template <class T>
void ScorerOf<T>::score(const TileInputOf<T>& rows, int threads, T* out) const {
  const std::int64_t d = program_.inputWidth;
  std::vector<T> energies(static_cast<std::size_t>(rows.rows));
  overTiles(rows, threads, [&](const TileInputOf<T>& tile, std::int64_t first) {
    tiles_->energyAndGradient(packed_, tile, workspace(), energies.data() + first, out + first * d);
    T* gradient = out + first * d;
    for (std::int64_t i = 0; i < tile.rows * d; ++i) gradient[i] = -gradient[i];
  });
}

template class ScorerOf<float>;
template class ScorerOf<double>;

}  // namespace langevin
