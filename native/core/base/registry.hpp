// A table of named factories, and the error for a name that is not in it.
#pragma once

#include <string>
#include <vector>

#include "base/spec.hpp"

namespace langevin {

template <class Make>
struct Registered {
  const char* kind;
  Make make;
};

template <class Make>
const Registered<Make>& findKind(const std::vector<Registered<Make>>& table, const Spec& spec, const char* family) {
  const std::string& kind = spec.kind();
  for (const auto& row : table)
    if (kind == row.kind) return row;
  std::string known;
  for (const auto& row : table) known += std::string(known.empty() ? "" : ", ") + row.kind;
  spec.at("kind").invalid(std::string("unknown ") + family + " '" + kind + "'; known: " + known);
}

template <class Make>
std::vector<std::string> kindsOf(const std::vector<Registered<Make>>& table) {
  std::vector<std::string> kinds;
  for (const auto& row : table) kinds.emplace_back(row.kind);
  return kinds;
}

}  // namespace langevin
