#!/usr/bin/env bash
# The TensorRT plugin library as a Jetson Orin loads it: CUDA kernels for sm_87, the host's part for aarch64, cross-compiled
# on x86-64 with TensorRT's headers. Nothing here can run it; what it exports and needs is looked at: docs/testing.md.
#   tests/aarch64/plugin.sh PYTHON FOLDER TENSORRT_ROOT      PYTHON: with this package and its test extra
# CUDA is that of CUDA_HOME or /usr/local/cuda; its runtime for aarch64 comes as a wheel into FOLDER.
set -euo pipefail
python=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
tensorrt=$(cd "$3" && pwd)
repository=$(cd "$(dirname "$0")/../.." && pwd)
cuda=${CUDA_HOME:-/usr/local/cuda}

[ -x "$cuda/bin/nvcc" ] || { echo "missing: $cuda/bin/nvcc; name CUDA with CUDA_HOME" >&2; exit 1; }
command -v aarch64-linux-gnu-g++ readelf >/dev/null || { echo 'missing: apt-get install g++-aarch64-linux-gnu' >&2; exit 1; }
version=$("$cuda/bin/nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')

# 1. CUDA's runtime for aarch64: a static library.
if [ ! -d "$folder/runtime" ]; then
  "$python" -m pip --disable-pip-version-check install --quiet --no-deps --only-binary=:all: --target "$folder/runtime" \
    --platform manylinux2014_aarch64 "nvidia-cuda-runtime==$version.*"
fi
static=$(find "$folder/runtime" -name libcudart_static.a)
shared=$(find "$folder/runtime" -name 'libcudart.so.*')

# 2. The library. Headers are the same for both processors; another TensorRT's may have been here before.
rm -f "$folder"/build/librtgs2_tensorrt*.so
cmake -S "$repository" -B "$folder/build" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_LIBRARY_ARCHITECTURE=aarch64-linux-gnu -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_CUDA_COMPILER="$cuda/bin/nvcc" -DCMAKE_CUDA_HOST_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_CUDA_ARCHITECTURES=87-real -DCMAKE_CUDA_FLAGS="-I$cuda/include -isystem $cuda/include/cccl -L$(dirname "$static")" \
  -DCUDA_CUDART="$shared" -DCUDA_cudart_static_LIBRARY="$static" \
  -DRTGS2_PYTHON=OFF -DRTGS2_CUDA=ON -DRTGS2_TENSORRT=ON -DRTGS2_WERROR=ON -DTENSORRT_ROOT="$tensorrt" >/dev/null
cmake --build "$folder/build" --target rtgs2_tensorrt

# 3. For the right processor and GPU, no symbol of TensorRT undefined, no library but the system's.
library=$(echo "$folder"/build/librtgs2_tensorrt*.so)
readelf --file-header "$library" | grep -q AArch64
grep -aq 'sm_87' "$library"
"$python" "$repository/tests/aarch64/needed_versions.py" "$library"
cd "$repository"
RTGS2_TENSORRT_LIBRARY=$library "$python" -m pytest tests/test_tensorrt_plugin.py -k library_for_a_gpu
echo "$library"
