#include "executors/cpu/loop_planner.hpp"

namespace langevin {

template <class T>
void LoopPlanner<T>::mark(int root) {
  ++uses_[static_cast<std::size_t>(root)];
  if (live_[static_cast<std::size_t>(root)]) return;
  live_[static_cast<std::size_t>(root)] = 1;
  for (const int i : at(root).in) mark(i);
}

// Whose numbers a term's are.
template <class T>
int LoopPlanner<T>::ownerOf(int i) const {
  return at(i).form == Form::Piece && !picked(i) ? ownerOf(at(i).in[0]) : i;
}

// Parts that nobody else reads are computed where the whole lies.
template <class T>
void LoopPlanner<T>::joins() {
  for (int i = 0; i < size(); ++i) {
    if (!live_[static_cast<std::size_t>(i)] || at(i).form != Form::Join) continue;
    std::int64_t first = 0;
    for (const int part : at(i).in) {
      const LoopTerm& t = at(part);
      const bool column = !turned() && t.perRow && t.width == 1;
      if (t.form == Form::Step && elementwise(t.code) && !column && uses_[static_cast<std::size_t>(part)] == 1 &&
          part != energy_) {
        joinOf_[static_cast<std::size_t>(part)] = i;
        joinOffset_[static_cast<std::size_t>(part)] = first;
      }
      first += t.width;
    }
  }
}

// x - m in front of a banded product that alone reads it: the product takes both.
template <class T>
void LoopPlanner<T>::shifts() {
  for (int i = 0; i < size(); ++i) {
    const LoopTerm& t = at(i);
    if (turned() || !live_[static_cast<std::size_t>(i)] || t.form != Form::Step || t.code != LoopCode::Symmetric)
      continue;
    const auto k = static_cast<std::size_t>(t.in[0]);
    const LoopTerm& sum = at(t.in[0]);
    if (sum.form != Form::Step || sum.code != LoopCode::Add || sum.s != 1 || uses_[k] != 1 || joinOf_[k] >= 0) continue;
    const LoopTerm &x = at(sum.in[0]), &m = at(sum.in[1]);
    const bool rows = x.form == Form::Source && x.source == LoopSource::Rows;
    shifted_[k] = rows && !m.perRow && m.form == Form::Source && m.width == t.width && x.width == t.width;
  }
}

template <class T>
void LoopPlanner<T>::lifetimes() {
  for (int i = 0; i < size(); ++i) {
    if (!live_[static_cast<std::size_t>(i)]) continue;
    for (const int input : at(i).in) {
      auto& last = lastUse_[static_cast<std::size_t>(ownerOf(input))];
      last = std::max(last, i);
    }
    if (at(i).form == Form::Second) second_[static_cast<std::size_t>(at(i).in[0])] = i;
  }
  for (const int root : {energy_, gradient_})
    if (root >= 0) lastUse_[static_cast<std::size_t>(ownerOf(root))] = size();
  for (int i = 0; i < size(); ++i)
    if (const int last = std::max(lastUse_[static_cast<std::size_t>(i)], i);
        live_[static_cast<std::size_t>(i)] && last < size())
      ending_[static_cast<std::size_t>(last)].push_back(i);
}

// Results are computed where the caller wants them, unless they lie elsewhere already.
template <class T>
void LoopPlanner<T>::roots(bool energy, bool gradient) {
  energy_ = energy ? terms_.energy : -1;
  gradient_ = gradient ? terms_.gradient : -1;
  for (const int root : {energy_, gradient_})
    if (root >= 0) mark(root);
  joins();
  shifts();
  lifetimes();
  const auto home = [&](int root, LoopRegion region, std::int64_t stride) {
    const LoopTerm& t = at(root);
    const bool made = t.perRow && (t.form == Form::Step || t.form == Form::Join);
    if (made) places_[static_cast<std::size_t>(root)] = {static_cast<int>(region), 0, stride};
  };
  if (gradient_ >= 0 && !turned()) home(gradient_, LoopRegion::Gradient, terms_.columns);
  if (energy_ >= 0 && energy_ != gradient_) home(energy_, LoopRegion::Energy, 1);
}

// Room of a term: of one that was freed if it has the same size.
template <class T>
typename LoopPlanner<T>::Place LoopPlanner<T>::take(int i) {
  const LoopTerm& t = at(i);
  const std::int64_t stride = !t.perRow ? 0 : turned() ? plan_.rows : t.width;
  if (!t.perRow) {
    plan_.fixedNumbers += (t.width + 15) / 16 * 16;
    return {static_cast<int>(LoopRegion::Fixed), plan_.fixedNumbers - (t.width + 15) / 16 * 16, stride};
  }
  const std::int64_t size = (t.width * plan_.rows + 15) / 16 * 16;
  const auto found = std::find_if(free_.rbegin(), free_.rend(), [&](const Buffer& b) { return b.size == size; });
  if (found != free_.rend()) {
    const std::int64_t offset = found->offset;
    free_.erase(std::next(found).base());
    return {static_cast<int>(LoopRegion::Scratch), offset, stride};
  }
  plan_.scratch += size;
  return {static_cast<int>(LoopRegion::Scratch), plan_.scratch - size, stride};
}

template <class T>
void LoopPlanner<T>::free(const Place& place, int i) {
  if (place.region == static_cast<int>(LoopRegion::Scratch))
    free_.push_back({place.offset, (at(i).width * plan_.rows + 15) / 16 * 16});
}

template <class T>
int LoopPlanner<T>::pointer(LoopPointer::To to, int index) {
  auto& all = program_.pointers_;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const LoopPointer& p) { return p.to == to && p.index == index; });
  const auto k = static_cast<int>(found - all.begin());
  if (found == all.end()) all.push_back({to, index});
  return static_cast<int>(LoopRegion::First) + k;
}

