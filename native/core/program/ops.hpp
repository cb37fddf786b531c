// The operation table, by family. A new operation is one row in one of these.
#pragma once

#include <vector>

#include "program/program.hpp"

namespace langevin {

const std::vector<OpDefinition>& elementwiseOperations();
const std::vector<OpDefinition>& activationOperations();
const std::vector<OpDefinition>& reductionOperations();
const std::vector<OpDefinition>& layerOperations();
const std::vector<OpDefinition>& spectralOperations();

/// "silu, gelu, ...", for messages.
std::string activationNames(bool smoothOnly = false);

}  // namespace langevin
