// The functions this room offers to the binding.
#include "functions.hpp"

namespace langevin {

const std::vector<Function>& samplerFunctions() {
  static const std::vector<Function> table = {};
  return table;
}

}  // namespace langevin