template <class T>
std::int64_t LoopPlanner<T>::number(double value) {
  program_.numbers_.push_back(static_cast<T>(value));
  return static_cast<std::int64_t>(program_.numbers_.size()) - 1;
}

template <class T>
typename LoopPlanner<T>::Place LoopPlanner<T>::placeOf(int i) {
  Place& place = places_[static_cast<std::size_t>(i)];
  if (place.region >= 0) return place;
  const LoopTerm& t = at(i);
  if (t.form == Form::Source) {
    if (t.source == LoopSource::Number) return place = {static_cast<int>(LoopRegion::Numbers), number(t.s), 0};
    if (t.source == LoopSource::Parameter) return place = {pointer(LoopPointer::To::Parameter, t.index), 0, 0};
    if (t.source == LoopSource::Constant) return place = {pointer(LoopPointer::To::Constant, t.index), 0, 0};
    if (!turned()) return place = {static_cast<int>(LoopRegion::Rows), 0, t.width};
  }
  const int join = joinOf_[static_cast<std::size_t>(i)];
  if (join >= 0 || (t.form == Form::Piece && !picked(i))) {
    place = placeOf(join >= 0 ? join : t.in[0]);
    const std::int64_t first = join >= 0 ? joinOffset_[static_cast<std::size_t>(i)] : t.first;
    place.offset += first * (t.perRow && turned() ? place.stride : 1);
    return place;
  }
  return place = take(i);
}

template <class T>
LoopOrder LoopPlanner<T>::orderOf(const LoopTerm& t) const {
  return !t.perRow || (!turned() && t.width > 1) ? LoopOrder::Rows : LoopOrder::Columns;
}

// What a step that makes `of` reads of term i: as wide as that, or one number for all columns.
template <class T>
LoopView LoopPlanner<T>::view(int i, const LoopTerm& of) {
  const LoopTerm& t = at(i);
  const Place p = placeOf(i);
  const bool one = t.width == 1;
  if (!of.perRow) return {p.region, one, p.offset, 0};
  if (orderOf(of) == LoopOrder::Rows) {
    if (t.perRow) return {p.region, one, p.offset, one ? 1 : p.stride};
    return {p.region, one, p.offset, 0};
  }
  if (t.perRow) return {p.region, false, p.offset, one ? 0 : p.stride};
  return {p.region, true, p.offset, one ? 0 : 1};
}

