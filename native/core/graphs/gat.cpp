// gat: x_i <- sum_j a_ij W x_j + b, a_ij the softmax over i's neighbours and itself of leakyRelu(att_src . W x_j + att_dst .
// W x_i), in `heads` heads side by side; the last layer has one (Velickovic et al. 2018, equations 3 to 6). Parameters as GATConv
// of PyTorch Geometric: conv1.att_src, conv1.att_dst [1, heads, width], conv1.lin.weight, conv1.bias. Without edges a node
// attends to itself alone: x <- W x + b.
#include "graphs/attention.hpp"

namespace langevin {
namespace {

class Gat : public NodeNetwork {
 public:
  Gat(const Spec& spec, std::int64_t features, std::int64_t classes)
      : NodeNetwork(spec, features, classes),
        heads_(spec.count("heads", 1, 8)),
        slope_(spec.nonNegative("negativeSlope", 0.2)),
        selfLoops_(spec.boolean("selfLoops", true)) {
    for (std::int64_t l = 0; l < layers(); ++l) {
      const std::string name = "conv" + std::to_string(l + 1);
      const std::int64_t heads = headsOf(l), each = width(l + 1) / heads;
      if (each * heads != width(l + 1))
        spec.at("hidden").invalid("a layer of " + std::to_string(width(l + 1)) + " columns cannot be cut into " +
                                  std::to_string(heads) + " heads of equal width; give a multiple");
      add(name + ".lin.weight", {width(l + 1), width(l)}, glorot(width(l), width(l + 1)));
      add(name + ".att_src", {1, heads, each}, glorot(heads, each));
      add(name + ".att_dst", {1, heads, each}, glorot(heads, each));
      add(name + ".bias", {width(l + 1)}, zeros({width(l + 1)}));
    }
  }

  NodeValues forward(const NodePass& pass) const override {
    NodeValues values;
    LayerInput x(pass);
    for (std::int64_t l = 0; l < layers(); ++l) {
      const at::Tensor* p = pass.parameters.data() + 4 * l;  // weight, att_src, att_dst, bias
      const at::Tensor own = x.times(p[0]);
      const at::Tensor z = pass.edges ? attend(pass, own, p, l) : own;
      if (l + 1 < layers())
        x = activated(pass, z, p[3], l, values);
      else
        values.logits = z + p[3];
    }
    return values;
  }

 private:
  std::int64_t headsOf(std::int64_t layer) const { return layer + 1 < layers() ? heads_ : 1; }

  at::Tensor attend(const NodePass& pass, const at::Tensor& own, const at::Tensor* p, std::int64_t layer) const {
    const at::Tensor byHead = own.view({own.size(0), headsOf(layer), -1});
    const at::Tensor source = (byHead * p[1]).sum(-1), target = (byHead * p[2]).sum(-1);
    return attended(pass, pass.graph.attention(selfLoops_),
                    {own, source, target, slope_, static_cast<std::uint64_t>(layer)});
  }

  std::int64_t heads_;
  double slope_;
  bool selfLoops_;
};

}  // namespace

std::unique_ptr<NodeNetwork> makeGat(const Spec& spec, std::int64_t features, std::int64_t classes) {
  return std::make_unique<Gat>(spec, features, classes);
}

}  // namespace langevin
