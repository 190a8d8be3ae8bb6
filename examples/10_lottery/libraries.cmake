target_link_libraries(${target} PRIVATE spider::cli)
