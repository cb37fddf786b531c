#include "gradients/fused_quantity.hpp"

#include <cstdlib>
#include <string>

#include "program/plain.hpp"

namespace langevin {

CompiledNetwork::CompiledNetwork(const Network& of) : network(of) {
  if (!of.isEnergy()) return;
  const Program& program = of.program();
  std::string reason;
  of.withTiles([&]<class T>(const TileProgramOf<T>&) {
    std::get<std::unique_ptr<TileProgramOf<T>>>(second_) = TileProgramOf<T>::compileSecondOrder(plain(program), reason);
  });
  // The switch that keeps energies to the plain path keeps their derivatives to it as well.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (!executor || std::string(executor) != "aten") chain = ScoreChain::compile(program);
}

bool FusedQuantity::covers(const CompiledNetwork& compiled) const {
  bool found = false;
  compiled.network.withTiles(
      [&]<class T>(const TileProgramOf<T>&) { found = of<T>() != nullptr && of<T>()->covers(compiled); });
  return found;
}

}  // namespace langevin