// Of a step that goes through all the numbers of term i.
template <class T>
LoopView LoopPlanner<T>::whole(int i) {
  const Place p = placeOf(i);
  if (at(i).perRow) return viewOf(p);
  return {p.region, turned(), p.offset, turned() ? 1 : 0};
}

template <class T>
void LoopPlanner<T>::copy(int from, const Place& to, const LoopTerm& as, double s) {
  LoopStepOf<T> step;
  step.order = orderOf(as);
  step.width = as.width;
  step.s = static_cast<T>(s);
  step.a = view(from, as);
  step.y = viewOf(to);
  push(as, step);
}

template <class T>
void LoopPlanner<T>::emitJoin(int i) {
  const LoopTerm& whole = at(i);
  const Place place = placeOf(i);
  std::int64_t first = 0;
  for (const int part : whole.in) {
    const LoopTerm& t = at(part);
    Place to = place;
    to.offset += first * (whole.perRow && turned() ? place.stride : 1);
    first += t.width;
    if (joinOf_[static_cast<std::size_t>(part)] == i) continue;
    if (whole.perRow && !turned() && t.width == 1) {
      LoopStepOf<T> step;
      step.code = LoopCode::Put;
      step.a = view(part, t);
      step.y = viewOf(to);
      push(whole, step);
    } else {
      copy(part, to, t, 1);
    }
  }
}

// The views that a step reads.
template <class T>
void LoopPlanner<T>::reads(const LoopTerm& t, LoopStepOf<T>& step) {
  switch (t.code) {
    case LoopCode::Sum:
    case LoopCode::Dot:
    case LoopCode::LogSum:
      step.order = turned() && t.perRow ? LoopOrder::Columns : LoopOrder::Rows;
      step.width = at(t.in[0]).width;
      step.a = t.perRow ? whole(t.in[0]) : view(t.in[0], t);
      if (t.code == LoopCode::Dot) step.b = t.perRow ? whole(t.in[1]) : view(t.in[1], t);
      return;
    case LoopCode::Symmetric:
      if (!shifted_[static_cast<std::size_t>(t.in[0])]) step.a = whole(t.in[0]);
      if (turned() && t.matrix < 0) {
        step.b = {pointer(LoopPointer::To::Matrix, t.index), false, 0, 0};
      } else if (turned()) {
        step.b = {static_cast<int>(LoopRegion::Numbers), false, static_cast<std::int64_t>(program_.numbers_.size()), 0};
        for (const double m : terms_.matrices[static_cast<std::size_t>(t.matrix)].numbers) number(m);
      } else {
        step.code = LoopCode::Bands;
        if (const LoopTerm& sum = at(t.in[0]); shifted_[static_cast<std::size_t>(t.in[0])]) {
          step.a = whole(sum.in[0]);
          step.b = view(sum.in[1], t);
          step.t = static_cast<T>(sum.t);
        }
        step.bands = static_cast<int>(program_.bands_.size());
        program_.bands_.push_back(t.matrix < 0 ? t.index : -1 - t.matrix);
      }
      return;
    case LoopCode::Distances:
    case LoopCode::DistanceSlopes:
      step.width = static_cast<std::int64_t>(t.scales.size());
      step.count = at(t.in[0]).width;
      step.a = whole(t.in[0]);
      step.b = {pointer(LoopPointer::To::Constant, t.index), false, 0, 0};
      step.c = {static_cast<int>(LoopRegion::Numbers), false, static_cast<std::int64_t>(program_.numbers_.size()), 0};
      for (const double s : t.scales) number(s);
      if (t.code == LoopCode::DistanceSlopes) step.z = whole(t.in[1]);
      return;
    default:
      step.a = view(t.in[0], t);
      if (t.in.size() > 1) step.b = view(t.in[1], t);
      if (t.in.size() > 2) step.c = view(t.in[2], t);
  }
}

