# Finds TensorRT's headers, and builds the library of plugins with them where there is CUDA too: rtgs2_tensorrt. Only the
# headers are needed; the library neither links TensorRT nor needs a symbol of it.
set(RTGS2_TENSORRT AUTO CACHE STRING "The TensorRT plugins: AUTO (where CUDA and NvInferRuntime.h are), ON or OFF")
set_property(CACHE RTGS2_TENSORRT PROPERTY STRINGS AUTO ON OFF)
set(TENSORRT_ROOT "" CACHE PATH "Where TensorRT's include/NvInferRuntime.h is; empty: where packages put it")
if(NOT RTGS2_TENSORRT MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "RTGS2_TENSORRT is '${RTGS2_TENSORRT}': use AUTO, ON or OFF")
endif()

set(RTGS2_TENSORRT_INCLUDE_DIR "")
if(RTGS2_TENSORRT STREQUAL OFF)
  return()
endif()

function(rtgs2_without_tensorrt problem)
  if(RTGS2_TENSORRT STREQUAL ON)
    message(FATAL_ERROR "RTGS2_TENSORRT is ON, but ${problem}")
  endif()
  message(STATUS "The TensorRT plugins are left out: ${problem}")
endfunction()

# JetPack's place, that of other Debian packages, that of NVIDIA's archives.
if(TENSORRT_ROOT)
  set(places ${TENSORRT_ROOT}/include ${TENSORRT_ROOT}/include/${CMAKE_LIBRARY_ARCHITECTURE} ${TENSORRT_ROOT})
else()
  set(places /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} /usr/include/aarch64-linux-gnu /usr/include/x86_64-linux-gnu
    /usr/include /usr/local/tensorrt/include)
endif()
set(found "")
foreach(place IN LISTS places)
  if(NOT found AND EXISTS ${place}/NvInferRuntime.h AND EXISTS ${place}/NvInferVersion.h)
    set(found ${place})
  endif()
endforeach()
if(NOT found)
  list(JOIN places ", " places)
  rtgs2_without_tensorrt("NvInferRuntime.h and NvInferVersion.h are not in any of ${places}: install TensorRT's headers \
(JetPack: apt-get install libnvinfer-headers-dev), or say where they are with -DTENSORRT_ROOT=...")
  return()
endif()

# Either "#define NV_TENSORRT_MAJOR 10", or the number behind another name.
foreach(part MAJOR MINOR)
  file(STRINGS ${found}/NvInferVersion.h line REGEX "define NV_TENSORRT_${part} ")
  string(REGEX REPLACE ".*NV_TENSORRT_${part} +([A-Z0-9_]+).*" "\\1" value "${line}")
  if(NOT value MATCHES "^[0-9]+$")
    file(STRINGS ${found}/NvInferVersion.h line REGEX "define ${value} ")
    string(REGEX REPLACE ".*define ${value} +([0-9]+).*" "\\1" value "${line}")
  endif()
  set(RTGS2_TENSORRT_${part} "${value}")
endforeach()
set(version "${RTGS2_TENSORRT_MAJOR}.${RTGS2_TENSORRT_MINOR}")
if(NOT version MATCHES "^[0-9]+\\.[0-9]+$" OR version VERSION_LESS 10.3)
  rtgs2_without_tensorrt("${found} is TensorRT ${version}: use 10.3 (JetPack 6.1) or later")
  return()
endif()
set(RTGS2_TENSORRT_INCLUDE_DIR ${found})

# A library as TensorRT loads it; the caller adds what CUDA is. One a TensorRT major: interfaces change with it.
function(rtgs2_add_plugin_library target)
  set(folder ${PROJECT_SOURCE_DIR}/csrc/tensorrt)
  add_library(${target} MODULE
    ${folder}/library.cpp
    ${folder}/logger.cpp
    ${folder}/rasterize_plugin.cpp
    ${folder}/rasterize_settings.cpp
    ${folder}/rasterize_tensors.cpp)
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${folder}/exports.map)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
  target_include_directories(${target} SYSTEM PRIVATE ${RTGS2_TENSORRT_INCLUDE_DIR})
  target_compile_options(${target} PRIVATE -ffp-contract=off)
  # Nothing undefined but what libraries that are linked define: no symbol of TensorRT.
  target_link_options(${target} PRIVATE
    -Wl,--exclude-libs,ALL -Wl,--version-script=${folder}/exports.map -Wl,--no-undefined)
endfunction()

if(NOT RTGS2_HAS_CUDA)
  rtgs2_without_tensorrt("there is no CUDA core to put into them (RTGS2_CUDA)")
  return()
endif()
message(STATUS "TensorRT plugins: for TensorRT ${RTGS2_TENSORRT_MAJOR}, headers ${version} in ${found}")
rtgs2_add_plugin_library(rtgs2_tensorrt)
set_target_properties(rtgs2_tensorrt PROPERTIES OUTPUT_NAME rtgs2_tensorrt${RTGS2_TENSORRT_MAJOR})
target_compile_options(rtgs2_tensorrt PRIVATE ${RTGS2_WARNINGS} -Wshadow -Wconversion)
target_link_libraries(rtgs2_tensorrt PRIVATE rtgs2_cuda)
install(TARGETS rtgs2_tensorrt LIBRARY DESTINATION rtgs2_trt)
