#include "kernels/tile_choice.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

#include "base/error.hpp"

namespace langevin {

#define LANGEVIN_TABLES(isa)                    \
  namespace isa {                               \
  extern const TileKernels kernels;             \
  }                                             \
  namespace isa##_double {                      \
    extern const TileKernelsOf<double> kernels; \
  }

LANGEVIN_TABLES(isa_default)
#ifdef LANGEVIN_HAS_ISA_X86
LANGEVIN_TABLES(isa_avx2)
LANGEVIN_TABLES(isa_avx512)
namespace isa_avx512_bf16 {
extern const TileKernels kernels;
}
#endif

namespace {

// The instruction sets the sources have, the lowest first.
constexpr const char* kKnown[] = {"default", "avx2", "avx512", "avx512_bf16"};

[[noreturn]] void refuseKernels(const std::string& wish, const std::vector<const TileKernels*>& tables) {
  std::string runnable;
  for (const TileKernels* table : tables) runnable += (runnable.empty() ? "" : ", ") + std::string(table->name);
  const bool known = std::find(std::begin(kKnown), std::end(kKnown), wish) != std::end(kKnown);
  if (known)
    fail(Code::Unsupported, "LANGEVIN_ISA=", wish, ": not supported by this processor or this build; use one of ",
         runnable, ", or unset it to use the last of them");
  fail(Code::InvalidOption, "LANGEVIN_ISA: unknown instruction set '", wish,
       "'; use one of default, avx2, avx512, avx512_bf16 (", runnable, " run here), or unset it to use the best");
}

// Every table this processor can run, the lowest first.
std::vector<const TileKernels*> runnable() {
  std::vector<const TileKernels*> tables{&isa_default::kernels};
#ifdef LANGEVIN_HAS_ISA_X86
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return tables;
  tables.push_back(&isa_avx2::kernels);
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return tables;
  tables.push_back(&isa_avx512::kernels);
  if (__builtin_cpu_supports("avx512bf16")) tables.push_back(&isa_avx512_bf16::kernels);
#endif
  return tables;
}

}  // namespace

const std::vector<const TileKernels*>& runnableTileKernels() {
  static const auto tables = runnable();
  return tables;
}

const TileKernels& chooseTileKernels(const std::string& wish, const std::vector<const TileKernels*>& runnable) {
  if (wish.empty()) return *runnable.back();
  for (const TileKernels* table : runnable)
    if (wish == table->name) return *table;
  refuseKernels(wish, runnable);
}

const TileKernels& tileKernels() {
  static const TileKernels& chosen = []() -> const TileKernels& {
    const char* wish = std::getenv("LANGEVIN_ISA");
    return chooseTileKernels(wish ? wish : "", runnableTileKernels());
  }();
  return chosen;
}

template <>
const TileKernelsOf<float>& tileKernelsOf<float>() {
  return tileKernels();
}

template <>
const std::vector<const TileKernelsOf<float>*>& runnableKernelsOf<float>() {
  return runnableTileKernels();
}

template <>
const std::vector<const TileKernelsOf<double>*>& runnableKernelsOf<double>() {
  static const auto tables = [] {
    std::vector<const TileKernelsOf<double>*> found{&isa_default_double::kernels};
#ifdef LANGEVIN_HAS_ISA_X86
    const std::size_t count = runnableTileKernels().size();
    if (count > 1) found.push_back(&isa_avx2_double::kernels);
    if (count > 2) found.push_back(&isa_avx512_double::kernels);
#endif
    return found;
  }();
  return tables;
}

template <>
const TileKernelsOf<double>& tileKernelsOf<double>() {
  static const TileKernelsOf<double>& chosen = []() -> const TileKernelsOf<double>& {
    const auto& tables = runnableKernelsOf<double>();
    for (const auto* table : tables)
      if (std::string(table->name) == tileKernels().name) return *table;
    return *tables.back();  // avx512_bf16 has no arithmetic of float64 of its own
  }();
  return chosen;
}

}  // namespace langevin
