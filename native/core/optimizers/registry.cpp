// kind -> optimiser. A new one is one file and one line here.
#include "base/registry.hpp"
#include "optimizers/optimizer.hpp"

namespace langevin {
namespace {

using Make = std::unique_ptr<Optimizer> (*)(const Spec&, bool);

const std::vector<Registered<Make>>& table() {
  static const std::vector<Registered<Make>> rows = {{"sgd", makeSgd}, {"adam", makeAdam}, {"adamw", makeAdamw}};
  return rows;
}

}  // namespace

std::unique_ptr<Optimizer> makeOptimizer(const Spec& spec, bool decay) {
  return findKind(table(), spec, "optimizer").make(spec, decay);
}

Schedule learningRate(const Spec& spec) {
  // Zero is allowed inside a schedule: cosine decay to 0 is the common case.
  return Schedule::read(spec.at("lr"), spec.at("lr").value().map() != nullptr);
}

}  // namespace langevin
