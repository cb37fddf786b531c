// Second derivatives of a tile program: what an operation does with tangents.
//
// An objective on scores needs d/dtheta of sum_i v_i . dE/dx_i for a fixed v. That sum is the derivative of E along v,
// so its gradient is one pass of tangents forward along v and one pass back. Half of the pass back is known already:
// the adjoints of the tangents are the adjoints that gave dE/dx. What is left are the matrix products themselves;
// autograd through autograd does the same ones with several times the operations around them.
#pragma once

#include "executors/cpu/tile_ops.hpp"

namespace langevin {

template <class T>
struct TileProgramOf<T>::SecondPass {
  Pass values;                  // values, and adjoints dE/dnode
  Pass tangents;                // tangents along v, and adjoints of the values in the gradient of sum_i v_i . dE/dx_i
  std::size_t zeroNumbers = 0;  // how many tangents.zeros has
};

/// One operation in both.
template <class T>
struct SecondCallOf {
  TileCallOf<T> values, tangents;
};

template <class T>
struct SecondOpOf {
  const char* name;
  /// The tangent of the node from those of its inputs.
  void (*tangent)(SecondCallOf<T>&);
  /// From the adjoint of the node's value to those of its inputs' values, and parameter gradients.
  void (*backward)(SecondCallOf<T>&);
  bool reachesInput = true;  // false: its backward ends here, so nothing below it may be learned
};

template <class T>
const SecondOpOf<T>* findSecondOp(const std::string& name);

}  // namespace langevin
