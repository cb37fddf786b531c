# The part of the core that needs no LibTorch: programs of plain numbers, compiled for the fused kernels of the CPU. Its
# objects are compiled once, without a Torch header in reach, and linked into the core and into the scorer.
include_guard(GLOBAL)

file(GLOB LANGEVIN_PLAIN_SOURCES CONFIGURE_DEPENDS native/core/executors/cpu/tile_ops_*.cpp
     native/core/executors/cpu/loop_*.cpp)
foreach(source base/error base/job base/threads base/tiling kernels/tile_kernels program/op_traits program/plain_check
        executors/cpu/tile_compile executors/cpu/tile_program executors/cpu/tile_record)
  list(APPEND LANGEVIN_PLAIN_SOURCES "${CMAKE_SOURCE_DIR}/native/core/${source}.cpp")
endforeach()

function(langevin_add_plain target)
  add_library(langevin_plain OBJECT ${LANGEVIN_PLAIN_SOURCES})
  langevin_target_options(langevin_plain)
  target_include_directories(langevin_plain PRIVATE native/core)
  # The prebuilt LibTorch fixes the ABI of std::string for everybody.
  target_compile_options(langevin_plain PRIVATE $<TARGET_PROPERTY:langevin_libtorch,INTERFACE_COMPILE_OPTIONS>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    target_compile_definitions(langevin_plain PRIVATE LANGEVIN_HAS_ISA_X86=1)
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:langevin_plain>)
endfunction()
