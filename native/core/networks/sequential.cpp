// sequential: any list of layers; the state dict of the torch.nn.Sequential with the same modules. A residual layer is
// a module whose attribute `body` is a torch.nn.Sequential.
#include "networks/layers.hpp"
#include "networks/registry.hpp"

namespace langevin {

int addSequential(const NetworkCall& call) {
  return layerList(call.b, call.x, call.spec.at("layers"), call.label, call.prefix);
}

std::int64_t sequentialClasses(const Spec& spec) { return embeddedClasses(spec.at("layers")); }

}  // namespace langevin
