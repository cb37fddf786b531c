// One row of the table behind api.hpp: a named function from a value tree to a value tree, and the lane it runs in.
#pragma once

#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"

namespace langevin {

/// How a function may be called: Immediate ones are short enough for the JavaScript thread, Queued ones run as jobs on
/// the runtime thread.
enum class Lane { Immediate, Queued };

struct Function {
  const char* name;
  Lane lane;
  Value (*body)(const Spec& arguments, Job& job);
};

}  // namespace langevin
