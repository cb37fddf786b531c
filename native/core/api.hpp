// What the binding sees of the core: values in, values out, one table of named functions. No Torch header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/function.hpp"
#include "base/job.hpp"
#include "base/value.hpp"

namespace langevin {

struct FunctionInfo {
  std::string name;
  Lane lane;
  Access access;
};

/// Every function, in the order of the table: "energy.create", "sample", "train", "metrics.auroc", ...
std::vector<FunctionInfo> functions();

/// Calls a function with its arguments (an object). Throws langevin::Error; Torch's own exceptions arrive as coded
/// errors too.
Value call(const std::string& name, const Value& arguments, Job& job);

/// Once per process, before anything else: intra-op threads 1, and no fast paths that change numbers silently.
void initialise();
/// Once per thread that calls into the core: LibTorch keeps its thread count per calling thread.
void initialiseThread();

// ---- Tensors, as far as the binding must touch them -----------------------------------------------------------------
struct TensorDescription {
  std::vector<std::int64_t> shape;
  std::string dtype;      // 'float32' ...
  std::string device;     // 'cpu', 'cuda:0'
  std::size_t bytes = 0;  // host bytes held (0 on an accelerator)
};
TensorDescription describe(const TensorRef& tensor);
/// Copies `bytes` bytes into a fresh CPU tensor. ERR_LANGEVIN_SHAPE when the shape does not fit, _OUT_OF_MEMORY when
/// there is not enough memory.
TensorRef makeTensor(const void* data, std::size_t bytes, const std::string& dtype,
                     const std::vector<std::int64_t>& shape);
/// Copies a CPU-or-accelerator tensor, contiguous, into `target` of describe().shape product * element size bytes.
void copyTensor(const TensorRef& tensor, void* target, std::size_t bytes);
std::size_t elementSize(const std::string& dtype);

// ---- Networks -------------------------------------------------------------------------------------------------------
struct NetworkDescription {
  bool isEnergy = false;
  std::string dtype, device;
  std::size_t bytes = 0;
  std::int64_t parameterCount = 0;
  std::int64_t inputWidth = 0;           // columns of a flat row x
  std::vector<std::int64_t> inputShape;  // axes of a row x
};
NetworkDescription describe(const NetworkRef& network);
/// What a small evaluation asks for without a value tree around it: n float32 rows in, E [n] or the scores [n, d] out, on
/// the calling thread. False where the functions of the table must be asked (which then also say what is wrong), and where
/// it takes more than `most` multiply-adds.
enum class Plain { Energy, Score };
bool evaluatePlain(const NetworkRef& network, Plain what, const float* x, std::int64_t rows, float* out, double most);

}  // namespace langevin
