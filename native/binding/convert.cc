#include "convert.h"

#include <string>

#include "api.hpp"
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
  explicit Reader(Napi::Env env) : env_(env) {
    require(env, napi_create_string_utf8(env, "hasOwnProperty", NAPI_AUTO_LENGTH, &hasOwnProperty_));
  }

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
    bool isArray = false, isTyped = false;
    require(env_, napi_is_array(env_, value, &isArray));
    require(env_, napi_is_typedarray(env_, value, &isTyped));
    if (isTyped && ancestors_.size() == 1) return numbers(value, path);
    // Handles are instances of classes: no need to ask lists and plain objects for theirs.
    const bool plain = !isArray && !isTyped && isPlain(value);
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

  Value numbers(napi_value value, const std::string& path) {
    napi_typedarray_type type = napi_int8_array;
    std::size_t length = 0, offset = 0;
    void* data = nullptr;
    napi_value buffer = nullptr;
    require(env_, napi_get_typedarray_info(env_, value, &type, &length, &data, &buffer, &offset));
    const char* dtype = type == napi_float32_array   ? "float32"
                        : type == napi_float64_array ? "float64"
                        : type == napi_uint8_array   ? "uint8"
                                                     : nullptr;
    if (!dtype) refuse(path, "of typed arrays only Float32Array, Float64Array and Uint8Array can be an argument");
    const Bytes bytes = bytesOf(env_, Napi::Value(env_, value), path);
    result.tensors.push_back(makeTensor(bytes.data, bytes.size, dtype, {static_cast<std::int64_t>(length)}));
    return result.tensors.back();
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
    napi_value prototype = nullptr;
    require(env_, napi_get_prototype(env_, value, &prototype));
    napi_valuetype type = napi_undefined;
    require(env_, napi_typeof(env_, prototype, &type));
    if (type != napi_object) return true;
    bool own = false;
    require(env_, napi_has_own_property(env_, prototype, hasOwnProperty_, &own));
    return own;
  }

  Napi::Env env_;
  napi_value hasOwnProperty_ = nullptr;
  std::vector<napi_value> ancestors_;
};

napi_value textToJs(napi_env env, const std::string& text) {
  napi_value result = nullptr;
  require(env, napi_create_string_utf8(env, text.data(), text.size(), &result));
  return result;
}

napi_value numbersToJs(Napi::Env env, const TensorRef& tensor, const TensorDescription& description) {
  const bool single = description.dtype == "float32";
  napi_value buffer = nullptr, array = nullptr;
  void* data = nullptr;
  require(env, napi_create_arraybuffer(env, description.bytes, &data, &buffer));
  copyTensor(tensor, data, description.bytes);
  require(env,
          napi_create_typedarray(env, single ? napi_float32_array : napi_float64_array,
                                 description.bytes / (single ? sizeof(float) : sizeof(double)), buffer, 0, &array));
  return array;
}

napi_value tensorToJs(Napi::Env env, const TensorRef& tensor, Tensors tensors) {
  if (tensors == Tensors::Handles) return newTensor(env, tensor);
  const TensorDescription description = describe(tensor);
  const bool known = description.dtype == "float32" || description.dtype == "float64";
  return known && description.device == "cpu" ? numbersToJs(env, tensor, description) : newTensor(env, tensor);
}

napi_value mapToJs(Napi::Env env, const Map& map, Tensors tensors) {
  napi_value object = nullptr;
  require(env, napi_create_object(env, &object));
  for (const auto& [key, member] : map) {
    const Napi::HandleScope scope(env);
    // Defined, not assigned: a key "__proto__" is data like any other.
    const napi_property_descriptor property = {
        nullptr, textToJs(env, key), nullptr, nullptr, nullptr, toJs(env, member, tensors), napi_default_jsproperty,
        nullptr};
    require(env, napi_define_properties(env, object, 1, &property));
  }
  return object;
}

napi_value listToJs(Napi::Env env, const List& list, Tensors tensors) {
  napi_value array = nullptr;
  require(env, napi_create_array_with_length(env, list.size(), &array));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Napi::HandleScope scope(env);
    require(env, napi_set_element(env, array, static_cast<std::uint32_t>(i), toJs(env, list[i], tensors)));
  }
  return array;
}

}  // namespace

Bytes bytesOf(Napi::Env env, const Napi::Value& view, const std::string& what) {
  Napi::Value buffer;
  Bytes bytes{nullptr, 0};
  if (view.IsTypedArray()) {
    const auto array = view.As<Napi::TypedArray>();
    buffer = Napi::Value(env, array.ArrayBuffer());
    napi_typedarray_type type;
    std::size_t length = 0, offset = 0;
    napi_value ignored = nullptr;
    if (napi_get_typedarray_info(env, view, &type, &length, &bytes.data, &ignored, &offset) != napi_ok)
      throw Napi::Error::New(env);
    bytes.size = array.ByteLength();
  } else if (view.IsDataView()) {
    const auto array = view.As<Napi::DataView>();
    buffer = Napi::Value(env, array.ArrayBuffer());
    bytes = {array.Data(), array.ByteLength()};
  } else {
    fail(Code::InvalidOption, what, " must be a typed array or a DataView");
  }
  if (!buffer.IsArrayBuffer()) fail(Code::InvalidOption, what, " is in shared memory; copy it first (slice())");
  if (buffer.As<Napi::ArrayBuffer>().IsDetached())
    fail(Code::InvalidOption, what, " lies in an ArrayBuffer that has been detached (transferred); its data is gone");
  return bytes;
}

Arguments fromJs(Napi::Env env, napi_value value) {
  Reader reader(env);
  reader.result.value = reader.read(value, "");
  if (!reader.result.value.map()) refuse("", "expected an object of arguments");
  return std::move(reader.result);
}

napi_value toJs(Napi::Env env, const Value& value, Tensors tensors) {
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
    result = listToJs(env, *list, tensors);
  } else if (const Map* map = value.map()) {
    result = mapToJs(env, *map, tensors);
  } else if (const auto* tensor = value.get<TensorRef>()) {
    result = tensorToJs(env, *tensor, tensors);
  } else if (const auto* network = value.get<NetworkRef>()) {
    result = newNetwork(env, *network);
  }
  return result;
}

}  // namespace langevin::binding
