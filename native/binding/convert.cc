#include "convert.h"

#include <string>

#include "base/error.hpp"
#include "handles.h"

namespace langevin::binding {
namespace {

constexpr int kDeepest = 64;

// A failed N-API call leaves its reason with the environment; Napi::Error::New picks it up.
void require(napi_env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
  throw Error(Code::InvalidOption, (path.empty() ? "options" : path) + ": " + problem, {{"path", path}});
}

std::string textOf(napi_env env, napi_value value) {
  std::size_t length = 0;
  require(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  require(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

class Reader {
 public:
  explicit Reader(Napi::Env env) : env_(env) {}

  Value read(napi_value value, const std::string& path) {
    napi_valuetype type = napi_undefined;
    require(env_, napi_typeof(env_, value, &type));
    switch (type) {
      case napi_undefined:
      case napi_null:
        return {};
      case napi_boolean: {
        bool v = false;
        require(env_, napi_get_value_bool(env_, value, &v));
        return v;
      }
      case napi_number: {
        double v = 0;
        require(env_, napi_get_value_double(env_, value, &v));
        return v;
      }
      case napi_bigint: {
        std::uint64_t v = 0;
        bool lossless = false;
        require(env_, napi_get_value_bigint_uint64(env_, value, &v, &lossless));
        if (!lossless) refuse(path, "a bigint must lie between 0 and 2^64 - 1");
        return v;
      }
      case napi_string:
        return textOf(env_, value);
      case napi_object:
        return object(value, path);
      case napi_function:
        refuse(path, "a function cannot cross to the native side; give data");
      case napi_symbol:
        refuse(path, "a symbol cannot cross to the native side; give data");
      default:
        refuse(path, "this kind of value cannot cross to the native side; give data");
    }
  }

  Arguments result;

 private:
  Value object(napi_value value, const std::string& path) {
    bool isArray = false;
    require(env_, napi_is_array(env_, value, &isArray));
    // Handles are instances of classes: no need to ask lists and plain objects for theirs.
    const bool plain = !isArray && isPlain(value);
    if (const auto handle = isArray || plain ? std::nullopt : handleIn(env_, value, path)) {
      if (handle->tensor) {
        result.tensors.push_back(handle->tensor);
        return handle->tensor;
      }
      result.networks.push_back(handle->network);
      if (ancestors_.size() == 1 || path.rfind("networks.", 0) == 0) result.ownNetworks.push_back(handle->network);
      return handle->network;
    }
    if (ancestors_.size() >= kDeepest) refuse(path, "nested more than 64 levels deep");
    for (napi_value ancestor : ancestors_) {
      bool same = false;
      require(env_, napi_strict_equals(env_, ancestor, value, &same));
      if (same) refuse(path, "the value contains itself");
    }
    if (!isArray && !plain)
      refuse(path, "only plain objects, lists, tensors and energies can cross to the native side");
    ancestors_.push_back(value);
    Value read = isArray ? list(value, path) : map(value, path);
    ancestors_.pop_back();
    return read;
  }

  Value list(napi_value value, const std::string& path) {
    std::uint32_t length = 0;
    require(env_, napi_get_array_length(env_, value, &length));
    List items;
    items.reserve(length);
    for (std::uint32_t i = 0; i < length; ++i) {
      const Napi::HandleScope scope(env_);
      napi_value item = nullptr;
      require(env_, napi_get_element(env_, value, i, &item));
      napi_valuetype type = napi_undefined;
      require(env_, napi_typeof(env_, item, &type));
      double number = 0;
      if (type == napi_number) {  // the common case, without building a path
        require(env_, napi_get_value_double(env_, item, &number));
        items.emplace_back(number);
        continue;
      }
      const std::string where = path + "[" + std::to_string(i) + "]";
      if (type == napi_undefined) refuse(where, "is undefined");
      items.push_back(read(item, where));
    }
    return items;
  }

  Value map(napi_value value, const std::string& path) {
    napi_value keys = nullptr;
    require(env_, napi_get_all_property_names(env_, value, napi_key_own_only,
                                              static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                                              napi_key_numbers_to_strings, &keys));
    std::uint32_t count = 0;
    require(env_, napi_get_array_length(env_, keys, &count));
    Map members;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Napi::HandleScope scope(env_);
      napi_value key = nullptr, member = nullptr;
      require(env_, napi_get_element(env_, keys, i, &key));
      require(env_, napi_get_property(env_, value, key, &member));
      napi_valuetype type = napi_undefined;
      require(env_, napi_typeof(env_, member, &type));
      if (type == napi_undefined) continue;
      std::string name = textOf(env_, key);
      Value read = this->read(member, path.empty() ? name : path + "." + name);
      members.emplace(std::move(name), std::move(read));
    }
    return members;
  }

  // Object.prototype of whatever realm is a prototype without a prototype. Typed arrays, dates, maps and class
  // instances are not plain; a Map would read as an empty object, so it must not pass.
  bool isPlain(napi_value value) {
    bool builtin = false;
    require(env_, napi_is_typedarray(env_, value, &builtin));
    if (builtin) return false;
    napi_value prototype = nullptr;
    require(env_, napi_get_prototype(env_, value, &prototype));
    napi_valuetype type = napi_undefined;
    require(env_, napi_typeof(env_, prototype, &type));
    if (type != napi_object) return true;
    bool own = false;
    napi_value name = nullptr;
    require(env_, napi_create_string_utf8(env_, "hasOwnProperty", NAPI_AUTO_LENGTH, &name));
    require(env_, napi_has_own_property(env_, prototype, name, &own));
    return own;
  }

  Napi::Env env_;
  std::vector<napi_value> ancestors_;
};

napi_value textToJs(napi_env env, const std::string& text) {
  napi_value result = nullptr;
  require(env, napi_create_string_utf8(env, text.data(), text.size(), &result));
  return result;
}

napi_value mapToJs(Napi::Env env, const Map& map) {
  napi_value object = nullptr;
  require(env, napi_create_object(env, &object));
  for (const auto& [key, member] : map) {
    const Napi::HandleScope scope(env);
    // Defined, not assigned: a key "__proto__" is data like any other.
    const napi_property_descriptor property = {nullptr,           textToJs(env, key),      nullptr, nullptr, nullptr,
                                               toJs(env, member), napi_default_jsproperty, nullptr};
    require(env, napi_define_properties(env, object, 1, &property));
  }
  return object;
}

napi_value listToJs(Napi::Env env, const List& list) {
  napi_value array = nullptr;
  require(env, napi_create_array_with_length(env, list.size(), &array));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Napi::HandleScope scope(env);
    require(env, napi_set_element(env, array, static_cast<std::uint32_t>(i), toJs(env, list[i])));
  }
  return array;
}

}  // namespace

Arguments fromJs(Napi::Env env, napi_value value) {
  Reader reader(env);
  reader.result.value = reader.read(value, "");
  if (!reader.result.value.map()) refuse("", "expected an object of arguments");
  return std::move(reader.result);
}

napi_value toJs(Napi::Env env, const Value& value) {
  napi_value result = nullptr;
  if (value.isNull()) {
    require(env, napi_get_null(env, &result));
  } else if (const auto* b = value.get<bool>()) {
    require(env, napi_get_boolean(env, *b, &result));
  } else if (const auto* d = value.get<double>()) {
    require(env, napi_create_double(env, *d, &result));
  } else if (const auto* u = value.get<std::uint64_t>()) {
    require(env, napi_create_bigint_uint64(env, *u, &result));
  } else if (const auto* s = value.get<std::string>()) {
    result = textToJs(env, *s);
  } else if (const List* list = value.list()) {
    result = listToJs(env, *list);
  } else if (const Map* map = value.map()) {
    result = mapToJs(env, *map);
  } else if (const auto* tensor = value.get<TensorRef>()) {
    result = newTensor(env, *tensor);
  } else if (const auto* network = value.get<NetworkRef>()) {
    result = newNetwork(env, *network);
  }
  return result;
}

}  // namespace langevin::binding
