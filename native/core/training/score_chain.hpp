// Scores of multilayer perceptrons and their parameter gradients without a tape of second derivatives.
//
// An objective on scores needs d/dtheta of sum_i v_i . dE/dx_i for a fixed v. That sum is the directional derivative of
// E along v, so its gradient is one forward pass of tangents along v and one reverse pass. Half of the reverse pass is
// known already: the adjoints of the tangents are the adjoints that gave dE/dx. What is left are the matrix products
// themselves; autograd through autograd does the same ones with several times the operations around them. Curvatures
// along given directions go the same way with second-order tangents (score_chain_curvature.cpp).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "energies/program.hpp"

namespace langevin {

class ScoreChain {
 public:
  /// Null unless E is Linear(f(Linear(... f(Linear(c x))))) with smooth f, alone or with a Gaussian base that is not
  /// learned, and without a condition.
  static std::unique_ptr<ScoreChain> compile(const Program& program);

  /// What score() leaves for parameterGradient(), a tensor [n, width] a layer; what curvature() adds, [2 m + 1, n,
  /// width].
  struct Record {
    std::vector<at::Tensor> sums;         // z_l
    std::vector<at::Tensor> inputs;       // a_{l-1}: what the linear layer saw
    std::vector<at::Tensor> slopes;       // f'(z_l)
    std::vector<at::Tensor> curvatures;   // f''(z_l)
    std::vector<at::Tensor> adjoints;     // dE/da_l
    std::vector<at::Tensor> products;     // dE/dz_l
    std::vector<at::Tensor> entering;     // [a'', a', a]_{l-1}: derivatives along the directions, then the value
    std::vector<at::Tensor> derivatives;  // [z'', z']_l
  };

  /// -dE/dx of x [n, d]. `parameters` in the order of the program.
  at::Tensor score(const std::vector<at::Tensor>& parameters, const at::Tensor& x, Record& record) const;
  /// d/dparameters of sum_i outer_i . score_i, in the order of the program; undefined where there is none.
  std::vector<at::Tensor> parameterGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                            const at::Tensor& outer) const;

  /// v' (d2E/dx2) v of every direction, [n, m], for directions [n, m, d]; after score() on the same record.
  at::Tensor curvature(const std::vector<at::Tensor>& parameters, const at::Tensor& directions, Record& record) const;
  /// Adds d/dparameters of sum_im outer_im curvature_im to what parameterGradient() gave.
  void addCurvatureGradient(const std::vector<at::Tensor>& parameters, const Record& record, const at::Tensor& outer,
                            std::vector<at::Tensor>& gradients) const;

 private:
  struct Layer {
    int weight = -1, bias = -1;  // parameters; bias -1: none
    std::string activation;      // of its output; empty for the last layer
  };
  bool readChain(const Program& program, int node);
  bool readBase(const Program& program, int node);

  std::vector<Layer> layers_;  // first to last
  double scale_ = 1;           // c
  double round_ = 0;           // base: round |x|^2 / 2
  int mean_ = -1, precision_ = -1;
};

}  // namespace langevin
