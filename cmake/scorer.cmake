# The scorer: native/scorer, the part of the core without LibTorch and the kernels, as scorer.node beside the addon.
include_guard(GLOBAL)

function(langevin_add_scorer)
  if(NOT TARGET langevin_plain)
    return()
  endif()
  _langevin_napi_includes(napi_includes)
  set(kernels "")
  foreach(set default default_double avx2 avx2_double avx512 avx512_double avx512_bf16)
    if(TARGET langevin_core_isa_${set})
      # Derivatives of higher order are for training.
      list(APPEND kernels "$<FILTER:$<TARGET_OBJECTS:langevin_core_isa_${set}>,EXCLUDE,jet_kernels>")
    endif()
  endforeach()
  add_library(langevin_scorer SHARED native/scorer/addon.cc native/scorer/scorer.cpp native/scorer/worker.cpp
                                     $<TARGET_OBJECTS:langevin_plain> ${kernels})
  langevin_target_options(langevin_scorer)
  target_include_directories(langevin_scorer SYSTEM PRIVATE ${napi_includes})
  target_include_directories(langevin_scorer PRIVATE native native/core native/binding)
  target_compile_options(langevin_scorer PRIVATE $<TARGET_PROPERTY:langevin_libtorch,INTERFACE_COMPILE_OPTIONS>)
  target_compile_definitions(langevin_scorer PRIVATE NAPI_VERSION=9 NAPI_CPP_EXCEPTIONS BUILDING_NODE_EXTENSION
                             NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS NODE_GYP_MODULE_NAME=scorer)
  set_target_properties(langevin_scorer PROPERTIES PREFIX "" OUTPUT_NAME scorer SUFFIX ".node" LINKER_LANGUAGE CXX
                        LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/addon")
  find_package(Threads REQUIRED)
  # nodelete: threads of the pool outlive the worker that loaded the addon.
  target_link_options(langevin_scorer PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,-s)
  target_link_libraries(langevin_scorer PRIVATE Threads::Threads ${CMAKE_JS_LIB})
  add_custom_command(TARGET langevin_scorer POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -DFROM=$<TARGET_FILE:langevin_scorer> -DTO=${CMAKE_BINARY_DIR}/Release/scorer.node
            -P "${CMAKE_SOURCE_DIR}/cmake/publish.cmake" VERBATIM)
endfunction()
