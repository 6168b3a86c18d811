# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` and CPack put where, in three components: `daemon` (backplaned, backplanectl, systemd's
# files, configuration), `runtime` (the shared library) and `devel` (headers, CMake package, backplane.pc).
include(CMakePackageConfigHelpers)

if(TARGET backplanectl)
    install(TARGETS backplanectl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT daemon)
endif()

# daemon/CMakeLists.txt and systemd/CMakeLists.txt install what is theirs.
if(TARGET backplane_client)
    install(TARGETS backplane_client EXPORT backplane_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT devel
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT devel
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    if(TARGET backplane_testing)
        install(TARGETS backplane_testing EXPORT backplane_targets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT devel
            INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    endif()
    install(DIRECTORY proto/include/ client/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT devel
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
    set(BP_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/backplane)
    install(EXPORT backplane_targets NAMESPACE backplane:: FILE backplane-targets.cmake
        DESTINATION ${BP_PACKAGE_DIR} COMPONENT devel)
    configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/backplane-config.cmake.in
        ${PROJECT_BINARY_DIR}/backplane-config.cmake INSTALL_DESTINATION ${BP_PACKAGE_DIR})
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/backplane-config-version.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${PROJECT_BINARY_DIR}/backplane-config.cmake ${PROJECT_BINARY_DIR}/backplane-config-version.cmake
        DESTINATION ${BP_PACKAGE_DIR} COMPONENT devel)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/backplane.pc.in ${PROJECT_BINARY_DIR}/backplane.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/backplane.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT devel)
endif()

# OPTIONAL: a checkout of an early commit installs what it has.
install(FILES config/backplaned.json DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/backplane COMPONENT daemon OPTIONAL)
install(FILES config/backplaned.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/backplane COMPONENT daemon OPTIONAL)
install(DIRECTORY config/examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT daemon)
install(FILES daemon/man/backplaned.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT daemon OPTIONAL)
install(FILES daemon/man/backplaned.json.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT daemon OPTIONAL)
install(FILES client/man/backplanectl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT daemon OPTIONAL)
install(FILES proto/PROTOCOL.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT devel OPTIONAL)

set(CPACK_PACKAGE_NAME backplane)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_CONTACT "The Backplane authors")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_COMPONENTS_ALL daemon runtime devel)
set(CPACK_GENERATOR "TGZ;DEB")
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME backplaned)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libbackplane0)
set(CPACK_DEBIAN_DEVEL_PACKAGE_NAME libbackplane-dev)
set(CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS "libbackplane0 (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
include(CPack)
