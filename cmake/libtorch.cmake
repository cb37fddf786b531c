# LibTorch resolution, in this order:
#   1. LIBTORCH=/path                 (environment) an unpacked LibTorch, or a torch package folder
#   2. LIBTORCH_USE_PYTORCH=1         (environment) the PyTorch that python3 on PATH imports
#   3. <home>/venv                    the managed copy that set-up makes; home is LANGEVIN_CACHE or .langevin here
#   4. CMake's own search             CMAKE_PREFIX_PATH, Torch_DIR, system folders
# An explicit request (1, 2) that fails is an error: another LibTorch than the one asked for must not slip in.
# scripts/setup/libtorch.mjs follows the same order without CMake; tests/package holds both to it.
include_guard(GLOBAL)

set(LANGEVIN_LIBTORCH_PINNED "2.13.0")
set(LANGEVIN_LIBTORCH_OLDEST "2.13")

function(_langevin_note text)
  set_property(GLOBAL APPEND_STRING PROPERTY LANGEVIN_LIBTORCH_ATTEMPTS "\n  - ${text}")
endfunction()

function(_langevin_no_libtorch remedy)
  get_property(attempts GLOBAL PROPERTY LANGEVIN_LIBTORCH_ATTEMPTS)
  message(FATAL_ERROR "LibTorch was not found. Tried:${attempts}\n${remedy}")
endfunction()

# Sets `out` to the LibTorch prefix when `dir` is one, else to the empty string; notes the attempt either way.
function(_langevin_probe_prefix out label dir)
  set(${out} "" PARENT_SCOPE)
  if(EXISTS "${dir}/share/cmake/Torch/TorchConfig.cmake")
    _langevin_note("${label}: ${dir}: found")
    set(${out} "${dir}" PARENT_SCOPE)
  elseif(EXISTS "${dir}")
    _langevin_note("${label}: ${dir}: no share/cmake/Torch/TorchConfig.cmake in it")
  else()
    _langevin_note("${label}: ${dir}: no such folder")
  endif()
endfunction()

