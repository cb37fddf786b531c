// From terms to steps: where every value of a block lies, and what is done to it in which order.
#pragma once

#include <algorithm>
#include <vector>

#include "executors/cpu/loop_program.hpp"

namespace langevin {

template <class T>
class LoopPlanner {
 public:
  using Program = LoopProgramOf<T>;
  using Form = LoopTerm::Form;

  LoopPlanner(const LoopTerms& terms, Program& program) : terms_(terms), program_(program) {}

  /// `energy`, `gradient`: wanted.
  typename Program::Plan plan(bool energy, bool gradient, std::int64_t rows);

 private:
  struct Place {
    int region = -1;
    std::int64_t offset = 0;
    std::int64_t stride = 0;  // to the next row, or, of turned rows, to the next column
  };
  struct Buffer {
    std::int64_t offset, size;
  };

  const LoopTerm& at(int i) const { return terms_.terms[static_cast<std::size_t>(i)]; }
  static bool elementwise(LoopCode code) { return code <= LoopCode::LessEqual || code == LoopCode::Where; }
  bool turned() const { return program_.turned_; }
  int size() const { return static_cast<int>(terms_.terms.size()); }
  // A column that is taken out of wide rows becomes an array of its own.
  bool picked(int i) const {
    const LoopTerm& t = at(i);
    return t.form == Form::Piece && !turned() && t.perRow && t.width == 1 && at(t.in[0]).width > 1;
  }

  void mark(int root);
  int ownerOf(int i) const;
  void joins();
  void shifts();
  void lifetimes();
  void roots(bool energy, bool gradient);
  Place take(int i);
  void free(const Place& place, int i);
  Place placeOf(int i);
  LoopOrder orderOf(const LoopTerm& t) const;
  LoopView view(int i, const LoopTerm& of);
  LoopView whole(int i);
  LoopView viewOf(const Place& p) const { return {p.region, false, p.offset, p.stride}; }
  int pointer(LoopPointer::To to, int index);
  std::int64_t number(double value);
  void push(const LoopTerm& t, LoopStepOf<T> step) { (t.perRow ? plan_.steps : plan_.fixed).push_back(step); }
  void emit(int i);
  void emitStep(int i);
  void reads(const LoopTerm& t, LoopStepOf<T>& step);
  void emitJoin(int i);
  void copy(int from, const Place& to, const LoopTerm& as, double s);
  void end(int i);

  const LoopTerms& terms_;
  Program& program_;
  typename Program::Plan plan_;
  int energy_ = -1, gradient_ = -1;
  std::vector<char> live_, freed_, shifted_;
  std::vector<int> uses_, lastUse_, joinOf_, second_;
  std::vector<std::int64_t> joinOffset_;
  std::vector<Place> places_;
  std::vector<Buffer> free_;
  std::vector<std::vector<int>> ending_;  // by term: those whose last reader it is
};

}  // namespace langevin
