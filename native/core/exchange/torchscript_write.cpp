#include "exchange/torchscript.hpp"

#include <torch/csrc/jit/api/module.h>

#include <cstring>
#include <map>
#include <memory>
#include <sstream>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// A module that is not registered yet: a class of TorchScript may not change once another module's type names it.
struct Part {
  std::vector<std::size_t> tensors;  // indices of parameters, with their last names
  std::vector<std::string> names;
  std::map<std::string, Part> parts;
};

void place(Part& part, const std::string& name, std::size_t index) {
  const std::size_t dot = name.find('.');
  if (dot != std::string::npos) return place(part.parts[name.substr(0, dot)], name.substr(dot + 1), index);
  part.tensors.push_back(index);
  part.names.push_back(name);
}

class Assembly {
 public:
  explicit Assembly(const Network& network)
      : parameters_(network.parameters()), unit_(std::make_shared<torch::jit::CompilationUnit>()) {
    for (std::size_t i = 0; i < parameters_.info().size(); ++i) place(root_, parameters_.info()[i].name, i);
  }
  torch::jit::Module make() { return make(root_, "Energy"); }

 private:
  torch::jit::Module make(const Part& part, const std::string& type) {
    torch::jit::Module module(c10::QualifiedName("__torch__.langevin." + type), unit_);
    // torch.jit.load calls train() and eval() on what it loads.
    module.register_attribute("training", c10::BoolType::get(), false);
    for (std::size_t k = 0; k < part.tensors.size(); ++k) {
      const std::size_t i = part.tensors[k];
      const bool learnable = parameters_.info()[i].learnable;
      at::Tensor value = parameters_.tensors()[i].detach().to(at::kCPU).clone();
      if (learnable)
        module.register_parameter(part.names[k], value.requires_grad_(true), false);
      else
        module.register_buffer(part.names[k], value);
    }
    // Names such as "0" are none of a class: the types are numbered.
    for (const auto& [name, inner] : part.parts) {
      const std::string number = std::to_string(++types_);
      module.register_module(name, make(inner, "Part" + number));
    }
    return module;
  }

  const Parameters& parameters_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  Part root_;
  int types_ = 0;
};

}  // namespace

at::Tensor torchScriptBytes(const Network& network, const std::string& methods,
                            const std::vector<std::pair<std::string, at::Tensor>>& constants) {
  torch::jit::Module module = Assembly(network).make();
  for (const auto& [name, value] : constants) module.register_attribute(name, c10::TensorType::get(), value);
  module.define(methods);
  std::ostringstream out(std::ios::binary);
  module.save(out);
  const std::string text = out.str();
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

}  // namespace langevin
