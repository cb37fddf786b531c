#include "api.hpp"

#include <ATen/CachedTensorUtils.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <new>
#include <regex>
#include <unordered_map>

#include "energies/energy.hpp"
#include "tensors/tensor.hpp"

namespace langevin {

// A module with functions of its own lists them in its functions.cpp, and here is its line.
const std::vector<Function>& tensorFunctions();      // tensors
const std::vector<Function>& networkFunctions();     // networks
const std::vector<Function>& energyFunctions();      // energies
const std::vector<Function>& exchangeFunctions();    // exchange: programs as data, TorchScript
const std::vector<Function>& samplerFunctions();     // samplers
const std::vector<Function>& trainingFunctions();    // training
const std::vector<Function>& evaluationFunctions();  // evaluation: metrics, partition, detectors, diagnostics
const std::vector<Function>& calibratorFunctions();  // calibrators
const std::vector<Function>& inferenceFunctions();   // inference
const std::vector<Function>& graphFunctions();       // graphs
const std::vector<Function>& dataFunctions();        // data: toys, spandrel shapes, standardise

namespace {

const std::vector<const std::vector<Function>*>& tables() {
  static const std::vector<const std::vector<Function>*> all = {
      &tensorFunctions(),    &networkFunctions(),  &energyFunctions(),     &exchangeFunctions(),
      &samplerFunctions(),   &trainingFunctions(), &evaluationFunctions(), &calibratorFunctions(),
      &inferenceFunctions(), &graphFunctions(),    &dataFunctions()};
  return all;
}

[[noreturn]] void outOfMemory(const std::string& size, Map details) {
  throw Error(Code::OutOfMemory,
              "there is not enough memory for this request" + size + "; use fewer rows, chains or grid cells",
              std::move(details));
}

// Torch's messages carry C++ frames and source files; the part for people goes into the message, the
// whole into details.
[[noreturn]] void rethrowTorch(const c10::Error& error) {
  const std::string full = error.what();
  const std::string text = error.what_without_backtrace();
  for (const char* sign : {"not enough memory", "out of memory", "can't allocate memory"}) {
    if (text.find(sign) == std::string::npos) continue;
    std::smatch tried;
    const bool told = std::regex_search(text, tried, std::regex("ried to allocate ([0-9.]+ (bytes|[KMGT]iB))"));
    outOfMemory(told ? " (" + tried[1].str() + " more)" : "", {{"torch", full}});
  }
  throw Error(Code::Internal, "LibTorch refused the computation: " + text.substr(0, text.find('\n')),
              {{"torch", full}});
}

template <class Body>
auto guarded(Body body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    rethrowTorch(error);
  } catch (const std::bad_alloc&) {
    outOfMemory("", {});
  }
}

at::ScalarType dtypeOf(const std::string& name) {
  const Value value(name);
  return parseDtype(Spec(value, "dtype"));
}

}  // namespace

std::vector<FunctionInfo> functions() {
  std::vector<FunctionInfo> result;
  for (const auto* table : tables())
    for (const Function& f : *table) result.push_back({f.name, f.lane, f.access});
  return result;
}

Value call(const std::string& name, const Value& arguments, Job& job) {
  static const auto index = [] {
    std::unordered_map<std::string, const Function*> map;
    for (const auto* table : tables())
      for (const Function& f : *table) map.emplace(f.name, &f);
    return map;
  }();
  const auto it = index.find(name);
  if (it == index.end())
    fail(Code::Internal, "the addon has no function '", name, "'; addon and package are of different versions");
  const JobScope scope(&job);
  return guarded([&] { return it->second->body(Spec(arguments, ""), job); });
}

void initialise() {
  static const bool once = [] {
    at::set_num_threads(1);
    return true;
  }();
  (void)once;
}

void initialiseThread() { at::init_num_threads(); }

TensorDescription describe(const TensorRef& ref) {
  const at::Tensor& t = unbox(ref);
  TensorDescription d;
  d.shape.assign(t.sizes().begin(), t.sizes().end());
  d.dtype = dtypeName(t.scalar_type());
  d.device = deviceName(t.device());
  d.bytes = t.is_cuda() ? 0 : t.nbytes();
  return d;
}

std::size_t elementSize(const std::string& dtype) { return c10::elementSize(dtypeOf(dtype)); }

TensorRef makeTensor(const void* data, std::size_t bytes, const std::string& dtype,
                     const std::vector<std::int64_t>& shape) {
  return guarded([&] {
    const at::ScalarType type = dtypeOf(dtype);
    const std::size_t size = c10::elementSize(type);
    std::size_t wanted = size;
    for (std::int64_t s : shape) {
      if (s < 0) fail(Code::Shape, "a shape holds sizes of at least 0, got ", s);
      if (s != 0 && wanted > (std::size_t{1} << 62) / static_cast<std::size_t>(s))
        fail(Code::OutOfMemory, "a tensor of this shape has more than 2^62 bytes");
      wanted *= static_cast<std::size_t>(s);
    }
    if (wanted != bytes)
      fail(Code::Shape, "the shape holds ", wanted / size, " numbers of dtype ", dtype, ", the data has ",
           bytes / size);
    at::Tensor t = at::empty(shape, type);
    if (bytes > 0) std::memcpy(t.data_ptr(), data, bytes);
    return box(t);
  });
}

void copyTensor(const TensorRef& ref, void* target, std::size_t bytes) {
  guarded([&] {
    const at::Tensor t = unbox(ref).detach().to(at::kCPU).contiguous();
    if (t.nbytes() != bytes) fail(Code::Internal, "a tensor of ", t.nbytes(), " bytes was to be copied into ", bytes);
    if (bytes > 0) std::memcpy(target, t.data_ptr(), bytes);
    return 0;
  });
}

NetworkDescription describe(const NetworkRef& network) {
  NetworkDescription d;
  d.isEnergy = network->isEnergy();
  d.dtype = dtypeName(network->dtype());
  d.device = deviceName(network->device());
  d.parameterCount = network->parameters().count();
  d.inputWidth = network->inputWidth();
  d.inputShape = network->input().axes;
  for (const at::Tensor& t : network->parameters().tensors()) d.bytes += t.is_cuda() ? 0 : t.nbytes();
  return d;
}

bool evaluatePlain(const NetworkRef& network, Plain what, const float* x, std::int64_t rows, float* out, double most) {
  const auto* energy = dynamic_cast<const Energy*>(network.get());
  if (!energy || static_cast<double>(rows) * energy->workPerRow() > most) return false;
  return guarded(
      [&] { return what == Plain::Energy ? energy->energyInto(x, rows, out) : energy->scoreInto(x, rows, out); });
}

}  // namespace langevin
