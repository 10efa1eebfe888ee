# Compiler flags shared by every target. Presets choose the sanitizer through IC_SANITIZE.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(IC_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")
option(IC_FUZZERS "build the libFuzzer targets" OFF)

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -Wno-unused-parameter
                    -Werror=return-type -Werror=unused-result -fno-omit-frame-pointer
                    -fcolor-diagnostics)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")  # lets ccache hit with a precompiled header
# Everything is position independent in the same way, libraries and programs, so that one precompiled header fits.
add_compile_options(-fPIE)
add_link_options(-fuse-ld=lld -pie)
# One set of definitions for every target, so that the precompiled header fits all of them.
add_compile_definitions(
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE SPDLOG_FMT_EXTERNAL
  SPDLOG_COMPILED_LIB SPDLOG_SHARED_LIB FMT_SHARED GTEST_HAS_PTHREAD=1)
if(IC_SANITIZE)
  add_compile_options(-fsanitize=${IC_SANITIZE} -fno-sanitize-recover=all)
  # The system's libraries are not instrumented for std::vector's container checks.
  add_link_options(-fsanitize=${IC_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/tools/cmake/ccache.sh ${CMAKE_SOURCE_DIR})
endif()
