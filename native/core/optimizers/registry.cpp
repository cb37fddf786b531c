// kind -> optimiser. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "optimizers/optimizer.hpp"

namespace langevin {

using MakeOptimizer = std::unique_ptr<Optimizer>(const Spec&, bool decay);
MakeOptimizer makeSgd, makeAdam, makeAdamw;

namespace {

const Registry<MakeOptimizer*>& optimizerRegistry() {
  static const Registry<MakeOptimizer*> registry = {
      "optimizer",
      {
          {"sgd", makeSgd},
          {"adam", makeAdam},
          {"adamw", makeAdamw},
      },
  };
  return registry;
}

}  // namespace

std::unique_ptr<Optimizer> makeOptimizer(const Spec& spec, bool decay) {
  return optimizerRegistry().find(spec)(spec, decay);
}

Schedule learningRate(const Spec& spec) {
  // Zero is allowed inside a schedule: cosine decay to 0 is the common case.
  return Schedule::read(spec.at("lr"), spec.at("lr").value().map() != nullptr);
}

}  // namespace langevin
