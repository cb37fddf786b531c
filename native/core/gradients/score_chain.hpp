// Scores of multilayer perceptrons, curvatures v' (d2E/dx2) v along given directions, and the gradient of any weighted
// sum of both in the parameters, without a tape of derivatives of derivatives.
//
// Letters: a_0 = c x, z_l = W_l a_{l-1} + b_l, a_l = f(z_l), E = w . a_H + a number. Along a direction v_k every layer
// has a tangent: z'_l = W_l a'_{l-1}, a'_l = f'(z_l) z'_l, a'_0 = c v_k. The score is one pass of dE/da_l and dE/dz_l
// down, and with those a curvature is a sum over the layers:
//   v' (d2E/dx2) v = sum_l dE/da_l . f''(z_l) z'_l^2
//
// An objective then asks for d/dtheta of L = sum_i u_i . s_i + sum_ik c_ik v_ik' (d2E_i/dx2) v_ik with u and c fixed. L
// is what one more pass up makes,
//   y_l = W_l b_{l-1},  b_l = f'(z_l) y_l + f''(z_l) sum_k c_k z'_kl^2,  b_0 = -c u,  L = sum_i w . b_H
// whose adjoints of b_l and y_l are dE/da_l and dE/dz_l again. What is left of the pass down are the adjoints of z'_k
// and z. With m directions that makes 3 m + 6 products of a layer's matrix for value and gradient; second-order
// tangents and a score of its own, each with a pass down, would take 5 m + 9.
//
// evaluate() and parameterGradient() come twice: on tensors (any dtype, any device; score_chain_tensors.cpp) and on a
// tile of float32 rows in the fused kernels of the CPU (score_chain_tile.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executors/cpu/tile_program.hpp"
#include "program/program.hpp"

namespace langevin {

class ScoreChain {
 public:
  /// Null unless E is Linear(f(Linear(... f(Linear(c x))))) with smooth f, alone or with a Gaussian base that is not
  /// learned, and without a condition.
  static std::unique_ptr<ScoreChain> compile(const Program& program);

  /// What evaluate() leaves for parameterGradient(): a tensor a layer, with m directions.
  struct Record {
    std::vector<at::Tensor> entering;               // [a'_1, ..., a'_m, a] below the layer, [m + 1, n, width]
    std::vector<at::Tensor> tangents;               // z', [m, n, width]
    std::vector<at::Tensor> slopes, second, third;  // f'(z), f''(z), f'''(z)
    std::vector<at::Tensor> adjoints;               // dE/da
    std::vector<at::Tensor> products;               // dE/dz
  };
  /// Of x [n, d] and directions [n, m, d] (undefined: none): the score -dE/dx and behind it the m curvatures,
  /// [n, d + m]. `parameters` in the order of the program.
  at::Tensor evaluate(const std::vector<at::Tensor>& parameters, const at::Tensor& x, const at::Tensor& directions,
                      Record& record) const;
  /// d/dparameters of sum outer . value with the value of evaluate(), in the order of the program; undefined where
  /// there is none.
  std::vector<at::Tensor> parameterGradient(const std::vector<at::Tensor>& parameters, const Record& record,
                                            const at::Tensor& outer) const;

  /// Directions [rows, count, d] of a tile; count 0: none.
  struct Directions {
    const float* data = nullptr;
    std::int64_t count = 0;
  };
  /// The same on a tile; what is kept lies in `ws`.
  void evaluate(const TileProgram::Packed& packed, const TileInput& in, Directions directions, TileWorkspace& ws,
                float* value) const;
  /// Adds the gradient to `flat`, [P]. Uses up what evaluate() left in `ws`.
  void parameterGradient(const TileProgram::Packed& packed, const TileInput& in, Directions directions,
                         TileWorkspace& ws, const float* outer, float* flat) const;

 private:
  struct Layer {
    int weight = -1, bias = -1;       // parameters; bias -1: none
    std::optional<Unary> activation;  // of its output; none for the last layer
    std::int64_t in = 0, out = 0;
  };
  struct Tile;
  bool readChain(const Program& program, int node);
  bool readBase(const Program& program, int node);
  Tile layout(const TileProgram::Packed& packed, const TileInput& in, Directions directions, TileWorkspace& ws) const;
  void timesBase(const Tile& tile, const float* x, std::int64_t rows) const;
  void addBase(const Tile& tile, float* value) const;

  std::vector<Layer> layers_;          // first to last
  std::vector<std::int64_t> offsets_;  // of every parameter in a flat gradient; -1: not learnable
  double scale_ = 1;                   // c
  double round_ = 0;                   // base: round |x|^2 / 2
  int mean_ = -1, precision_ = -1;     // base: (x - m)' P (x - m) / 2
};

/// Whether the operation is an activation with the derivatives that a chain needs: three.
bool isSmoothActivation(const OpDefinition& op);

}  // namespace langevin
