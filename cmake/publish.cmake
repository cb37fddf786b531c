# cmake -DFROM=file -DTO=file -P publish.cmake: copy beside the target, then rename over it in one step.
get_filename_component(folder "${TO}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
configure_file("${FROM}" "${TO}.new" COPYONLY)
file(RENAME "${TO}.new" "${TO}")
