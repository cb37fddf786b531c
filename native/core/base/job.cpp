#include "base/job.hpp"

namespace langevin {
namespace {
thread_local Job* current = nullptr;
}

JobScope::JobScope(Job* job) : before_(current) { current = job; }
JobScope::~JobScope() { current = before_; }

Job* currentJob() { return current; }

}  // namespace langevin
