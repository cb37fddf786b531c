// Vector fields g: R^d -> R^d of multilayer perceptrons, their traces sum_k v_k' (dg/dx) v_k (the divergence, where the
// v_k are the axes) and the parameter gradient of both, without a tape of second derivatives.
//
// Every layer has a value and a tangent along each v_k: z = W a + b, z_k = W a_k, a_k = f'(z) z_k. They lie in one
// tensor, the tangents first, so that each layer is one matrix product; the reverse pass over them is the same in the
// other direction and needs f'' at most.
#pragma once

#include <memory>
#include <vector>

#include "program/program.hpp"

namespace langevin {

class DivergenceChain {
 public:
  /// Null unless the outputs are Linear(f(Linear(... f(Linear(x))))) with smooth f of x, or of the first columns of the
  /// rows, as many as there are outputs.
  static std::unique_ptr<DivergenceChain> compile(const Program& program);

  /// Of a hidden layer: sums [z_1 .. z_m, z], f'(z) and what leaves it, [a_1 .. a_m, a]; then what the reverse pass
  /// needs room for. [m + 1, n, width] or [1, n, width].
  struct Hidden {
    at::Tensor sums, slope, leaving;
    at::Tensor adjoints, turned;
  };
  /// What evaluate() finds, and leaves for parameterGradient(). A record that was used before is written over.
  struct Record {
    at::Tensor value;     // g(x) [n, d]
    at::Tensor trace;     // [n]
    at::Tensor entering;  // [v_1 .. v_m, x]
    at::Tensor outputs;   // [g_1 .. g_m, g]
    std::vector<Hidden> hidden;
  };
  /// x [n, d], directions [m, n, d]. `parameters` in the order of the program.
  void evaluate(const std::vector<at::Tensor>& parameters, const at::Tensor& x, const at::Tensor& directions,
                Record& record) const;
  /// d/dparameters of sum_i (outer_i . g(x_i) + weight trace_i), in the order of the program; undefined where
  /// there is none.
  std::vector<at::Tensor> parameterGradient(const std::vector<at::Tensor>& parameters, Record& record,
                                            const at::Tensor& outer, double weight) const;

 private:
  struct Layer {
    int weight = -1, bias = -1;  // parameters; bias -1: none
    Node activation;             // of its output, on its own; no operation: the last layer
  };

  std::vector<Layer> layers_;  // first to last
};

}  // namespace langevin
