// Threads of the pool have no settings of LibTorch here.
#include "base/threads.hpp"

namespace langevin {

void beginWorker() {}

}  // namespace langevin
