#include "executors/cpu/loop_builder.hpp"

#include <algorithm>
#include <utility>

namespace langevin {
namespace {

// A term with a value for each row.
LoopTerm rowTerm(LoopCode code, std::vector<int> in, std::int64_t width) {
  LoopTerm term;
  term.code = code;
  term.in = std::move(in);
  term.width = width;
  term.perRow = true;
  return term;
}

}  // namespace

using Form = LoopTerm::Form;

int LoopBuilder::push(LoopTerm term) {
  const auto [it, fresh] = known_.try_emplace({term.key(), term.perRow}, static_cast<int>(terms_.size()));
  if (fresh) terms_.push_back(std::move(term));
  return it->second;
}

int LoopBuilder::step(LoopCode code, std::vector<int> in, std::int64_t w, double s, double t) {
  LoopTerm term;
  term.code = code;
  term.width = w;
  term.s = s;
  term.t = t;
  for (const int i : in) term.perRow |= at(i).perRow;
  term.in = std::move(in);
  return push(std::move(term));
}

LoopValue LoopBuilder::source(LoopSource source, std::int64_t width, int index) {
  LoopTerm term;
  term.form = Form::Source;
  term.source = source;
  term.width = width;
  term.index = index;
  term.perRow = source == LoopSource::Rows;
  return of(push(std::move(term)));
}

// The term with factor and shift in it: as numbers of the step that makes it, where it has room for them, since one more
// step would cost as much. Sums are not made twice.
int LoopBuilder::settle(const LoopValue& a) {
  if (a.term < 0) {
    LoopTerm term;
    term.form = Form::Source;
    term.source = LoopSource::Number;
    term.s = a.shift;
    return push(std::move(term));
  }
  if (a.factor == 1 && a.shift == 0) return a.term;
  const LoopTerm term = at(a.term);
  const bool shifts = term.code == LoopCode::Affine || term.code == LoopCode::Product;
  const bool scales = term.code == LoopCode::Add || term.code == LoopCode::ProductAdd ||
                      term.code == LoopCode::Quotient || term.code == LoopCode::SafeQuotient;
  if (term.form == Form::Step && (shifts || (scales && a.shift == 0)))
    return step(term.code, term.in, term.width, term.s * a.factor, term.t * a.factor + a.shift);
  return step(LoopCode::Affine, {a.term}, term.width, a.factor, a.shift);
}

int LoopBuilder::full(const LoopValue& a, std::int64_t width, bool perRow) {
  // Of a sum, the numbers are its own.
  if (a.term >= 0 && width == 1 && (a.factor != 1 || a.shift != 0)) {
    const LoopTerm term = at(a.term);
    if (term.form == Form::Step && (term.code == LoopCode::Sum || term.code == LoopCode::Dot))
      return step(term.code, term.in, 1, term.s * a.factor, term.t * a.factor + a.shift);
  }
  const int found = settle(a);
  if (at(found).width == width && (at(found).perRow || !perRow)) return found;
  LoopTerm term;
  term.in = {found};
  term.width = width;
  term.perRow = perRow;
  return push(std::move(term));
}

// Whether a product may be a part of a sum w wide instead of a step of its own.
bool LoopBuilder::fuses(int product, std::int64_t w) const {
  const LoopTerm& term = at(product);
  return term.form == Form::Step && term.code == LoopCode::Product && term.t == 0 && term.perRow && term.width == w;
}

LoopValue LoopBuilder::add(const LoopValue& a, const LoopValue& b) {
  if (a.term < 0) return affine(b, 1, a.shift);
  if (b.term < 0) return affine(a, 1, b.shift);
  const double shift = a.shift + b.shift;
  if (a.term == b.term) return {a.factor + b.factor, shift, a.term};
  const std::int64_t width = std::max(at(a.term).width, at(b.term).width);
  for (const auto& [product, other] : {std::pair(a, b), std::pair(b, a)})
    if (fuses(product.term, width)) {
      const LoopTerm term = at(product.term);
      return {1, shift,
              step(LoopCode::ProductAdd, {term.in[0], term.in[1], other.term}, width, term.s * product.factor,
                   other.factor)};
    }
  return {1, shift, step(LoopCode::Add, {a.term, b.term}, width, a.factor, b.factor)};
}

LoopValue LoopBuilder::product(const LoopValue& a, const LoopValue& b) {
  if (a.term < 0) return times(b, a.shift);
  if (b.term < 0) return times(a, b.shift);
  const LoopValue u = withoutShift(a), v = withoutShift(b);
  const std::int64_t width = std::max(at(u.term).width, at(v.term).width);
  return {u.factor * v.factor, 0, step(LoopCode::Product, {std::min(u.term, v.term), std::max(u.term, v.term)}, width)};
}

LoopValue LoopBuilder::quotient(LoopCode code, const LoopValue& a, const LoopValue& b) {
  const LoopValue u = withoutShift(a), v = b.factor == 0 ? of(settle(b)) : withoutShift(b);
  const std::int64_t width = std::max(at(u.term).width, at(v.term).width);
  return {u.factor / v.factor, 0, step(code, {u.term, v.term}, width)};
}

LoopValue LoopBuilder::function(const ActivationOf<double>& f, const LoopValue& a) {
  if (f.f == Unary::Square) return product(a, a);
  LoopTerm term;
  term.code = LoopCode::Function;
  term.f = f;
  term.in = {settle(a)};
  term.width = at(term.in[0]).width;
  term.perRow = at(term.in[0]).perRow;
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::slope(const ActivationOf<double>& f, const LoopValue& a, const LoopValue& value) {
  if (f.f == Unary::Square) return times(a, 2);
  if (f.f == Unary::Exp) return value;
  if (f.f == Unary::Log) return quotient(LoopCode::Quotient, number(1), a);
  if (f.f == Unary::Sqrt) return quotient(LoopCode::Quotient, number(0.5), value);
  LoopTerm term = at(value.term);
  term.form = Form::Second;
  term.in = {value.term};
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::selection(LoopCode code, const LoopValue& a, const LoopValue& b, std::int64_t w) {
  return of(step(code, {settle(a), settle(b)}, w));
}

LoopValue LoopBuilder::where(const LoopValue& condition, const LoopValue& a, const LoopValue& b, std::int64_t w) {
  return of(step(LoopCode::Where, {settle(condition), settle(a), settle(b)}, w));
}

// Sums of squares alone, whose parts may be added up one by one without losing digits.
bool LoopBuilder::squares(int i) const {
  const LoopTerm& term = at(i);
  if (term.form != Form::Step) return false;
  if (term.code == LoopCode::Product) return term.in[0] == term.in[1] && term.t == 0 && term.s > 0;
  if (term.code == LoopCode::Add) return term.s > 0 && term.t > 0 && squares(term.in[0]) && squares(term.in[1]);
  return term.code == LoopCode::ProductAdd && term.in[0] == term.in[1] && term.s > 0 && term.t > 0 &&
         squares(term.in[2]);
}

LoopValue LoopBuilder::sumOf(int i, std::int64_t w) {
  const LoopTerm term = at(i);
  const auto wide = [&](int k) { return at(term.in[static_cast<std::size_t>(k)]).width == w; };
  const auto dot = [&] { return of(step(LoopCode::Dot, {term.in[0], term.in[1]}, 1)); };
  if (term.form == Form::Step && term.code == LoopCode::Product) {
    const double shift = term.t * static_cast<double>(w);
    if (wide(0) && wide(1)) return affine(dot(), term.s, shift);
    const LoopValue along = sum(of(term.in[wide(0) ? 0 : 1]), w);
    return affine(product(of(term.in[wide(0) ? 1 : 0]), along), term.s, shift);
  }
  if (squares(i) && wide(0) && term.code == LoopCode::ProductAdd)
    return add(times(dot(), term.s), times(sum(of(term.in[2]), w), term.t));
  if (squares(i) && term.code == LoopCode::Add)
    return add(times(sum(of(term.in[0]), w), term.s), times(sum(of(term.in[1]), w), term.t));
  return of(step(LoopCode::Sum, {i}, 1));
}

LoopValue LoopBuilder::sum(const LoopValue& a, std::int64_t w) {
  const auto count = static_cast<double>(w);
  if (a.term < 0) return number(a.shift * count);
  if (at(a.term).width == 1) return times(a, count);
  return affine(sumOf(a.term, w), a.factor, a.shift * count);
}

LoopValue LoopBuilder::logSum(const LoopValue& a, std::int64_t w) {
  const int found = settle(a);
  const int in = full(of(found), w, at(found).perRow);
  return of(step(LoopCode::LogSum, {in}, 1));
}

LoopValue LoopBuilder::shares(const LoopValue& a, std::int64_t w) {
  const LoopValue sum = logSum(a, w);
  LoopTerm term = at(sum.term);
  term.form = Form::Second;
  term.in = {sum.term};
  term.width = w;
  return of(push(std::move(term)));
}

// The one number that a term holds for all its columns, where it was made of one.
int LoopBuilder::broadcastIn(int i) const {
  const LoopTerm& term = at(i);
  const bool copies = term.form == Form::Step && term.code == LoopCode::Affine && term.s == 1 && term.t == 0;
  return copies && term.width > 1 && at(term.in[0]).width == 1 ? term.in[0] : i;
}

LoopValue LoopBuilder::piece(const LoopValue& a, std::int64_t first, std::int64_t count) {
  if (a.term < 0 || at(a.term).width == 1 || at(a.term).width == count) return a;
  const LoopTerm from = at(a.term);
  if (from.form == Form::Piece) return piece({a.factor, a.shift, from.in[0]}, from.first + first, count);
  if (from.form == Form::Join) {
    std::int64_t begin = 0;
    for (const int part : from.in) {
      const std::int64_t width = at(part).width;
      if (first >= begin && first + count <= begin + width)
        return piece({a.factor, a.shift, broadcastIn(part)}, first - begin, count);
      begin += width;
    }
  }
  // A product of joined parts is one of the parts.
  const auto joined = [&](int i) { return at(i).form == Form::Join || at(i).width == 1; };
  if (from.form == Form::Step && from.code == LoopCode::Product && joined(from.in[0]) && joined(from.in[1])) {
    const LoopValue parts = product(piece(of(from.in[0]), first, count), piece(of(from.in[1]), first, count));
    return affine(affine(parts, from.s, from.t), a.factor, a.shift);
  }
  LoopTerm term;
  term.form = Form::Piece;
  term.in = {a.term};
  term.first = first;
  term.width = count;
  term.perRow = from.perRow;
  return {a.factor, a.shift, push(std::move(term))};
}

LoopValue LoopBuilder::join(const std::vector<LoopPart>& parts, bool perRow) {
  if (parts.size() == 1) return parts[0].value;
  LoopTerm term;
  term.form = Form::Join;
  term.perRow = perRow;
  term.width = 0;
  for (const LoopPart& part : parts) {
    term.in.push_back(full(part.value, part.width, perRow));
    term.width += part.width;
  }
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::symmetric(const LoopValue& a, int parameter, std::int64_t w) {
  LoopTerm term = rowTerm(LoopCode::Symmetric, {full(a, w, true)}, w);
  term.index = parameter;
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::matrix(const LoopValue& a, int matrix, std::int64_t w) {
  LoopTerm term = rowTerm(LoopCode::Symmetric, {full(a, w, true)}, w);
  term.matrix = matrix;
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::distances(const LoopValue& a, std::int64_t columns, int centres,
                                 const std::vector<double>& scales, std::int64_t w) {
  LoopTerm term = rowTerm(LoopCode::Distances, {full(a, columns, true)}, w);
  term.index = centres;
  term.scales = scales;
  return of(push(std::move(term)));
}

LoopValue LoopBuilder::distanceSlopes(const LoopValue& a, std::int64_t columns, int centres,
                                      const std::vector<double>& scales, const LoopValue& g, std::int64_t w) {
  LoopTerm term = rowTerm(LoopCode::DistanceSlopes, {full(a, columns, true), full(g, w, true)}, columns);
  term.index = centres;
  term.scales = scales;
  return of(push(std::move(term)));
}

}  // namespace langevin
