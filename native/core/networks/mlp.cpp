// mlp: Linear, activation, ..., Linear; the state dict of the torch.nn.Sequential with the same modules.
#include "networks/layers.hpp"
#include "networks/registry.hpp"

namespace langevin {

int addMlp(const NetworkCall& call) {
  const std::int64_t out = call.spec.has("output") || call.out == 0 ? call.spec.count("output") : call.out;
  return hiddenStack(call.b, call.x, call.spec, out, call.prefix);
}

}  // namespace langevin
