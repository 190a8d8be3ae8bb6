target_link_libraries(${target} PRIVATE spider::sim spider::testing)
