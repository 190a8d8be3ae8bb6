# What every target of this project is built with. Nothing here reaches a consumer.

find_program(SPIDER_CCACHE ccache)
if(SPIDER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness that ccache asks for when precompiled headers are in play.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${SPIDER_CCACHE})
endif()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Warnings are errors, sanitizers are applied to all code or to none.
function(spider_configure target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's awaitable allocates its frames through its own operators; g++ 12 inlines one of the two
    # and then believes that they do not match.
    target_compile_options(${target} PRIVATE -fpch-preprocess -Wno-mismatched-new-delete)
    if(CMAKE_UNITY_BUILD)  # where what a file keeps to itself looks like something out of a header
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # False for "text" + std::string at -O3 (gcc bug 105329).
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Without times in it, a precompiled header is the same in every copy of the tree, and ccache hits.
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  if(SPIDER_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${SPIDER_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${SPIDER_SANITIZE})
    if(SPIDER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PUBLIC -Wno-tsan)  # atomic_thread_fence in Asio
    endif()
  endif()
endfunction()

# The headers that nearly every translation unit needs.
function(spider_precompile target)
  target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled.hpp)
endfunction()
