// The kinds of a family and what makes each, and the error for a kind there is not. A family's registry.cpp declares its
// factories itself, so that a new kind recompiles its own file and that table and nothing else.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"

namespace langevin {

template <class Make>
class Registry {
 public:
  struct Row {
    const char* kind;
    Make make;
  };

  /// `family` is what messages call one of them: "sampler".
  Registry(const char* family, std::vector<Row> rows) : family_(family), rows_(std::move(rows)) {}

  /// What makes the kind that `spec` names. @throws Error naming the kinds there are
  const Make& find(const Spec& spec) const {
    const std::string& kind = spec.kind();
    for (const Row& row : rows_)
      if (kind == row.kind) return row.make;
    std::string known;
    for (const Row& row : rows_) known += std::string(known.empty() ? "" : ", ") + row.kind;
    spec.at("kind").invalid(std::string("unknown ") + family_ + " '" + kind + "'; known: " + known);
  }

  std::vector<std::string> kinds() const {
    std::vector<std::string> names;
    for (const Row& row : rows_) names.emplace_back(row.kind);
    return names;
  }

  const std::vector<Row>& rows() const { return rows_; }

 private:
  const char* family_;
  std::vector<Row> rows_;
};

}  // namespace langevin
