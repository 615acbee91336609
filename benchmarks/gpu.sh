#!/usr/bin/env bash
# Everything that a borrowed GPU is for, in one command and within 8 minutes: builds for this GPU, runs the GPU's tests,
# measures, and writes results.json and results.md.
#
#   benchmarks/gpu.sh [--out DIR] [--peers DIR] [--wheels DIR] [--scene PLY]... [--gaussians N]... [--dry-run]
#
# --peers names a folder with what others made, as Python imports it (gsplat, diff_gaussian_rasterization,
# onnxruntime-gpu); whatever is not in it is named as not measured. --wheels names a folder of wheels for a machine
# without network. --gaussians exchanges the sizes of the rooms that it makes (0.1, 0.5, 1 and 3 million). --dry-run
# needs no GPU and measures nothing. PYTHON chooses the interpreter, whose torch and ONNX Runtime are used if it has them.
# TENSORRT_ROOT, a folder with include/NvInferRuntime.h, has the TensorRT plugin built and driven on the GPU as well.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/gpu peers= dry= scenes=() sizes=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$2; shift 2 ;;
    --peers) peers=$(cd "$2" && pwd); shift 2 ;;
    --wheels) export PIP_NO_INDEX=1 PIP_FIND_LINKS; PIP_FIND_LINKS=$(cd "$2" && pwd); shift 2 ;;
    --scene) scenes+=(--scene "$2"); shift 2 ;;
    --gaussians) sizes+=("$2"); shift 2 ;;
    --dry-run) dry=--dry-run; shift ;;
    *) sed -n '2,11p' "$0" >&2; exit 2 ;;
  esac
done
mkdir -p "$out"
python=${PYTHON:-python3}
began=$SECONDS
[ -z "$peers" ] || export PYTHONPATH="$peers${PYTHONPATH:+:$PYTHONPATH}"
left() { echo $((470 - (SECONDS - began))); }

# Runs a step within so many seconds at most; what it says goes to a file, how it ended to steps.txt.
: > "$out/steps.txt"
step() {
  local name=$1 limit=$2 status=0
  shift 2
  [ "$limit" -le "$(left)" ] || limit=$(left)
  if [ "$limit" -le 0 ]; then echo "$name: not run, out of time" | tee -a "$out/steps.txt"; return 1; fi
  local start=$SECONDS
  timeout --kill-after=10 "$limit" "$@" > "$out/$name.txt" 2>&1 || status=$?
  echo "$name: exit code $status after $((SECONDS - start)) s, see $name.txt" | tee -a "$out/steps.txt"
  return "$status"
}

failed=0
if [ -z "$dry" ]; then
  nvidia-smi > "$out/nvidia-smi.txt" 2>&1 || true
  # A virtual environment that sees the interpreter's packages: torch and peers need not be installed again.
  venv=build/gpu-venv
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  "$python" -m venv --system-site-packages "$venv" || "$python" -m venv --without-pip --system-site-packages "$venv"
  # An interpreter that stands in a virtual environment itself passes its packages on in no other way.
  "$python" -c 'import site; print(*site.getsitepackages(), sep="\n")' \
    > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/interpreter.pth"
  python=$venv/bin/python
  step tools 60 "$python" -m pip install --quiet 'pip>=23.1' 'scikit-build-core>=0.11' 'nanobind>=2.2' 'cmake>=3.24' ninja 'pytest>=8' ||
    failed=1
  PATH="$PWD/$venv/bin:$PATH" step build 200 "$python" -m pip install --no-build-isolation \
    -C cmake.define.RTGS2_CUDA=ON -C cmake.define.CMAKE_CUDA_ARCHITECTURES=native --editable . ||
    { echo "the build failed: see $out/build.txt" >&2; exit 1; }
  step extras 40 "$python" -m pip install --quiet 'onnx>=1.16' 'pyyaml>=6' || true  # for bundles and floors
  step doctor 30 "$venv/bin/rtgs2" doctor --json --quiet || true
  step tests 120 "$python" -m pytest tests/rtgs2_trt/cuda -o addopts='-q -rfEs --import-mode=importlib' || failed=1
  if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck; do
      step "$tool" 60 compute-sanitizer --error-exitcode 1 --tool "$tool" "$python" -m pytest \
        tests/rtgs2_trt/cuda/test_rasterize_cuda.py -q -k 'odd_sizes or layouts' || failed=1
    done
  else
    echo "memcheck, racecheck: not run, compute-sanitizer is not installed" | tee -a "$out/steps.txt"
  fi
  step examples 60 "$python" -m benchmarks.gpu.examples || failed=1
  if [ -n "${TENSORRT_ROOT:-}" ]; then
    plugin=build/gpu-plugin
    { PATH="$PWD/$venv/bin:$PATH" step plugin-configure 30 cmake -S . -B "$plugin" -G Ninja -DRTGS2_PYTHON=OFF \
      -DRTGS2_TESTS=ON -DRTGS2_CUDA=ON -DRTGS2_TENSORRT=ON -DTENSORRT_ROOT="$TENSORRT_ROOT" \
      -DCMAKE_CUDA_ARCHITECTURES=native &&
      PATH="$PWD/$venv/bin:$PATH" step plugin-build 150 cmake --build "$plugin" \
        --target rtgs2_tensorrt plugin_tests_on_gpu &&
      step plugin 60 "$plugin/tests/cpp/tensorrt/plugin_tests_on_gpu" "$(echo "$plugin"/librtgs2_tensorrt*.so)"; } ||
      failed=1
  else
    echo "plugin: not run, TENSORRT_ROOT names no headers of TensorRT" | tee -a "$out/steps.txt"
  fi
fi

budget=$(($(left) - 20))
step measurements "$(left)" "$python" -m benchmarks.gpu.run --out "$out" --seconds "$budget" \
  ${peers:+--peers "$peers"} ${scenes[@]+"${scenes[@]}"} ${sizes[@]+--gaussians "${sizes[@]}"} $dry || failed=1

# Where the time goes, and that a frame neither allocates nor waits: a trace, where the tool is there.
if [ -n "$dry" ]; then
  echo "build, tests, examples, profile: not run, dry run" | tee -a "$out/steps.txt"
elif command -v nsys > /dev/null; then
  step profile 60 nsys profile --force-overwrite true --stats true --output "$out/profile" \
    "$python" -m benchmarks.gpu.run --out "$out/profiled" --gaussians 1000000 --runs 16 --seconds 40 || true
else
  echo "profile: not run, nsys is not installed" | tee -a "$out/steps.txt"
fi
[ ! -f "$out/results.md" ] || cat "$out/results.md"
exit "$failed"
