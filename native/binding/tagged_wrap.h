// ObjectWrap whose methods refuse to run on an object of another class: a getter borrowed from one handle and called on
// another would otherwise read foreign memory.
#pragma once

#include "napi_setup.h"

namespace langevin::binding {

/// T declares `static constexpr napi_type_tag kTag`.
template <class T>
class TaggedWrap : public Napi::ObjectWrap<T> {
 public:
  explicit TaggedWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    info.This().template As<Napi::Object>().TypeTag(&T::kTag);
  }

  static bool holds(const Napi::Object& object) { return object.CheckTypeTag(&T::kTag); }

  // node-addon-api's method wrappers call T::Unwrap: this one stands before the base's.
  static T* Unwrap(Napi::Object object) {
    if (!holds(object))
      throw Napi::TypeError::New(object.Env(), "this method was called on an object of another class");
    return Napi::ObjectWrap<T>::Unwrap(object);
  }
};

}  // namespace langevin::binding
