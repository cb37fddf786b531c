// The functions this module offers to the binding: toy distributions, spandrel shapes, tables.
#include "base/function.hpp"

#include "data/data.hpp"

namespace langevin {

const std::vector<Function>& dataFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    for (const auto* part :
         {&toyFunctions(), &pictureFunctions(), &spandrelFunctions(), &tableFunctions(), &fitFunctions()})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  }();
  return table;
}

}  // namespace langevin
