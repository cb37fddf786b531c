// The operation table, by family. A new operation is one row in one of these, and one in op_traits.cpp.
#pragma once

#include <vector>

#include "program/program.hpp"

namespace langevin {

/// Rows of a table, each with the traits of its name.
std::vector<OpDefinition> withTraits(std::vector<OpDefinition> rows);

const std::vector<OpDefinition>& elementwiseOperations();
const std::vector<OpDefinition>& activationOperations();
const std::vector<OpDefinition>& reductionOperations();
const std::vector<OpDefinition>& layerOperations();
const std::vector<OpDefinition>& imageOperations();
const std::vector<OpDefinition>& spectralOperations();

/// Of all tables, sorted.
std::vector<std::string> operationNames();

/// "silu, gelu, ...", for messages.
std::string activationNames(bool smoothOnly = false);

}  // namespace langevin
