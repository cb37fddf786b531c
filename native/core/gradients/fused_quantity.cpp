#include "gradients/fused_quantity.hpp"

#include <cstdlib>
#include <string>

#include "base/error.hpp"

namespace langevin {

CompiledNetwork::CompiledNetwork(const Network& of) : network(of) {
  if (!of.isEnergy()) return;
  const Program& program = of.program();
  std::string reason;
  if (of.tiles()) second = TileProgram::compileSecondOrder(program, of.parameters(), reason);
  // The switch that keeps energies to the plain path keeps their derivatives to it as well.
  const char* executor = std::getenv("LANGEVIN_EXECUTOR");
  if (!executor || std::string(executor) != "aten") chain = ScoreChain::compile(program);
}

void FusedQuantity::inputGradient(const FusedTile&, const float*, float*) const {
  fail(Code::Internal, "a fused quantity without gradients in x was asked for one");
}

}  // namespace langevin
