// The immutable value tree that crosses the boundary: specs, options, results. No Torch header.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace langevin {

class Energy;
class Network;
struct TensorBox;

/// A shared, opaque reference to a tensor. The binding passes it through without knowing Torch.
using TensorRef = std::shared_ptr<const TensorBox>;
using NetworkRef = std::shared_ptr<Network>;
using EnergyRef = std::shared_ptr<Energy>;  // an Energy is a Network

struct Value;
using List = std::vector<Value>;
using Map = std::map<std::string, Value>;

/// null, boolean, number, 64-bit integer (JavaScript bigint), text, list, map, tensor or network (an energy is one).
struct Value {
  using Variant = std::variant<std::monostate, bool, double, std::uint64_t, std::string, std::shared_ptr<const List>,
                               std::shared_ptr<const Map>, TensorRef, NetworkRef>;
  Variant data;

  Value() = default;
  Value(bool v) : data(v) {}
  Value(double v) : data(v) {}
  Value(int v) : data(static_cast<double>(v)) {}
  Value(std::int64_t v) : data(static_cast<double>(v)) {}
  Value(std::uint64_t v) : data(v) {}
  Value(const char* v) : data(std::string(v)) {}
  Value(std::string v) : data(std::move(v)) {}
  Value(List v) : data(std::make_shared<const List>(std::move(v))) {}
  Value(Map v) : data(std::make_shared<const Map>(std::move(v))) {}
  Value(TensorRef v) : data(std::move(v)) {}
  Value(NetworkRef v) : data(std::move(v)) {}
  /// An Energy, or whatever else is a Network.
  template <class N>
  requires(!std::is_same_v<N, Network> && std::is_convertible_v<N*, Network*>) Value(std::shared_ptr<N> v)
      : data(NetworkRef(std::move(v))) {}

  template <class T>
  const T* get() const {
    return std::get_if<T>(&data);
  }
  bool isNull() const { return std::holds_alternative<std::monostate>(data); }
  const List* list() const {
    auto p = get<std::shared_ptr<const List>>();
    return p ? p->get() : nullptr;
  }
  const Map* map() const {
    auto p = get<std::shared_ptr<const Map>>();
    return p ? p->get() : nullptr;
  }
};

}  // namespace langevin
