#include "kernels/tile_choice.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

#include "base/error.hpp"

namespace langevin {

namespace isa_default {
extern const TileKernels kernels;
}
#ifdef LANGEVIN_HAS_ISA_X86
namespace isa_avx2 {
extern const TileKernels kernels;
}
namespace isa_avx512 {
extern const TileKernels kernels;
}
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

}  // namespace langevin
