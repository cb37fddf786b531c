// The option `on`: which blocks of columns something is for.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/spec.hpp"
#include "program/domain.hpp"

namespace langevin {

/// Words of Domain::blocksOf, or numbers of blocks, as one entry or a list.
class BlockWords {
 public:
  static BlockWords read(const Spec& on);
  /// In the order of the columns, each once. ERR_LANGEVIN_INVALID_OPTION where there are no such columns.
  std::vector<std::size_t> in(const Domain& domain) const;

 private:
  using Entry = std::variant<std::string, std::int64_t>;
  [[noreturn]] void refuse(const Entry& entry, const Domain& domain) const;

  std::vector<Entry> entries_;
  std::string path_;
};

}  // namespace langevin
