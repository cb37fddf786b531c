// A fixed law of bits that an energy is learned on top of.
#pragma once

#include "program/builder.hpp"

namespace langevin {

/// `bernoulliBase: p` of a spec takes x' log(p / (1 - p)) off an energy of bits x: without the rest of it every bit is 1
/// with its own probability p. Numbers of the spec: neither trained nor kept elsewhere.
int withBernoulliBase(Builder& b, int energy, int x, const Spec& spec);

}  // namespace langevin
