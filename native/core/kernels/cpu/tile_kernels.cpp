#include "kernels/cpu/tile_kernels.hpp"

#include <cstdlib>
#include <cstring>

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

const TileKernels& tileKernels() {
  static const TileKernels& chosen = []() -> const TileKernels& {
    const auto& tables = runnableTileKernels();
    if (const char* wish = std::getenv("LANGEVIN_ISA"))
      for (const TileKernels* table : tables)
        if (std::strcmp(table->name, wish) == 0) return *table;
    return *tables.back();
  }();
  return chosen;
}

}  // namespace langevin
