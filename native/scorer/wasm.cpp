// The scorer as a WebAssembly module: the same kernels in 128-bit vectors, one thread. src/scorer/wasm.ts is the other side.
// C++ has no exceptions here: raise() is a function of the host that throws, and the host puts the stack back.
#include <cstdlib>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "scorer/program_reader.hpp"
#include "scorer/scorer.hpp"

#define LANGEVIN_EXPORT(name) extern "C" __attribute__((export_name(#name)))

extern "C" __attribute__((import_module("langevin"), import_name("raise"))) void langevin_host_raise(
    const char* code, const char* message);

// Buffers of the one thread live as long as the instance.
extern "C" int __cxa_thread_atexit(void (*)(void*), void*, void*) { return 0; }

namespace langevin {

[[noreturn]] void raise(Code code, const std::string& message) {
  langevin_host_raise(codeName(code), message.c_str());
  std::abort();
}

void parallelTiles(std::int64_t tiles, int, const std::function<void(std::int64_t)>& task) {
  for (std::int64_t i = 0; i < tiles; ++i) task(i);
}

namespace {

// What an instance holds: one program on its way in, then the scorer made of it.
PlainProgram program;
std::vector<const void*> values;
std::variant<std::monostate, std::unique_ptr<ScorerOf<float>>, std::unique_ptr<ScorerOf<double>>> scorer;

template <class T>
void make() {
  std::vector<const T*> parameters;
  for (const void* value : values) parameters.push_back(static_cast<const T*>(value));
  scorer = std::make_unique<ScorerOf<T>>(program, parameters);
}

template <class T>
void run(const ScorerOf<T>& of, const void* x, std::int32_t rows, const void* y, void* out, bool score) {
  TileInputOf<T> in;
  in.x = static_cast<const T*>(x);
  in.rows = rows;
  if (of.program().classes)
    in.labels = static_cast<const std::int64_t*>(y);
  else
    in.y = static_cast<const T*>(y);
  score ? of.score(in, 1, static_cast<T*>(out)) : of.energy(in, 1, static_cast<T*>(out));
}

}  // namespace

LANGEVIN_EXPORT(allocate) void* allocate(std::uint32_t bytes) {
  void* memory = std::aligned_alloc(64, (static_cast<std::size_t>(bytes) + 63) / 64 * 64);
  if (!memory) fail(Code::OutOfMemory, "there is not enough memory for this request");
  return memory;
}
LANGEVIN_EXPORT(release) void release(void* memory) { std::free(memory); }

LANGEVIN_EXPORT(node) void node(const char* op, double width) {
  PlainNode next;
  next.op = op;
  next.width = wholeNumber(width, "width");
  program.nodes.push_back(std::move(next));
}
// Of the last node: inputs, parameters, constants, numbers, integers.
LANGEVIN_EXPORT(push) void push(std::int32_t list, double value) {
  PlainNode& last = program.nodes.back();
  if (list == 3) return last.numbers.push_back(value);
  if (list == 4) return last.integers.push_back(wholeNumber(value, "integers"));
  (list == 0 ? last.inputs : list == 1 ? last.parameters : last.constants).push_back(indexNumber(value, "indices"));
}
/// The numbers stay where they are until finish().
LANGEVIN_EXPORT(parameter) void parameter(const void* numbers, std::int32_t count) {
  values.push_back(numbers);
  program.parameters.push_back({count, true});
}
LANGEVIN_EXPORT(constant) void constant(const double* numbers, std::int32_t count) {
  program.constants.emplace_back(numbers, numbers + count);
}
LANGEVIN_EXPORT(finish)
void finish(std::int32_t wide, double inputWidth, double work, double energy, double joint, double outputs,
            std::int32_t optional, double conditionWidth, double classes) {
  program.inputWidth = wholeNumber(inputWidth, "inputWidth");
  program.workPerRow = work;
  program.energy = indexNumber(energy, "energy");
  program.jointEnergy = indexNumber(joint, "jointEnergy");
  program.outputs = indexNumber(outputs, "outputs");
  program.optionalCondition = optional != 0;
  program.conditionWidth = wholeNumber(conditionWidth, "conditionWidth");
  program.classes = wholeNumber(classes, "classes");
  wide ? make<double>() : make<float>();
  program = {};
  values.clear();
}

/// E [rows], or with `score` -dE/dx [rows, d]. y: rows, labels or null.
LANGEVIN_EXPORT(evaluate)
void evaluate(const void* x, std::int32_t rows, const void* y, void* out, std::int32_t score) {
  if (const auto* narrow = std::get_if<std::unique_ptr<ScorerOf<float>>>(&scorer))
    run(**narrow, x, rows, y, out, score != 0);
  else if (const auto* wide = std::get_if<std::unique_ptr<ScorerOf<double>>>(&scorer))
    run(**wide, x, rows, y, out, score != 0);
}

}  // namespace langevin
