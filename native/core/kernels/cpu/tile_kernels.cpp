#include "kernels/cpu/tile_kernels.hpp"

#include <cstdlib>
#include <cstring>

namespace langevin {

namespace isa_default {
extern const TileKernels kernels;
}
#ifdef LANGEVIN_HAS_ISA_AVX2
namespace isa_avx2 {
extern const TileKernels kernels;
}
#endif
#ifdef LANGEVIN_HAS_ISA_AVX512
namespace isa_avx512 {
extern const TileKernels kernels;
}
#endif

const TileKernels& tileKernels() {
  static const TileKernels& chosen = []() -> const TileKernels& {
    const char* wish = std::getenv("LANGEVIN_ISA");
    const auto allowed = [wish](const char* name) {
      static constexpr const char* order[] = {"default", "avx2", "avx512"};
      if (!wish) return true;
      int limit = 2, level = 0;
      for (int i = 0; i < 3; ++i) {
        if (std::strcmp(wish, order[i]) == 0) limit = i;
        if (std::strcmp(name, order[i]) == 0) level = i;
      }
      return level <= limit;
    };
#ifdef LANGEVIN_HAS_ISA_AVX512
    if (allowed("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      return isa_avx512::kernels;
#endif
#ifdef LANGEVIN_HAS_ISA_AVX2
    if (allowed("avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return isa_avx2::kernels;
#endif
    (void)allowed;
    return isa_default::kernels;
  }();
  return chosen;
}

}  // namespace langevin
