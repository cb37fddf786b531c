// A program as plain numbers, without Torch: what the fused kernels of the CPU are compiled from, in the core and in the
// scorer alike (native/scorer), and what a scorer file holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace langevin {

struct PlainNode {
  std::string op;
  std::vector<int> inputs;      // earlier nodes
  std::vector<int> parameters;  // indices into PlainProgram::parameters
  std::vector<int> constants;   // indices into PlainProgram::constants
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  std::int64_t width = 0;  // columns of the value
};

struct PlainParameter {
  std::int64_t count = 0;  // numbers
  bool learnable = true;
};

struct PlainProgram {
  std::vector<PlainNode> nodes;
  std::vector<PlainParameter> parameters;
  std::vector<std::vector<double>> constants;
  std::int64_t inputWidth = 0;
  double workPerRow = 0;                            // as Program::workPerRow: tiles are cut by it
  int energy = -1, jointEnergy = -1, outputs = -1;  // nodes
  bool optionalCondition = false;
  std::int64_t conditionWidth = 0;  // columns of y; 0: none
  std::int64_t classes = 0;         // of y where it is a class; 0: it is none
};

/// Numbers of all values of a row together that a program from a file may have.
constexpr std::int64_t kMostNumbersPerRow = 1 << 20;

/// ERR_LANGEVIN_FORMAT, naming the node, unless every index lies in its list, every input before its node, and every
/// operation finds as many inputs, parameters, constants and columns as its kernels read. Programs from files are
/// checked; those that a Builder made are sound.
void requireSound(const PlainProgram& program);

}  // namespace langevin
