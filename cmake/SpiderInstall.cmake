# What `cmake --install` lays down, and what find_package(spider) finds there:
#
#   find_package(spider 0.1 CONFIG REQUIRED COMPONENTS sqlite testing)
#   target_link_libraries(my_program PRIVATE spider::spider spider::sqlite)
#
# spider::spider is always found and needs nothing but Boost's headers and Threads. Each optional part is
# a component of its own, whose packages are looked for only by those who name it.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(SPIDER_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/spider)

# spider_install(COMPONENT TARGETS target... [COMPONENTS other...] [PACKAGES "Name version"...])
# COMPONENTS and PACKAGES are what the part itself needs.
function(spider_install component)
  cmake_parse_arguments(PARSE_ARGV 1 part "" "" "TARGETS;COMPONENTS;PACKAGES")
  install(TARGETS ${part_TARGETS} EXPORT spider-${component}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT spider-${component} NAMESPACE spider:: DESTINATION ${SPIDER_CMAKE_DIR})
  string(CONFIGURE [[
set(spider_@component@_components "@part_COMPONENTS@")
set(spider_@component@_packages "@part_PACKAGES@")
]] needs @ONLY)
  set_property(GLOBAL APPEND_STRING PROPERTY SPIDER_COMPONENT_NEEDS "${needs}")
endfunction()

# spider_install_pkg_config(NAME DESCRIPTION LIBRARY [REQUIRES module...] [REQUIRES_PRIVATE module...])
function(spider_install_pkg_config name description library)
  cmake_parse_arguments(PARSE_ARGV 3 pc "" "" "REQUIRES;REQUIRES_PRIVATE")
  string(REPLACE ";" ", " pc_requires "${pc_REQUIRES}")
  string(REPLACE ";" ", " pc_requires_private "${pc_REQUIRES_PRIVATE}")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/spider.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# Call it last: it writes down what the calls above said.
function(spider_install_package)
  get_property(SPIDER_COMPONENT_NEEDS GLOBAL PROPERTY SPIDER_COMPONENT_NEEDS)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/spider-config.cmake.in
                                ${PROJECT_BINARY_DIR}/spider-config.cmake INSTALL_DESTINATION ${SPIDER_CMAKE_DIR})
  # Before 1.0 a minor version may break its users.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/spider-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/spider-config.cmake ${PROJECT_BINARY_DIR}/spider-config-version.cmake
          DESTINATION ${SPIDER_CMAKE_DIR})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
endfunction()
