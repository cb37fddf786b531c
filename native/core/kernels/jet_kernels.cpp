#include "kernels/jet_kernels.hpp"

#include <string>

#include "base/error.hpp"

namespace langevin {

namespace isa_default {
extern const JetKernels jets;
}
#ifdef LANGEVIN_HAS_ISA_X86
namespace isa_avx2 {
extern const JetKernels jets;
}
namespace isa_avx512 {
extern const JetKernels jets;
}
namespace isa_avx512_bf16 {
extern const JetKernels jets;
}
#endif

namespace {

constexpr const JetKernels* kTables[] = {&isa_default::jets,
#ifdef LANGEVIN_HAS_ISA_X86
                                         &isa_avx2::jets, &isa_avx512::jets, &isa_avx512_bf16::jets
#endif
};

const JetKernels& beside(const TileKernels& tiles) {
  for (const JetKernels* table : kTables)
    if (std::string(table->name) == tiles.name) return *table;
  fail(Code::Internal, "no loops of curvatures for the instruction set ", tiles.name);
}

}  // namespace

std::vector<const JetKernels*> runnableJetKernels() {
  std::vector<const JetKernels*> tables;
  for (const TileKernels* tiles : runnableTileKernels()) tables.push_back(&beside(*tiles));
  return tables;
}

const JetKernels& jetKernels() {
  static const JetKernels& chosen = beside(tileKernels());
  return chosen;
}

}  // namespace langevin
