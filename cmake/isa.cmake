# Kernels compiled once per instruction set from the same source and chosen at run time.
include_guard(GLOBAL)

# langevin_add_isa_kernels(<target> <source>...)
#
# Compiles each source four times into <target>, and the tile kernels three times more for float64. A source sees
#   LANGEVIN_ISA        isa_default | isa_avx2 | isa_avx512 | isa_avx512_bf16   (an identifier: put the code in `namespace LANGEVIN_ISA`),
#                       with _double behind it for float64
#   LANGEVIN_DOUBLE     defined for float64
#   LANGEVIN_ISA_LEVEL  0 | 1 | 2 | 3
#   LANGEVIN_ISA_NAME   "default" | "avx2" | "avx512" | "avx512_bf16"
#   CPU_CAPABILITY...   what ATen's vector headers key on, so at::vec::Vectorized has the width of the set
# Everything not marked inline must live in that namespace. Inline functions shared with other files (the standard
# library's too) are emitted per set and merged by the linker, so a source must keep its includes narrow and its helpers
# `static` or in the namespace: a merged AVX-512 copy would crash an older CPU.
function(langevin_add_isa_kernels target)
  if(NOT ARGN)
    return()
  endif()
  # What instances of float64 are made of; avx512_bf16 has no arithmetic of its own for them.
  set(doubles ${ARGN})
  list(FILTER doubles INCLUDE REGEX "/(tile|loop)_kernels\\.cpp$")
  set(default CPU_CAPABILITY=DEFAULT CPU_CAPABILITY_DEFAULT)
  _langevin_isa_library(${target} default 0 "${default}" "" ${ARGN})
  _langevin_isa_library(${target} default_double 0 "${default};LANGEVIN_DOUBLE" "" ${doubles})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    set(avx2 -mavx2 -mfma -mf16c)
    set(capability CPU_CAPABILITY=AVX2 CPU_CAPABILITY_AVX2)
    _langevin_isa_library(${target} avx2 1 "${capability}" "${avx2}" ${ARGN})
    _langevin_isa_library(${target} avx2_double 1 "${capability};LANGEVIN_DOUBLE" "${avx2}" ${doubles})
    set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
    set(capability CPU_CAPABILITY=AVX512 CPU_CAPABILITY_AVX512)
    _langevin_isa_library(${target} avx512 2 "${capability}" "${avx512}" ${ARGN})
    _langevin_isa_library(${target} avx512_double 2 "${capability};LANGEVIN_DOUBLE" "${avx512}" ${doubles})
    _langevin_isa_library(${target} avx512_bf16 3 "${capability}" "${avx512};-mavx512bf16" ${ARGN})
    target_compile_definitions(${target} PRIVATE LANGEVIN_HAS_ISA_X86=1)
  endif()
endfunction()

function(_langevin_isa_library target name level definitions flags)
  set(library ${target}_isa_${name})
  add_library(${library} OBJECT ${ARGN})
  langevin_target_options(${library})
  # The loops count on being vectorised; no contraction, so that a counter gives the same normal in every set.
  # GCC 12's own AVX-512 headers start from undefined vectors, which these warnings take for a mistake of ours.
  target_compile_options(${library} PRIVATE ${flags} -O3 -ffp-contract=off -fno-trapping-math
                         -Wno-maybe-uninitialized -Wno-uninitialized)
  string(REPLACE "_double" "" set "${name}")
  target_compile_definitions(${library} PRIVATE LANGEVIN_ISA=isa_${name} LANGEVIN_ISA_LEVEL=${level}
                             LANGEVIN_ISA_NAME="${set}" ${definitions})
  target_include_directories(${library} PRIVATE "${CMAKE_SOURCE_DIR}/native/core")
  target_link_libraries(${library} PRIVATE langevin::libtorch)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${library}>)
endfunction()
