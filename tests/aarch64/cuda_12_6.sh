#!/usr/bin/env bash
# The CUDA core with JetPack 6's CUDA 12.6, of which there is no nvcc to be had as a package: clang compiles every kernel
# for Orin with the headers of 12.6 (CUB among them), ptxas of 12.6 assembles it, and the host's parts are compiled too.
#   tests/aarch64/cuda_12_6.sh PYTHON FOLDER [TENSORRT_ROOT]      CLANG: clang++, 16 or later
# FOLDER gets NVIDIA's wheels; with TENSORRT_ROOT the plugin is compiled as well. What nvcc 12.6 says nobody has seen.
set -euo pipefail
python=$1
mkdir -p "$2/kernels"
folder=$(cd "$2" && pwd)
repository=$(cd "$(dirname "$0")/../.." && pwd)
clang=${CLANG:-clang++}
command -v "$clang" >/dev/null || { echo 'missing: apt-get install clang-19, then CLANG=clang++-19' >&2; exit 1; }

# 1. CUDA 12.6: headers, ptxas, device library.
if [ ! -x "$folder/cuda/bin/ptxas" ]; then
  rm -rf "$folder/wheels" "$folder/cuda"
  "$python" -m pip --disable-pip-version-check install --quiet --no-deps --only-binary=:all: --target "$folder/wheels" \
    'nvidia-cuda-nvcc-cu12==12.6.*' 'nvidia-cuda-runtime-cu12==12.6.*' 'nvidia-cuda-cccl-cu12==12.6.*'
  mkdir -p "$folder/cuda"
  for part in cuda_nvcc cuda_runtime cuda_cccl; do cp -r "$folder/wheels/nvidia/$part/." "$folder/cuda"; done
  touch "$folder/cuda/include/curand_mtgp32_kernel.h"  # clang includes it in any case; nothing here uses cuRAND
  chmod +x "$folder/cuda/bin/ptxas"
fi
"$folder/cuda/bin/ptxas" --version | grep -q 'release 12.6'

# 2. Kernels and the host's half of their files. clang's warnings are not those that this code is written to.
cd "$repository"
options=(-std=c++20 -O2 -w -Icsrc)
for source in $(find csrc -name '*.cu' | sort); do
  cuda=(-x cuda "--cuda-path=$folder/cuda" --cuda-gpu-arch=sm_87 "${options[@]}" "$source")
  "$clang" "${cuda[@]}" --cuda-device-only -c -o "$folder/kernels/$(basename "$source" .cu).cubin"
  "$clang" "${cuda[@]}" --cuda-host-only -fsyntax-only
  echo "$source"
done

# 3. What else includes CUDA's headers.
sources=(csrc/bindings/cuda/*.cpp)
headers=("-isystem" "$folder/cuda/include" "-isystem" "$("$python" -m nanobind --include_dir)"
  "-isystem" "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')")
if [ $# -gt 2 ]; then
  sources+=(csrc/tensorrt/*.cpp)
  headers+=("-isystem" "$3/include")
fi
for source in "${sources[@]}"; do
  g++ -std=c++20 -fvisibility=hidden -Wall -Wextra -Werror -Icsrc "${headers[@]}" -fsyntax-only "$source"
  echo "$source"
done