function(_langevin_probe_pytorch out)
  set(${out} "" PARENT_SCOPE)
  find_program(_langevin_python3 NAMES python3 NO_CACHE)
  if(NOT _langevin_python3)
    _langevin_note("LIBTORCH_USE_PYTORCH=1: python3 is not on PATH")
    return()
  endif()
  # find_spec locates the package without importing it, which would take seconds.
  execute_process(
    COMMAND "${_langevin_python3}" -c
            "import importlib.util as u\ns = u.find_spec('torch')\nprint(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE dir ERROR_VARIABLE problem RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0 OR dir STREQUAL "")
    _langevin_note("LIBTORCH_USE_PYTORCH=1: ${_langevin_python3} has no torch package ${problem}")
    return()
  endif()
  _langevin_probe_prefix(prefix "LIBTORCH_USE_PYTORCH=1 (${_langevin_python3})" "${dir}")
  set(${out} "${prefix}" PARENT_SCOPE)
endfunction()

function(_langevin_check_version version)
  if(version VERSION_LESS LANGEVIN_LIBTORCH_OLDEST OR version VERSION_GREATER_EQUAL 3)
    if("$ENV{LIBTORCH_BYPASS_VERSION_CHECK}" STREQUAL "1")
      return()
    endif()
    message(FATAL_ERROR "LibTorch ${version} is outside ${LANGEVIN_LIBTORCH_OLDEST} to 2.x. Use ${LANGEVIN_LIBTORCH_PINNED} "
                        "(unset LIBTORCH and set up again), or set LIBTORCH_BYPASS_VERSION_CHECK=1 to try anyway.")
  endif()
  if(NOT version VERSION_EQUAL LANGEVIN_LIBTORCH_PINNED AND NOT "$ENV{LIBTORCH_BYPASS_VERSION_CHECK}" STREQUAL "1")
    message(WARNING "LibTorch ${version} is not the tested ${LANGEVIN_LIBTORCH_PINNED}; "
                    "LIBTORCH_BYPASS_VERSION_CHECK=1 silences this.")
  endif()
endfunction()

# A CUDA LibTorch's own CMake configuration demands a complete CUDA toolkit, which a machine with nothing but pip's usual
# wheel does not have. langevin's core needs none of it: its own kernels are built where nvcc is (cmake/cuda.cmake), and
# the libraries bring the CUDA runtime they want.
macro(_langevin_import_libtorch prefix)
  set(Torch_DIR "${prefix}/share/cmake/Torch")
  include("${Torch_DIR}/TorchConfigVersion.cmake")
  set(Torch_VERSION "${PACKAGE_VERSION}")
  set(TORCH_INCLUDE_DIRS "${prefix}/include" "${prefix}/include/torch/csrc/api/include")
  set(TORCH_CXX_FLAGS "")
  set(TORCH_LIBRARIES -Wl,--no-as-needed)
  foreach(_library torch torch_cpu torch_cuda c10 c10_cuda)
    if(EXISTS "${prefix}/lib/lib${_library}.so")
      list(APPEND TORCH_LIBRARIES "${prefix}/lib/lib${_library}.so")
    endif()
  endforeach()
  list(APPEND TORCH_LIBRARIES -Wl,--as-needed)
endmacro()

# Finds LibTorch and defines the interface target langevin::libtorch.
# Sets LANGEVIN_LIBTORCH_PREFIX, LANGEVIN_LIBTORCH_LIB_DIR, LANGEVIN_LIBTORCH_VERSION, LANGEVIN_LIBTORCH_SOURCE and
# LANGEVIN_LIBTORCH_CUDA in the caller's scope.
macro(langevin_find_libtorch)
  set(_prefix "")
  if(NOT "$ENV{LANGEVIN_CACHE}" STREQUAL "")
    set(_langevin_home "$ENV{LANGEVIN_CACHE}")
  else()
    set(_langevin_home "${CMAKE_SOURCE_DIR}/.langevin")
  endif()
  if(NOT "$ENV{LIBTORCH}" STREQUAL "")
    set(_source "LIBTORCH")
    _langevin_probe_prefix(_prefix "LIBTORCH" "$ENV{LIBTORCH}")
    if(_prefix STREQUAL "")
      _langevin_no_libtorch("Set LIBTORCH to the folder that holds include/, lib/ and share/, or unset it.")
    endif()
  elseif("$ENV{LIBTORCH_USE_PYTORCH}" STREQUAL "1")
    set(_source "LIBTORCH_USE_PYTORCH")
    _langevin_note("LIBTORCH: not set")
    _langevin_probe_pytorch(_prefix)
    if(_prefix STREQUAL "")
      _langevin_no_libtorch("Install torch==${LANGEVIN_LIBTORCH_PINNED} for that python3, or unset LIBTORCH_USE_PYTORCH.")
    endif()
  else()
    set(_source "managed")
    _langevin_note("LIBTORCH: not set")
    _langevin_note("LIBTORCH_USE_PYTORCH: not set to 1")
    file(GLOB _candidates "${_langevin_home}/venv/lib/python3*/site-packages/torch")
    if(_candidates)
      list(GET _candidates 0 _candidate)
    else()
      set(_candidate "${_langevin_home}/venv")
    endif()
    _langevin_probe_prefix(_prefix "managed copy" "${_candidate}")
    if(_prefix STREQUAL "")
      set(_source "cmake")
    endif()
  endif()

  # The Torch package caches what it found: forget it when the choice has changed since the last configure.
  if(NOT "${_prefix}" STREQUAL "${LANGEVIN_LIBTORCH_CHOICE}" AND NOT _source STREQUAL "cmake")
    foreach(_cached Torch_DIR Caffe2_DIR c10_LIBRARY kineto_LIBRARY TORCH_LIBRARY C10_CUDA_LIBRARY)
      unset(${_cached} CACHE)
    endforeach()
    set(LANGEVIN_LIBTORCH_CHOICE "${_prefix}" CACHE INTERNAL "the LibTorch of the last configure")
  endif()
  if(_prefix)
    # The Torch package looks for these with the system folders first: another LibTorch there must not be mixed in.
    set(TORCH_LIBRARY "${_prefix}/lib/libtorch.so")
    set(c10_LIBRARY "${_prefix}/lib/libc10.so")
    # The wheel has no libkineto but its CMake configuration warns about that; nothing here uses the profiler.
    if(NOT EXISTS "${_prefix}/lib/libkineto.a" AND NOT EXISTS "${_prefix}/lib/libkineto.so")
      set(kineto_LIBRARY "${c10_LIBRARY}")
    endif()
  endif()
  if(_source STREQUAL "cmake")
    find_package(Torch QUIET)
    if(NOT TARGET torch)
      _langevin_note("CMake's own search: no TorchConfig.cmake (CMAKE_PREFIX_PATH, Torch_DIR)")
      _langevin_no_libtorch("Run `npm run setup` (as a dependency: `npx langevin setup`): it installs "
                           "torch==${LANGEVIN_LIBTORCH_PINNED} in a private environment.")
    endif()
  elseif(EXISTS "${_prefix}/lib/libtorch_cuda.so")
    _langevin_import_libtorch("${_prefix}")
  else()
    find_package(Torch REQUIRED PATHS "${_prefix}" NO_DEFAULT_PATH)
  endif()

  get_filename_component(LANGEVIN_LIBTORCH_PREFIX "${Torch_DIR}/../../.." ABSOLUTE)
  set(LANGEVIN_LIBTORCH_LIB_DIR "${LANGEVIN_LIBTORCH_PREFIX}/lib")
  set(LANGEVIN_LIBTORCH_VERSION "${Torch_VERSION}")
  set(LANGEVIN_LIBTORCH_SOURCE "${_source}")
  _langevin_check_version("${LANGEVIN_LIBTORCH_VERSION}")
  if(EXISTS "${LANGEVIN_LIBTORCH_LIB_DIR}/libtorch_cuda.so")
    set(LANGEVIN_LIBTORCH_CUDA 1)
  else()
    set(LANGEVIN_LIBTORCH_CUDA 0)
  endif()

  add_library(langevin_libtorch INTERFACE)
  add_library(langevin::libtorch ALIAS langevin_libtorch)
  # SYSTEM: LibTorch's headers do not pass -Wshadow and friends, ours must.
  target_include_directories(langevin_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(langevin_libtorch INTERFACE ${TORCH_LIBRARIES})
  separate_arguments(_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(langevin_libtorch INTERFACE ${_torch_flags})
  message(STATUS "langevin: LibTorch ${LANGEVIN_LIBTORCH_VERSION} (${LANGEVIN_LIBTORCH_SOURCE}) in ${LANGEVIN_LIBTORCH_PREFIX}")
endmacro()
