// Threads of the pool call LibTorch, which wants to be asked first.
#include "base/threads.hpp"
#include "base/torch.hpp"

namespace langevin {

void beginWorker() { at::init_num_threads(); }

}  // namespace langevin
