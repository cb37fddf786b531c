// scorer.node: programs of scorer files on plain arrays. src/scorer/native.ts is the other side, and reads the files.
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "napi_setup.h"
#include "scorer/program_reader.hpp"
#include "scorer/scorer.hpp"

namespace langevin {
namespace {

// A change of what is exported here, or of what load() takes, raises it here and in src/scorer/native.ts.
constexpr int kContract = 1;

template <class T>
using ArrayOf = std::conditional_t<std::is_same_v<T, float>, Napi::Float32Array, Napi::Float64Array>;

template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  const auto coded = [&](Code code, const std::string& message) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, codeName(code)));
    return error;
  };
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const Error& error) {
    throw coded(error.code, error.what());
  } catch (const std::bad_alloc&) {
    throw coded(Code::OutOfMemory, "there is not enough memory for this request");
  } catch (const std::exception& error) {
    throw coded(Code::Internal, std::string("the scorer failed: ") + error.what());
  }
}

// ---- The program, from plain objects

Napi::Value member(const Napi::Object& object, const char* name) { return object.Get(name); }

double number(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) fail(Code::Format, "the program's ", what, " is no number");
  return value.As<Napi::Number>().DoubleValue();
}

std::int64_t whole(const Napi::Value& value, const char* what) { return wholeNumber(number(value, what), what); }
int index(const Napi::Value& value, const char* what) { return indexNumber(number(value, what), what); }

template <class Read>
auto list(const Napi::Object& object, const char* name, Read read) {
  std::vector<decltype(read(Napi::Value(), name))> result;
  const Napi::Value value = member(object, name);
  if (!value.IsArray()) fail(Code::Format, "the program's ", name, " is no list");
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(object.Env());
    result.push_back(read(array.Get(i), name));
  }
  return result;
}

PlainNode nodeOf(const Napi::Value& value, const char*) {
  if (!value.IsObject()) fail(Code::Format, "a node of the program is no object");
  const auto object = value.As<Napi::Object>();
  if (!member(object, "op").IsString()) fail(Code::Format, "a node of the program names no operation");
  PlainNode node;
  node.op = member(object, "op").As<Napi::String>().Utf8Value();
  node.inputs = list(object, "inputs", index);
  node.parameters = list(object, "parameters", index);
  node.constants = list(object, "constants", index);
  node.numbers = list(object, "numbers", number);
  node.integers = list(object, "integers", whole);
  node.width = whole(member(object, "width"), "width");
  return node;
}

template <class Array>
Array typed(const Napi::Value& value, napi_typedarray_type type, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    fail(Code::Internal, what, " is not in the numbers it is to be");
  return value.As<Array>();
}

template <class T>
ArrayOf<T> numbersIn(const Napi::Value& value, const char* what) {
  return typed<ArrayOf<T>>(value, std::is_same_v<T, float> ? napi_float32_array : napi_float64_array, what);
}

PlainProgram programOf(const Napi::Object& object) {
  PlainProgram program;
  program.nodes = list(object, "nodes", nodeOf);
  program.constants = list(object, "constants", [](const Napi::Value& value, const char* what) {
    const auto array = numbersIn<double>(value, what);
    return std::vector<double>(array.Data(), array.Data() + array.ElementLength());
  });
  program.inputWidth = whole(member(object, "inputWidth"), "inputWidth");
  program.workPerRow = number(member(object, "workPerRow"), "workPerRow");
  program.energy = index(member(object, "energy"), "energy");
  program.jointEnergy = index(member(object, "jointEnergy"), "jointEnergy");
  program.outputs = index(member(object, "outputs"), "outputs");
  program.optionalCondition = member(object, "optionalCondition").ToBoolean();
  program.conditionWidth = whole(member(object, "conditionWidth"), "conditionWidth");
  program.classes = whole(member(object, "classes"), "classes");
  return program;
}

