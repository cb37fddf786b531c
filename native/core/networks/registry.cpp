// kind -> how a network of that kind is added to a program. A new one is one file, its name in the list of declarations
// and its row.
#include "networks/registry.hpp"

#include "base/registry.hpp"
#include "networks/layers.hpp"

namespace langevin {

AddNetwork addMlp, addConv, addSequential;
std::int64_t sequentialClasses(const Spec& spec);

namespace {

struct NetworkKind {
  AddNetwork* add;
  std::int64_t (*classes)(const Spec& spec);  // null: it embeds no class
};

const Registry<NetworkKind>& networkRegistry() {
  static const Registry<NetworkKind> registry = {
      "network",
      {
          {"mlp", {addMlp, nullptr}},
          {"conv", {addConv, nullptr}},
          {"sequential", {addSequential, sequentialClasses}},
      },
  };
  return registry;
}

}  // namespace

int addNetwork(const NetworkCall& call) {
  const NetworkKind& kind = networkRegistry().find(call.spec);
  if (const auto input = call.spec.find("input")) {
    const Shape said = Shape::read(*input), &in = call.b.shape(call.x);
    if (said != in && said.flat() && in.flat())
      input->invalid("is " + std::to_string(said.numel()) + ", and the network stands where it gets " +
                     std::to_string(in.numel()) + " columns; leave it out");
    if (said != in)
      input->invalid("is " + said.text() + ", and the network stands where it gets rows of shape " + in.text() +
                     "; leave it out");
  }
  if (kind.classes && call.label < 0 && kind.classes(call.spec) > 0)
    call.spec.invalid("has an embedding layer, and there is no class y for it to embed");
  const int outputs = kind.add(call);
  if (call.out > 0 && call.b.shape(outputs) != Shape(call.out))
    call.spec.invalid("gives " +
                      (call.b.shape(outputs).flat() ? std::to_string(call.b.width(outputs)) + " columns"
                                                    : "rows of shape " + call.b.shape(outputs).text()) +
                      ", and " + std::to_string(call.out) + " are needed here");
  return outputs;
}

std::int64_t networkClasses(const Spec& spec) {
  const NetworkKind& kind = networkRegistry().find(spec);
  return kind.classes ? kind.classes(spec) : 0;
}

Program lowerNetwork(const Spec& spec) {
  Builder b(spec.kind());
  const std::int64_t classes = networkClasses(spec);
  const int x = b.input(Shape::read(spec.at("input")));
  const int label = classes > 0 ? b.classCondition(classes) : -1;
  b.setOutputs(addNetwork({b, x, spec, label, 0, ""}));
  return b.finish();
}

std::vector<std::string> networkKinds() { return networkRegistry().kinds(); }

int headNetwork(Builder& b, int x, const Spec& head, std::int64_t out, const std::string& prefix, int label) {
  const auto network = head.find("network");
  if (!network) return hiddenStack(b, x, head, out, prefix);
  if (head.has("hidden")) head.at("hidden").invalid("describes a network of its own: give either hidden or network");
  return addNetwork({b, x, *network, label, out, prefix});
}

}  // namespace langevin
