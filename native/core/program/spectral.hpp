// Spectral normalisation (Miyato, Kataoka, Koyama and Yoshida 2018): the weight of a layer is c W / s(W), s the largest
// singular value, so the layer is c-Lipschitz whatever W is.
//
// Names and rules are those of torch.nn.utils.parametrizations.spectral_norm: the learned W is
// "<layer>.parametrizations.weight.original", the buffers "<layer>.parametrizations.weight.0._u" and "._v" hold unit
// vectors, s = u' W v, and gradients go through W with u and v held fixed: ds / dW = u v', which is exact where they
// are the singular vectors. Buffers change between optimiser steps only, by one power iteration each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "program/parameters.hpp"

namespace langevin {

/// Fresh layers: u and v, drawn from N(0, 1), are made unit vectors and go through 16 power iterations, PyTorch's
/// fifteen and the one of its check.
void startSpectralNorms(const Program& program, const Parameters& parameters);

/// u = W v / |W v|, v = W' u / |W' u|, in every spectrally normalised layer of the program.
void iterateSpectralNorms(const Program& program, const Parameters& parameters);

/// The same until s stands still, in the layers whose W is among `given` and whose buffers are not; all where nothing
/// is given.
void settleSpectralNorms(const Program& program, const Parameters& parameters,
                         const std::vector<std::pair<std::string, at::Tensor>>& given = {});

}  // namespace langevin
