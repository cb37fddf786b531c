# CUDA kernels and the tests that need a device. In the build when LibTorch is a CUDA build and nvcc is there;
# -DLANGEVIN_CUDA=ON insists, OFF leaves them out. Without them the core compiles as it is and says why nothing is fused.
include_guard(GLOBAL)

set(LANGEVIN_CUDA "AUTO" CACHE STRING "CUDA kernels: AUTO (a CUDA LibTorch and nvcc are there), ON or OFF")
set_property(CACHE LANGEVIN_CUDA PROPERTY STRINGS AUTO ON OFF)
# Real code for each and PTX of the newest, which later devices compile when they first load it.
set(LANGEVIN_CUDA_ARCHITECTURES "80-real;90-real;100" CACHE STRING "devices the CUDA kernels are compiled for")

# Sets `out` to TRUE when the kernels are to be built.
function(_langevin_wants_cuda out)
  set(${out} FALSE PARENT_SCOPE)
  if(LANGEVIN_CUDA STREQUAL "OFF")
    return()
  endif()
  find_program(LANGEVIN_NVCC nvcc HINTS "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin)
  if(LANGEVIN_LIBTORCH_CUDA AND LANGEVIN_NVCC)
    set(${out} TRUE PARENT_SCOPE)
  elseif(LANGEVIN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LANGEVIN_CUDA=ON needs nvcc (found: ${LANGEVIN_NVCC}) and a CUDA LibTorch "
                        "(LibTorch ${LANGEVIN_LIBTORCH_VERSION} in ${LANGEVIN_LIBTORCH_PREFIX} has "
                        "libtorch_cuda.so: ${LANGEVIN_LIBTORCH_CUDA}). Set LIBTORCH to a CUDA build, or leave "
                        "LANGEVIN_CUDA out.")
  endif()
endfunction()

# langevin_add_cuda_kernels(<target> <source.cu>...)
macro(langevin_add_cuda_kernels target)
  _langevin_wants_cuda(_langevin_cuda)
  if(_langevin_cuda)
    set(CMAKE_CUDA_COMPILER "${LANGEVIN_NVCC}" CACHE FILEPATH "nvcc")
    set(CMAKE_CUDA_ARCHITECTURES "${LANGEVIN_CUDA_ARCHITECTURES}")
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    add_library(${target}_cuda OBJECT ${ARGN})
    target_include_directories(${target}_cuda PRIVATE "${CMAKE_SOURCE_DIR}/native/core")
    # No contraction: a counter must give the same normal on host and device. Fused multiply-adds are written out.
    target_compile_options(${target}_cuda PRIVATE -fmad=false)
    # C++17 is what the device code needs and the newest that CMake 3.25 knows of nvcc 13.
    set_target_properties(${target}_cuda PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_cuda>)
    target_compile_definitions(${target} PRIVATE LANGEVIN_CUDA=1)
    target_include_directories(${target} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
    target_link_libraries(${target} PUBLIC CUDA::cudart)
    message(STATUS "langevin: CUDA kernels with nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${LANGEVIN_CUDA_ARCHITECTURES}")
  endif()
endmacro()

# langevin_cuda_tests: native/tests_cuda, run by `npm run test:cuda` on a machine with a device.
function(langevin_add_cuda_tests)
  if(NOT TARGET langevin_core_cuda)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS native/tests_cuda/*.cpp)
  add_executable(langevin_cuda_tests EXCLUDE_FROM_ALL ${sources} native/tests/main.cpp)
  langevin_target_options(langevin_cuda_tests)
  target_include_directories(langevin_cuda_tests PRIVATE "${CMAKE_SOURCE_DIR}" native/core native/tests
                             "${CMAKE_BINARY_DIR}/generated")
  target_compile_definitions(langevin_cuda_tests PRIVATE LANGEVIN_CUDA=1)
  target_link_libraries(langevin_cuda_tests PRIVATE langevin_core)
  set_target_properties(langevin_cuda_tests PROPERTIES BUILD_RPATH "${LANGEVIN_LIBTORCH_LIB_DIR}" LINKER_LANGUAGE CXX)
endfunction()
