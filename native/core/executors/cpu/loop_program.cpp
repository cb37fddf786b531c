#include "executors/cpu/loop_program.hpp"

#include <algorithm>

#include "executors/cpu/bands.hpp"
#include "executors/cpu/loop_planner.hpp"

namespace langevin {
namespace {

// What the values of a block may take of the first-level cache.
constexpr std::int64_t kBlockBytes = 24 * 1024;

}  // namespace

template <class T>
std::unique_ptr<LoopProgramOf<T>> LoopProgramOf<T>::compile(const PlainProgram& program) {
  const std::optional<LoopTerms> terms = LoopTerms::of(program);
  if (!terms) return nullptr;
  std::unique_ptr<LoopProgramOf> result(new LoopProgramOf);
  result->columns_ = terms->columns;
  result->turned_ = terms->columns < kNarrowRow;
  // Distances have loops for columns alone.
  const bool distances = std::any_of(terms->terms.begin(), terms->terms.end(),
                                     [](const LoopTerm& t) { return t.code == LoopCode::Distances; });
  if (distances && !result->turned_) return nullptr;
  LoopPlanner<T> planner(*terms, *result);
  for (const LoopMatrix& m : terms->matrices) {
    const std::vector<T> numbers(m.numbers.begin(), m.numbers.end());
    TileWeightsOf<T>& weights = result->constantBands_.emplace_back();
    if (!result->turned_ && !packDiagonals(numbers.data(), m.size, weights)) return nullptr;
  }
  const auto best = [&](bool energy, bool gradient) {
    constexpr std::int64_t kFew = 16;
    const Plan small = planner.plan(energy, gradient, kFew);
    const std::int64_t row = std::max<std::int64_t>(1, small.scratch / kFew) * static_cast<std::int64_t>(sizeof(T));
    std::int64_t rows = kBlockBytes / row;
    // Rows as they lie need not be many; columns are whole cache lines.
    rows = result->turned_ ? std::clamp<std::int64_t>(rows / kFew * kFew, kFew, 512)
                           : std::clamp<std::int64_t>(rows, 1, 64);
    return planner.plan(energy, gradient, rows);
  };
  result->energy_ = best(true, false);
  result->both_ = best(true, true);
  result->gradient_ = best(false, true);
  return result;
}

template <class T>
std::int64_t LoopProgramOf<T>::preferredRows() const {
  // Rows, their gradient and the noise stay in the first-level cache; short ones come in whole vectors.
  constexpr std::int64_t kStateBytes = 12 * 1024;
  const std::int64_t rows = kStateBytes / (columns_ * static_cast<std::int64_t>(sizeof(T)));
  return turned_ ? std::clamp<std::int64_t>(rows / 16 * 16, 16, 2048) : std::clamp<std::int64_t>(rows, 2, 2048);
}

template <class T>
bool LoopProgramOf<T>::runs(const PackedOf<T>& packed) const {
  return std::all_of(bands_.begin(), bands_.end(), [&](int p) { return !weightsOf(packed, p).diagonals.empty(); });
}

template <class T>
void LoopProgramOf<T>::run(const PackedOf<T>& packed, const std::vector<std::vector<T>>& constants,
                           const TileInputOf<T>& in, TileWorkspace& ws, T* energy, T* gradient) const {
  const Plan& plan = !gradient ? energy_ : energy ? both_ : gradient_;
  thread_local std::vector<T*> regions;
  thread_local std::vector<LoopBandsOf<T>> bands;
  regions.assign(static_cast<std::size_t>(LoopRegion::First), nullptr);
  // Nothing is written through a pointer to what is given.
  for (const LoopPointer& p : pointers_) {
    const auto i = static_cast<std::size_t>(p.index);
    const T* numbers = p.to == LoopPointer::To::Parameter  ? packed.plain[i].data()
                       : p.to == LoopPointer::To::Constant ? constants[i].data()
                                                           : packed.weights[i].columns.data();
    regions.push_back(const_cast<T*>(numbers));
  }
  bands.clear();
  for (const int p : bands_) {
    const TileWeightsOf<T>& w = weightsOf(packed, p);
    bands.push_back(
        {w.segments.data(), static_cast<std::int64_t>(w.segments.size()), w.diagonals.data(), w.columns.data()});
  }
  const auto region = [&](LoopRegion r) -> T*& { return regions[static_cast<std::size_t>(r)]; };
  T* room = ws.reserve<T>(static_cast<std::size_t>(plan.scratch + plan.fixedNumbers));
  region(LoopRegion::Scratch) = room;
  region(LoopRegion::Fixed) = room + plan.scratch;
  region(LoopRegion::Numbers) = const_cast<T*>(numbers_.data());
  const TileKernelsOf<T>& kernels = tileKernelsOf<T>();
  LoopFrameOf<T> frame{regions.data(), bands.data(), 1};
  kernels.loops(plan.fixed.data(), static_cast<std::int64_t>(plan.fixed.size()), frame);
  for (std::int64_t first = 0; first < in.rows; first += plan.rows) {
    frame.rows = std::min(plan.rows, in.rows - first);
    region(LoopRegion::Rows) = const_cast<T*>(in.x) + first * columns_;
    region(LoopRegion::Gradient) = gradient ? gradient + first * columns_ : nullptr;
    region(LoopRegion::Energy) = energy ? energy + first : nullptr;
    kernels.loops(plan.steps.data(), static_cast<std::int64_t>(plan.steps.size()), frame);
    // 0, not -0, where a sum with a factor below 0 is empty of anything.
    for (std::int64_t r = 0; energy && r < frame.rows; ++r) energy[first + r] += T(0);
  }
}

template class LoopProgramOf<float>;
template class LoopProgramOf<double>;

}  // namespace langevin
