// One row of the table behind api.hpp: a named function from a value tree to a value tree, and the lane it runs in.
#pragma once

#include <vector>

#include "base/job.hpp"
#include "base/spec.hpp"

namespace langevin {

/// How a function may be called: Immediate ones are quick enough for the JavaScript thread, the others run as jobs.
/// Short ones (about as long as an evaluation of the given rows) have a thread of their own, beside the Queued ones,
/// which may take hours and run one after the other.
enum class Lane { Immediate, Short, Queued };

/// What a job does to the networks it is given. One that writes never runs beside another that uses the same network.
/// (Those that a caller takes for itself, as train() does, are written too.) One that peeks may be called while a run
/// trains the network: it reads under the lock of Network::inTraining(). Evaluates is for Immediate functions that read
/// the values of parameters: refused while a job is going to write them.
enum class Access { Reads, Writes, Peeks, Evaluates };

struct Function {
  const char* name;
  Lane lane;
  Value (*body)(const Spec& arguments, Job& job);
  Access access = Access::Reads;
};

}  // namespace langevin