template <class T>
std::unique_ptr<ScorerOf<T>> scorerOf(const Napi::Object& object) {
  PlainProgram program = programOf(object);
  std::vector<const T*> values;
  for (const auto& array : list(object, "parameters", numbersIn<T>)) {
    program.parameters.push_back({static_cast<std::int64_t>(array.ElementLength()), true});
    values.push_back(array.Data());
  }
  return std::make_unique<ScorerOf<T>>(program, values);
}

// ---- The scorer as an object of JavaScript

class Scorer : public Napi::ObjectWrap<Scorer> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeScorer",
                       {InstanceMethod<&Scorer::energy>("energy"), InstanceMethod<&Scorer::score>("score"),
                        InstanceMethod<&Scorer::dispose>("dispose")});
  }

  explicit Scorer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Scorer>(info) {
    guarded(info.Env(), [&] {
      if (!info[0].IsObject()) fail(Code::Internal, "a scorer is made from an object");
      const auto object = info[0].As<Napi::Object>();
      if (member(object, "wide").ToBoolean())
        scorer_ = scorerOf<double>(object);
      else
        scorer_ = scorerOf<float>(object);
    });
  }

  // (x, out, y or labels or undefined, threads)
  Napi::Value energy(const Napi::CallbackInfo& info) { return run(info, false); }
  Napi::Value score(const Napi::CallbackInfo& info) { return run(info, true); }
  void dispose(const Napi::CallbackInfo&) { scorer_ = std::monostate(); }

 private:
  template <class T>
  static void evaluate(const ScorerOf<T>& scorer, const Napi::CallbackInfo& info, bool score) {
    const PlainProgram& program = scorer.program();
    const auto x = numbersIn<T>(info[0], "x");
    auto out = numbersIn<T>(info[1], "out");
    TileInputOf<T> rows;
    rows.rows = static_cast<std::int64_t>(x.ElementLength()) / program.inputWidth;
    rows.x = x.Data();
    const auto has = [](const Napi::TypedArray& array, std::int64_t count, const char* what) {
      if (static_cast<std::int64_t>(array.ElementLength()) != count) fail(Code::Shape, what, " has another length");
    };
    has(x, rows.rows * program.inputWidth, "x");
    has(out, score ? rows.rows * program.inputWidth : rows.rows, "out");
    if (!info[2].IsUndefined() && program.classes) {
      const auto labels = typed<Napi::BigInt64Array>(info[2], napi_bigint64_array, "y");
      has(labels, rows.rows, "y");
      rows.labels = labels.Data();
    } else if (!info[2].IsUndefined() && program.conditionWidth) {
      const auto y = numbersIn<T>(info[2], "y");
      has(y, rows.rows * program.conditionWidth, "y");
      rows.y = y.Data();
    }
    const int threads = info[3].IsNumber() ? info[3].As<Napi::Number>().Int32Value() : 1;
    score ? scorer.score(rows, threads, out.Data()) : scorer.energy(rows, threads, out.Data());
  }

  Napi::Value run(const Napi::CallbackInfo& info, bool score) {
    guarded(info.Env(), [&] {
      if (const auto* narrow = std::get_if<std::unique_ptr<ScorerOf<float>>>(&scorer_))
        evaluate(**narrow, info, score);
      else if (const auto* wide = std::get_if<std::unique_ptr<ScorerOf<double>>>(&scorer_))
        evaluate(**wide, info, score);
      else
        fail(Code::Disposed, "this scorer has been disposed");
    });
    return info.Env().Undefined();
  }

  std::variant<std::monostate, std::unique_ptr<ScorerOf<float>>, std::unique_ptr<ScorerOf<double>>> scorer_;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("contractVersion", Napi::Number::New(env, kContract));
  exports.Set("Scorer", Scorer::define(env));
  exports.Set("defaultThreads", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), defaultThreads()); });
              }));
  exports.Set("instructionSet", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                const bool wide = info.Length() > 0 && info[0].ToBoolean();
                return guarded(info.Env(), [&] {
                  return Napi::String::New(info.Env(), wide ? tileKernelsOf<double>().name : tileKernels().name);
                });
              }));
  return exports;
}

}  // namespace

NODE_API_MODULE(scorer, init)

}  // namespace langevin
