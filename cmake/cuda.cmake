# Finds a CUDA compiler and builds the GPU's part of the core with it: the library rtgs2_cuda, if RTGS2_HAS_CUDA.
# Inside another project it is left out unless asked for: that has its own compilers and architectures.
set(default AUTO)
if(NOT CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(default OFF)
endif()
set(RTGS2_CUDA ${default} CACHE STRING "The GPU's part of the core: AUTO (where a CUDA compiler is), ON (fail without) or OFF")
set_property(CACHE RTGS2_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT RTGS2_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "RTGS2_CUDA is '${RTGS2_CUDA}': use AUTO, ON or OFF")
endif()

set(RTGS2_HAS_CUDA OFF)
if(RTGS2_CUDA STREQUAL OFF)
  return()
endif()

find_program(RTGS2_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND RTGS2_NVCC)
  set(ENV{CUDACXX} ${RTGS2_NVCC})  # a name for the check below: a compiler that is set already it would not try
endif()

# Jetson Orin, H100 and (with CUDA 13) Jetson Thor, and PTX for every other GPU from Ampere on. A Jetson, whose
# processors are few, compiles for Jetsons alone.
if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
  set(others 90-real 80-virtual)
  if(EXISTS /etc/nv_tegra_release)
    set(others "")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES 87-real ${others})
  if(RTGS2_NVCC)
    execute_process(COMMAND ${RTGS2_NVCC} --version OUTPUT_VARIABLE nvcc_version ERROR_QUIET)
    if(nvcc_version MATCHES "release ([0-9.]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL 13.0)
      set(CMAKE_CUDA_ARCHITECTURES 87-real 110-real ${others})
    endif()
  endif()
endif()
if(CMAKE_CUDA_ARCHITECTURES)
  set(ENV{CUDAARCHS} "${CMAKE_CUDA_ARCHITECTURES}")  # what the check below compiles for
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(RTGS2_CUDA STREQUAL ON)
    message(FATAL_ERROR "RTGS2_CUDA is ON, but no CUDA compiler works here: put nvcc (CUDA 12.6 or later) on PATH, or "
      "name it with CUDACXX, and see CMakeFiles/CMakeError.log or CMakeConfigureLog.yaml for why")
  endif()
  message(STATUS "No CUDA compiler: the GPU's part of the core is left out")
  return()
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.6)
  if(RTGS2_CUDA STREQUAL ON)
    message(FATAL_ERROR "RTGS2_CUDA is ON, but this is CUDA ${CMAKE_CUDA_COMPILER_VERSION}: use 12.6 or later")
  endif()
  message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION} is older than 12.6: the GPU's part of the core is left out")
  return()
endif()
# PyPI's wheels have libcudart.so.13 without the plain name that CMake looks for; the static library is what is linked.
get_filename_component(RTGS2_NVCC_FOLDER ${CMAKE_CUDA_COMPILER} DIRECTORY)
file(GLOB RTGS2_WHEEL_CUDART ${RTGS2_NVCC_FOLDER}/../lib/libcudart.so.*)
if(RTGS2_WHEEL_CUDART AND NOT CUDA_CUDART AND NOT EXISTS ${RTGS2_NVCC_FOLDER}/../lib/libcudart.so)
  list(GET RTGS2_WHEEL_CUDART 0 RTGS2_WHEEL_CUDART)
  set(CUDA_CUDART ${RTGS2_WHEEL_CUDART} CACHE FILEPATH "CUDA's runtime library")
endif()
find_package(CUDAToolkit REQUIRED)
set(RTGS2_HAS_CUDA ON)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()

add_library(rtgs2_cuda STATIC
  csrc/argmax/upsample_argmax_cuda.cu
  csrc/cuda/device.cu
  csrc/rasterize/bin_cuda.cu
  csrc/rasterize/blend_mma_cuda.cu
  csrc/rasterize/blend_plain_cuda.cu
  csrc/rasterize/device_scene.cu
  csrc/rasterize/frame_cuda.cu
  csrc/rasterize/project_cuda.cu
  csrc/rasterize/rasterize_cuda.cu
  csrc/rasterize/sort_cuda.cu)
set_target_properties(rtgs2_cuda PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
target_include_directories(rtgs2_cuda PUBLIC csrc)
target_compile_options(rtgs2_cuda PRIVATE
  -Xcompiler=-Wall,-Wextra,-ffp-contract=off
  $<$<BOOL:${RTGS2_WERROR}>:-Werror=all-warnings;-Xcompiler=-Werror>)
target_link_libraries(rtgs2_cuda PUBLIC CUDA::cudart_static)

# What decides (which Gaussians, which tiles, which class) decides as on the CPU, without fused multiply-add. What
# blends may round as it likes; its divisions and roots only serve culling, which is generous enough for fast ones.
set_source_files_properties(
  csrc/argmax/upsample_argmax_cuda.cu csrc/rasterize/bin_cuda.cu csrc/rasterize/project_cuda.cu
  PROPERTIES COMPILE_OPTIONS "-fmad=false")
set_source_files_properties(csrc/rasterize/blend_mma_cuda.cu csrc/rasterize/blend_plain_cuda.cu
  PROPERTIES COMPILE_OPTIONS "-prec-div=false;-prec-sqrt=false;-ftz=true")
