// graph.split: which nodes are trained on, validated on and tested on.
#include <algorithm>
#include <cmath>

#include "base/function.hpp"
#include "graphs/tables.hpp"
#include "tensors/random.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

using Nodes = std::vector<std::int64_t>;

// The nodes of a class in an order of the seed's.
Nodes shuffled(const Nodes& nodes, const Random& random, std::uint64_t label) {
  const at::Tensor order = random.permutation(static_cast<std::int64_t>(nodes.size()), label, Stream::User);
  Nodes result;
  for (std::size_t k = 0; k < nodes.size(); ++k)
    result.push_back(nodes[static_cast<std::size_t>(order.const_data_ptr<std::int64_t>()[k])]);
  return result;
}

Value sorted(Nodes nodes) {
  std::sort(nodes.begin(), nodes.end());
  return box(at::tensor(nodes, at::kLong));
}

[[noreturn]] void tooFew(std::int64_t label, std::int64_t count, std::int64_t test, std::int64_t train) {
  throw Error(Code::InvalidOption,
              "class " + std::to_string(label) + " has " + std::to_string(count) + " nodes; the test set takes " +
                  std::to_string(test) + " of them, and " + std::to_string(train) +
                  " are to be trained on: give a smaller perClass or test, or leave the class out",
              {{"class", label}, {"nodes", count}, {"test", test}, {"perClass", train}});
}

// { labels, classes, perClass, test, testSeed, seed } -> { train, validation, test }: numbers of nodes, ascending
Value split(const Spec& a, Job&) {
  const at::Tensor labels = unbox(a.at("labels")).contiguous();
  std::vector<Nodes> classes(static_cast<std::size_t>(a.count("classes", 1)));
  for (std::int64_t node = 0; node < labels.numel(); ++node) {
    const std::int64_t label = labels.const_data_ptr<std::int64_t>()[node];
    if (label >= 0) classes.at(static_cast<std::size_t>(label)).push_back(node);
  }
  const std::int64_t perClass = a.count("perClass", 0);
  const double share = a.probability("test", 0.2);
  const Random testRandom(a.at("testSeed").seed()), random(a.at("seed").seed());
  Nodes train, validation, test;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const auto label = static_cast<std::int64_t>(c), count = static_cast<std::int64_t>(classes[c].size());
    const std::int64_t tested = std::llround(share * static_cast<double>(count));
    if (count - tested < perClass) tooFew(label, count, tested, perClass);
    const Nodes order = shuffled(classes[c], testRandom, c);
    test.insert(test.end(), order.begin(), order.begin() + tested);
    Nodes rest(order.begin() + tested, order.end());
    std::sort(rest.begin(), rest.end());  // so that the training nodes depend on their own seed alone
    rest = shuffled(rest, random, c);
    train.insert(train.end(), rest.begin(), rest.begin() + perClass);
    validation.insert(validation.end(), rest.begin() + perClass, rest.end());
  }
  return Map{{"train", sorted(train)}, {"validation", sorted(validation)}, {"test", sorted(test)}};
}

}  // namespace

const std::vector<Function>& splitFunctions() {
  static const std::vector<Function> table = {{"graph.split", Lane::Immediate, split}};
  return table;
}

}  // namespace langevin
