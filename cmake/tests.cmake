# ctest: one executable from native/tests/*.cpp, one ctest entry a file (the executable filters by file name).
include_guard(GLOBAL)

function(langevin_add_core_tests)
  file(GLOB sources CONFIGURE_DEPENDS native/tests/*.cpp)
  if(NOT sources)
    return()
  endif()
  # An object library takes the core's precompiled header as it is; an executable's own objects would be compiled with -fPIE
  # and could not. Not part of `all`: building the addon must not wait for the tests.
  add_library(langevin_core_test_objects OBJECT EXCLUDE_FROM_ALL ${sources})
  langevin_target_options(langevin_core_test_objects)
  langevin_group_sources(langevin_core_test_objects 4)
  target_include_directories(langevin_core_test_objects PRIVATE "${CMAKE_SOURCE_DIR}" native/core native/tests
                             "${CMAKE_BINARY_DIR}/generated")
  target_link_libraries(langevin_core_test_objects PRIVATE langevin::libtorch)
  # A precompiled header is only taken by a compilation with the same definitions.
  target_compile_definitions(langevin_core_test_objects PRIVATE $<TARGET_PROPERTY:langevin_core,COMPILE_DEFINITIONS>)
  target_precompile_headers(langevin_core_test_objects REUSE_FROM langevin_core)

  add_executable(langevin_core_tests EXCLUDE_FROM_ALL $<TARGET_OBJECTS:langevin_core_test_objects>)
  target_link_libraries(langevin_core_tests PRIVATE langevin_core)
  set_target_properties(langevin_core_tests PROPERTIES BUILD_RPATH "${LANGEVIN_LIBTORCH_LIB_DIR}" LINKER_LANGUAGE CXX)
  foreach(source ${sources})
    get_filename_component(name "${source}" NAME_WE)
    if(name STREQUAL "main")
      continue()
    endif()
    add_test(NAME ${name} COMMAND langevin_core_tests --file ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 1800 ENVIRONMENT "${LANGEVIN_TEST_ENVIRONMENT}")
  endforeach()
endfunction()
