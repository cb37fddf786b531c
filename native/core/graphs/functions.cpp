// The functions this module offers to the binding.
#include "graphs/tables.hpp"

namespace langevin {

const std::vector<Function>& graphFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    for (const auto* part :
         {&graphDataFunctions(), &nodeNetworkFunctions(), &splitFunctions(), &nodeScoreFunctions(), &shiftFunctions()})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  }();
  return table;
}

}  // namespace langevin