template <class T>
void LoopPlanner<T>::emitStep(int i) {
  const LoopTerm& t = at(i);
  LoopStepOf<T> step;
  step.code = t.code;
  step.order = orderOf(t);
  step.width = t.width;
  step.s = static_cast<T>(t.s);
  step.t = static_cast<T>(t.t);
  step.f = {t.f.f, static_cast<T>(t.f.argument)};
  reads(t, step);
  // Number by number, the result may lie where something lay that is not read again.
  if (elementwise(t.code) && t.perRow && places_[static_cast<std::size_t>(i)].region < 0)
    for (const int input : t.in) {
      const bool own =
          ownerOf(input) == input && at(input).width == t.width && !freed_[static_cast<std::size_t>(input)];
      const bool shared =
          std::any_of(t.in.begin(), t.in.end(), [&](int other) { return other != input && ownerOf(other) == input; });
      if (!own || shared || lastUse_[static_cast<std::size_t>(input)] != i) continue;
      free(places_[static_cast<std::size_t>(input)], input);
      freed_[static_cast<std::size_t>(input)] = 1;
    }
  step.y = viewOf(placeOf(i));
  if (const int z = second_[static_cast<std::size_t>(i)]; z >= 0) step.z = viewOf(placeOf(z));
  push(t, step);
}

template <class T>
void LoopPlanner<T>::emit(int i) {
  const LoopTerm& t = at(i);
  LoopStepOf<T> step;
  if (t.form == Form::Source && t.source == LoopSource::Rows && turned()) {
    step.code = LoopCode::Turn;
    step.width = t.width;
    step.a = {static_cast<int>(LoopRegion::Rows), false, 0, t.width};
    step.y = viewOf(placeOf(i));
    push(t, step);
  } else if (picked(i)) {
    step.code = LoopCode::Pick;
    step.a = viewOf(placeOf(t.in[0]));
    step.a.offset += t.first;
    step.y = viewOf(placeOf(i));
    push(t, step);
  } else if (t.form == Form::Join) {
    emitJoin(i);
  } else if (t.form == Form::Step && !shifted_[static_cast<std::size_t>(i)]) {
    emitStep(i);
  }
}

// What is not read again leaves its room to others.
template <class T>
void LoopPlanner<T>::end(int i) {
  for (const int term : ending_[static_cast<std::size_t>(i)]) {
    const auto k = static_cast<std::size_t>(term);
    if (freed_[k] || joinOf_[k] >= 0 || ownerOf(term) != term || !at(term).perRow || places_[k].region < 0) continue;
    freed_[k] = 1;
    free(places_[k], term);
  }
}

template <class T>
typename LoopProgramOf<T>::Plan LoopPlanner<T>::plan(bool energy, bool gradient, std::int64_t rows) {
  const auto n = static_cast<std::size_t>(size());
  plan_ = {};
  plan_.rows = rows;
  live_.assign(n, 0);
  freed_.assign(n, 0);
  shifted_.assign(n, 0);
  uses_.assign(n, 0);
  lastUse_.assign(n, -1);
  joinOf_.assign(n, -1);
  second_.assign(n, -1);
  joinOffset_.assign(n, 0);
  places_.assign(n, {});
  free_.clear();
  ending_.assign(n, {});
  roots(energy, gradient);
  for (int i = 0; i < size(); ++i) {
    if (!live_[static_cast<std::size_t>(i)]) continue;
    emit(i);
    end(i);
  }
  if (energy_ >= 0 && placeOf(energy_).region != static_cast<int>(LoopRegion::Energy)) {
    LoopTerm as = at(energy_);
    as.perRow = true;
    copy(energy_, {static_cast<int>(LoopRegion::Energy), 0, 1}, as, 1);
  }
  if (gradient_ < 0) return std::move(plan_);
  const Place place = placeOf(gradient_);
  if (turned()) {
    LoopStepOf<T> step;
    step.code = LoopCode::TurnBack;
    step.width = terms_.columns;
    step.a = viewOf(place);
    step.y = {static_cast<int>(LoopRegion::Gradient), false, 0, terms_.columns};
    plan_.steps.push_back(step);
  } else if (place.region != static_cast<int>(LoopRegion::Gradient)) {
    copy(gradient_, {static_cast<int>(LoopRegion::Gradient), 0, terms_.columns}, at(gradient_), 1);
  }
  return std::move(plan_);
}

template class LoopPlanner<float>;
template class LoopPlanner<double>;

}  // namespace langevin
