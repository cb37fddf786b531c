# What every target of ours is compiled with. Target options only: cmake-js discards CMAKE_CXX_FLAGS.
include_guard(GLOBAL)

option(LANGEVIN_WERROR "treat warnings in our own files as errors" ON)
set(LANGEVIN_SANITIZE "" CACHE STRING "sanitizers of the core and its tests: empty, address+undefined or thread")
set_property(CACHE LANGEVIN_SANITIZE PROPERTY STRINGS "" "address+undefined" "thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} is too old: langevin needs g++ 12 or newer (apt-get install -y g++).")
endif()

# ccache may reuse objects built with a precompiled header only when it is told that timestamps and defines in it do not
# matter; the preprocessor must keep the reference to the header (-fpch-preprocess) so that ccache sees its contents.
find_program(LANGEVIN_CCACHE ccache)
if(LANGEVIN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER AND NOT DEFINED ENV{CMAKE_CXX_COMPILER_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${LANGEVIN_CCACHE}")
endif()

function(langevin_target_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wnon-virtual-dtor $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
  # GCC 12 takes the alternatives a std::variant does not hold for memory somebody forgot to initialise.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # Under a sanitizer the compiler warns about the checks it inserted itself; the plain build is the one that judges.
  if(LANGEVIN_WERROR AND NOT LANGEVIN_SANITIZE)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LANGEVIN_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  # Nobody reads errno after sqrt or exp, and setting it keeps loops from being vectorised.
  target_compile_options(${target} PRIVATE -fno-math-errno)
  if(LANGEVIN_SANITIZE STREQUAL "address+undefined")
    set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  elseif(LANGEVIN_SANITIZE STREQUAL "thread")
    set(sanitize -fsanitize=thread)
  elseif(NOT LANGEVIN_SANITIZE STREQUAL "")
    message(FATAL_ERROR "LANGEVIN_SANITIZE is \"${LANGEVIN_SANITIZE}\": use address+undefined, thread or leave it empty.")
  endif()
  if(LANGEVIN_SANITIZE)
    target_compile_options(${target} PRIVATE ${sanitize} -fno-omit-frame-pointer -g1 -O1)
    # INTERFACE too: whatever links the static library needs the runtime.
    target_link_options(${target} PUBLIC ${sanitize})
  endif()
endfunction()
