# The Node addon: native/binding plus the core, as langevin.node.
include_guard(GLOBAL)

# N-API headers come from installed packages, never from the network: cmake-js passes them in CMAKE_JS_INC; a plain
# `cmake` asks Node where they are.
function(_langevin_napi_includes out)
  if(CMAKE_JS_INC)
    set(${out} ${CMAKE_JS_INC} PARENT_SCOPE)
    return()
  endif()
  execute_process(
    COMMAND node -p "require('node-api-headers').include_dir + ';' + require('node-addon-api').include_dir"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE dirs RESULT_VARIABLE status
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "The N-API headers are not installed: run `npm ci` in ${CMAKE_SOURCE_DIR}.")
  endif()
  set(${out} ${dirs} PARENT_SCOPE)
endfunction()

function(langevin_add_addon)
  file(GLOB sources CONFIGURE_DEPENDS native/binding/*.cc native/binding/*.cpp)
  if(NOT sources)
    return()
  endif()
  _langevin_napi_includes(napi_includes)
  # The binding sees no Torch header: its objects must not inherit LibTorch's include folders from the core, so they are a
  # library of their own and only the final link names the core.
  add_library(langevin_binding OBJECT ${sources})
  langevin_target_options(langevin_binding)
  langevin_group_sources(langevin_binding 4)
  target_include_directories(langevin_binding SYSTEM PRIVATE ${napi_includes})
  target_include_directories(langevin_binding PRIVATE "${CMAKE_SOURCE_DIR}" native/core native/binding
                             "${CMAKE_BINARY_DIR}/generated")
  # The prebuilt LibTorch fixes the ABI of std::string for everybody.
  target_compile_options(langevin_binding PRIVATE $<TARGET_PROPERTY:langevin_libtorch,INTERFACE_COMPILE_OPTIONS>)
  target_compile_definitions(langevin_binding PRIVATE NAPI_VERSION=9 NAPI_CPP_EXCEPTIONS BUILDING_NODE_EXTENSION
                             NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS NODE_GYP_MODULE_NAME=langevin)

  # No absolute path to LibTorch: the file must work on another machine and in a folder that was moved. Whoever loads the
  # addon opens LibTorch first (scripts/setup/addon.mjs), by what the record beside it says.
  set(runpath "$ORIGIN")
  if(TARGET langevin_core_cuda)
    list(APPEND runpath "${CUDAToolkit_LIBRARY_DIR}")
  endif()
  add_library(langevin SHARED $<TARGET_OBJECTS:langevin_binding>)
  set_target_properties(langevin PROPERTIES PREFIX "" SUFFIX ".node" LINKER_LANGUAGE CXX
                        LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/addon"
                        BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "${runpath}")
  # nodelete: LibTorch's thread-local and static destructors must still find the code when Node unloads addons at the end
  # of a worker.
  target_link_options(langevin PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
  target_link_libraries(langevin PRIVATE langevin_core ${CMAKE_JS_LIB})
  # Published by rename: a failed link leaves the last good addon, and a process that has the old file mapped keeps it.
  add_custom_command(TARGET langevin POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -DFROM=$<TARGET_FILE:langevin> -DTO=${CMAKE_BINARY_DIR}/Release/langevin.node
            -P "${CMAKE_SOURCE_DIR}/cmake/publish.cmake" VERBATIM)
  file(RELATIVE_PATH LANGEVIN_LIBTORCH_RELATIVE "${CMAKE_BINARY_DIR}/Release" "${LANGEVIN_LIBTORCH_PREFIX}")
  configure_file(cmake/langevin.json.in Release/langevin.json @ONLY)
endfunction()
