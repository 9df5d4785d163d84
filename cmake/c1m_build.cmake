# How c1m is compiled: the language level, the warnings, the sanitizers, and the functions by which
# each folder declares its library, programs, unit tests, microbenchmarks and fuzzers.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

option(C1M_WARNINGS_AS_ERRORS "Treat compiler warnings as errors" OFF)
option(C1M_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
set(C1M_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined or thread")
set(C1M_PRESET "none" CACHE STRING
    "Name of the preset that configured this tree; stands in every result document")

# A compiler cache where there is one, shared by all clones of this user: paths below the checkout
# count as relative. A launcher given from outside, also an empty one, is left alone.
find_program(C1M_CCACHE ccache)
if(C1M_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER
   AND NOT DEFINED ENV{CMAKE_CXX_COMPILER_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros "${C1M_CCACHE}")
endif()

# Assertions stay on in every build type (docs/hacking.md): programmer errors abort in release too.
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")

# A wake-up and a switch of the runtime go through a dozen small functions of as many files, which
# the optimizer sees as a whole in what is measured; all servers alike. But for os/: with a function
# that sets errno inlined into one that parks, the compiler may keep errno's address, which it takes
# for a constant, over the switch to another thread.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

add_library(c1m_flags INTERFACE)
target_include_directories(c1m_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(c1m_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wcast-align -Woverloaded-virtual
  -Wimplicit-fallthrough -fno-omit-frame-pointer)
# What the runtime asserts in debug builds only, because it costs a search on every operation.
target_compile_definitions(c1m_flags INTERFACE $<$<CONFIG:Debug>:C1M_CHECKED_FRAMES>)
if(C1M_WARNINGS_AS_ERRORS)
  target_compile_options(c1m_flags INTERFACE -Werror)
endif()
if(C1M_SANITIZE)
  target_compile_options(c1m_flags INTERFACE "-fsanitize=${C1M_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(c1m_flags INTERFACE "-fsanitize=${C1M_SANITIZE}")
endif()
if(C1M_FUZZERS)
  target_compile_options(c1m_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The commit and whether the tree was dirty are read at build time, not at configure time, so that
# an incremental build never carries a stale commit.
add_custom_target(c1m_build_info_refresh
  COMMAND "${CMAKE_COMMAND}" -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DPRESET=${C1M_PRESET} -DOUTPUT=${PROJECT_BINARY_DIR}/generated/build_info.cpp
          -P "${PROJECT_SOURCE_DIR}/cmake/build_info.cmake"
  BYPRODUCTS "${PROJECT_BINARY_DIR}/generated/build_info.cpp"
  COMMENT "Reading the commit" VERBATIM)

# c1m_library(NAME SOURCES ... [DEPENDS ...]): one layer's static library.
function(c1m_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC c1m_flags ${ARG_DEPENDS})
endfunction()

# c1m_program(NAME SOURCES ... [DEPENDS ...]): a program, put into the build tree's bin/.
function(c1m_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE c1m_flags ${ARG_DEPENDS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()

# c1m_test(NAME SOURCES ... [DEPENDS ...]): GoogleTest cases, each one a ctest entry.
function(c1m_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE c1m_flags ${ARG_DEPENDS}
                        GTest::gtest GTest::gmock GTest::gtest_main)
  # A third of the time for a test under a sanitizer is these two. Not with g++, whose precompiled
  # header has 130 MB and saves little; and the tidy preset sees who forgets to include them.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  # The values of parameters stay out of the names: some would be addresses, which change.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 120)
endfunction()

# c1m_benchmark(NAME SOURCES ... [DEPENDS ...]): a Google Benchmark program; the tests build it and
# never judge it.
function(c1m_benchmark name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  find_package(benchmark REQUIRED)
  c1m_program(${name} SOURCES ${ARG_SOURCES}
              DEPENDS ${ARG_DEPENDS} benchmark::benchmark benchmark::benchmark_main)
endfunction()

# c1m_fuzzer(NAME SOURCES ... [DEPENDS ...]): a libFuzzer target; the fuzz preset builds it. The
# target c1m_fuzzers stands for all of them.
add_custom_target(c1m_fuzzers)
function(c1m_fuzzer name)
  if(NOT C1M_FUZZERS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE c1m_flags ${ARG_DEPENDS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(c1m_fuzzers ${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
endfunction()
