#!/usr/bin/env bash
# The wheel of the CPU core for aarch64: cross-compiled, installed beside ONNX Runtime's and NumPy's own aarch64 wheels,
# imported by an emulated Python, and made to label a view, which must be this machine's: docs/testing.md.
#   tests/aarch64/wheel.sh PYTHON FOLDER      PYTHON: with this package, its build tools and its export extra
# FOLDER gets root/ (Debian's Python for arm64, unpacked and never installed), dist/ (the wheel) and site/.
set -euo pipefail
python=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)

missing() {
  echo "missing: $*" >&2
  exit 1
}
command -v aarch64-linux-gnu-g++ qemu-aarch64 >/dev/null || missing 'apt-get install g++-aarch64-linux-gnu qemu-user'
version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
dpkg --print-foreign-architectures | grep -qx arm64 || missing 'dpkg --add-architecture arm64 && apt-get update'
[ -n "$(apt-cache show --no-all-versions "libpython$version-dev:arm64" 2>/dev/null)" ] ||
  missing "Debian's python$version:arm64: run apt-get update, or take an environment of the Python that Debian has"

# 1. An aarch64 Python and its headers.
root=$folder/root
if [ ! -x "$root/usr/bin/python$version" ]; then
  rm -rf "$folder/packages" "$root"
  mkdir -p "$folder/packages"
  packages=("python$version-minimal" "libpython$version-"{minimal,stdlib,dev} libc6 libgcc-s1 libstdc++6 zlib1g libexpat1
    libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libssl3 libuuid1)
  (cd "$folder/packages" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]/%/:arm64}")
  for package in "$folder/packages"/*.deb; do dpkg-deb --extract "$package" "$root"; done
fi
emulated() { # from a folder without our sources, which would be imported first
  (cd "$folder" && qemu-aarch64 -L "$root" -E PYTHONPATH="$folder/site" "$root/usr/bin/python$version" "$@")
}

# 2. The wheel.
rm -rf "$folder/dist" "$folder/site"
_PYTHON_HOST_PLATFORM=linux-aarch64 SETUPTOOLS_EXT_SUFFIX=$(emulated -c \
  'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))') \
  "$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder/dist" \
  -C build-dir="$folder/build" -C cmake.define.RTGS2_CUDA=OFF -C cmake.define.RTGS2_TENSORRT=OFF \
  -C cmake.define.RTGS2_WERROR=ON -C cmake.define.CMAKE_SYSTEM_NAME=Linux -C cmake.define.CMAKE_SYSTEM_PROCESSOR=aarch64 \
  -C cmake.define.CMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -C cmake.define.CMAKE_CXX_FLAGS="-idirafter $root/usr/include" \
  -C cmake.define.Python_INCLUDE_DIR="$root/usr/include/python$version" "$repository"
wheel=("$folder"/dist/*-linux_aarch64.whl)

# 3. Installed with what it asks for, as an aarch64 pip would choose. ONNX Runtime 1.23 is the last one for JetPack 6's
# Python 3.10; later ones crash in Debian 12's qemu 7.2 while they load.
"$python" -m pip --disable-pip-version-check install --quiet --target "$folder/site" --only-binary=:all: \
  --platform linux_aarch64 --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 \
  --platform manylinux_2_28_aarch64 --implementation cp --python-version "$version" "${wheel[0]}" 'onnxruntime==1.23.*'

# 4. What it needs must be no newer than JetPack 6's Ubuntu 22.04 has.
"$python" "$here/needed_versions.py" "$folder"/site/rtgs2_trt/_native.*.so

# 5. A bundle and a scene from here; the same view there and here.
"$(dirname "$python")/rtgs2-export" "$repository/examples/demo/ckpt.pt" --output "$folder/model.rtgs2" --image-size 160x128 \
  --precision fp32 --quiet
emulated -m rtgs2_trt.cli doctor
emulated -m rtgs2_trt.cli info "$folder/model.rtgs2" --check
rm -f "$folder/room.ply"
"$python" "$here/label_view.py" "$folder/model.rtgs2" "$folder/room.ply" "$folder/here"
emulated "$here/label_view.py" "$folder/model.rtgs2" "$folder/room.ply" "$folder/there"
"$python" "$here/same_view.py" "$folder/here" "$folder/there"
