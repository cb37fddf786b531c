# Fewer, larger translation units. A file by itself costs 1.5 s before its first line: reading LibTorch's precompiled header
# and instantiating the templates it leaves open. So the files of a folder are compiled several at a time (CMake's unity
# build), and what they keep to themselves in anonymous namespaces needs names that differ within a folder.
# -DLANGEVIN_UNITS=OFF compiles every file by itself.
include_guard(GLOBAL)

option(LANGEVIN_UNITS "compile the files of a folder several at a time" ON)

# langevin_group_sources(<target> <files per unit>): sources below one folder share units of about that many. Which unit a
# file belongs to follows from its name alone, not from its place in a list: a new file changes one unit of its folder, and
# all of them only when the folder needs one more.
function(langevin_group_sources target size)
  if(NOT LANGEVIN_UNITS)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources EXCLUDE REGEX "\\$<")
  set(folders "")
  foreach(source IN LISTS sources)
    get_filename_component(folder "${source}" DIRECTORY)
    file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}/native" "${folder}")
    string(REPLACE "/" "_" folder "${folder}")
    list(APPEND folders ${folder})
    list(APPEND sources_${folder} "${source}")
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    list(LENGTH sources_${folder} count)
    math(EXPR units "(${count} + ${size} - 1) / ${size}")
    foreach(source IN LISTS sources_${folder})
      get_filename_component(name "${source}" NAME)
      string(MD5 digest "${name}")
      string(SUBSTRING "${digest}" 0 6 digest)
      math(EXPR unit "0x${digest} % ${units}")
      set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${folder}_${unit}")
    endforeach()
  endforeach()
endfunction()
