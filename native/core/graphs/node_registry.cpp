// kind -> what makes a network of nodes. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "graphs/node_network.hpp"

namespace langevin {

using MakeNodeNetwork = std::unique_ptr<NodeNetwork>(const Spec&, std::int64_t features, std::int64_t classes);
MakeNodeNetwork makeAppnp, makeGat, makeGcn, makeGin, makeNodeMlp, makeSage;

namespace {

const Registry<MakeNodeNetwork*>& nodeNetworkRegistry() {
  static const Registry<MakeNodeNetwork*> registry = {
      "network of nodes",
      {
          {"appnp", makeAppnp},
          {"gat", makeGat},
          {"gcn", makeGcn},
          {"gin", makeGin},
          {"nodeMlp", makeNodeMlp},
          {"sage", makeSage},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<NodeNetwork> makeNodeNetwork(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return nodeNetworkRegistry().find(spec)(spec, features, classes);
}

std::vector<std::string> nodeNetworkKinds() { return nodeNetworkRegistry().kinds(); }

}  // namespace langevin
