#!/usr/bin/env bash
# Everything that a borrowed GPU is for, in one command and within 8 minutes: builds for this GPU, runs the GPU's tests,
# measures, and writes results.json, results.md and profile.txt into DIR, everything once more as DIR.tar.gz.
#
#   benchmarks/gpu.sh [--out DIR] [--peers DIR] [--wheels DIR] [--scene PLY]... [--gaussians N]... [--dry-run]
#
# --peers names a folder with what others made, as Python imports it (gsplat, diff_gaussian_rasterization,
# onnxruntime-gpu); whatever is not in it is named as not measured. --wheels names a folder of wheels for a machine
# without network. --gaussians exchanges the sizes of the rooms that it makes (1, 0.1, 0.5 and 3 million). --dry-run
# needs no GPU and measures nothing. PYTHON chooses the interpreter, whose torch and ONNX Runtime are used if it has them.
# TENSORRT_ROOT, a folder with include/NvInferRuntime.h, has the TensorRT plugin built and driven on the GPU as well.
set -euo pipefail

folder() { (cd "$1" && pwd); }
out= peers= peers_problem= dry= scenes=() sizes=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out) mkdir -p "$2" && out=$(folder "$2"); shift 2 ;;
    --peers) peers=$(folder "$2"); shift 2 ;;
    --wheels) export PIP_NO_INDEX=1 PIP_FIND_LINKS; PIP_FIND_LINKS=$(folder "$2"); shift 2 ;;
    --scene) scenes+=(--scene "$(folder "$(dirname "$2")")/$(basename "$2")"); shift 2 ;;
    --gaussians) sizes+=("$2"); shift 2 ;;
    --dry-run) dry=--dry-run; shift ;;
    *) sed -n '2,11p' "$0" >&2; exit 2 ;;
  esac
done
python=$(command -v "${PYTHON:-python3}") || { echo "no interpreter ${PYTHON:-python3}: name one with PYTHON" >&2; exit 2; }
python=$(folder "$(dirname "$python")")/$(basename "$python")
[ -z "${TENSORRT_ROOT:-}" ] || TENSORRT_ROOT=$(folder "$TENSORRT_ROOT")

PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin  # profilers and sanitizers, where nothing names them

cd "$(dirname "$0")/.."
[ -n "$out" ] || { out=$PWD/build/gpu; mkdir -p "$out"; }
began=$SECONDS
[ -z "$peers" ] || export PYTHONPATH="$peers${PYTHONPATH:+:$PYTHONPATH}"
left() { echo $((470 - (SECONDS - began))); }
at_most() { if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi; }

# Runs a step within so many seconds at most; what it says goes to a file, how it ended to steps.txt.
: > "$out/steps.txt"
rm -f "$out"/results.json "$out"/results.md "$out"/profile.txt "$out.tar.gz"  # of an earlier run
note() { echo "$*" | tee -a "$out/steps.txt"; }
step() {
  local name=$1 limit status=0
  limit=$(at_most "$2" "$(left)")
  shift 2
  if [ "$limit" -le 0 ]; then note "$name: not run, out of time"; return 1; fi
  local start=$SECONDS
  timeout --kill-after=10 "$limit" "$@" > "$out/$name.txt" 2>&1 || status=$?
  note "$name: exit code $status after $((SECONDS - start)) s, see $name.txt"
  pack
  return "$status"
}
# How many tests a step ran: none that ran is no failure to pytest.
counted() { note "$1: $(grep -E '[0-9]+ (passed|failed)' "$out/$1.txt" | tail -1 || echo 'NO TEST RAN')"; }
# What came so far, as one file.
pack() {
  tar -czf "$out.tar.gz" --exclude '*.nsys-rep' --exclude '*.sqlite' -C "$(dirname "$out")" "$(basename "$out")" || true
}

failed=0
if [ -z "$dry" ]; then
  nvidia-smi > "$out/nvidia-smi.txt" 2>&1 || true
  # A virtual environment that sees the interpreter's packages: torch and peers need not be installed again.
  venv=build/gpu-venv
  export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
  "$python" -m venv --system-site-packages "$venv" || "$python" -m venv --without-pip --system-site-packages "$venv"
  # An interpreter that stands in a virtual environment itself passes its packages on in no other way.
  "$python" -c 'import site; print(*site.getsitepackages(), sep="\n")' \
    > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/interpreter.pth"
  python=$PWD/$venv/bin/python
  nvcc=$(PATH=${CUDA_PATH:-${CUDA_HOME:-/usr/local/cuda}}/bin:$PATH command -v nvcc || true)
  release=$([ -z "$nvcc" ] || "$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
  if [ -z "$release" ] || [ "$(printf '%s\n' 12.6 "$release" | sort -V | head -1)" != 12.6 ]; then
    # CUDA 13 of PyPI, which needs a driver of 580 or later; in a folder of its own, apart from what torch brought.
    compiler=$PWD/build/gpu-compiler
    step compiler 90 "$python" -m pip install --quiet --target "$compiler" nvidia-cuda-nvcc nvidia-cuda-crt nvidia-nvvm \
      nvidia-cuda-runtime nvidia-cuda-cccl || failed=1
    export CUDA_PATH=$compiler/nvidia/cu13 PATH=$compiler/nvidia/cu13/bin:$PATH
  fi
  step tools 60 "$python" -m pip install --quiet 'pip>=23.1' 'scikit-build-core>=0.11' 'nanobind>=2.2' 'cmake>=3.24' ninja 'pytest>=8' ||
    failed=1
  # Without its requirements: onnxruntime-gpu, which does for onnxruntime, is not known to pip as such.
  PATH="$PWD/$venv/bin:$PATH" step build 240 "$python" -m pip install --no-deps --no-build-isolation \
    -C cmake.define.RTGS2_CUDA=ON -C cmake.define.CMAKE_CUDA_ARCHITECTURES=native --editable . ||
    { echo "the build failed: see $out/build.txt" >&2; exit 1; }
  # What runs needs the first four; bundles and floors the others, and say so where they are missing.
  mapfile -t missing < <("$python" -c '
import importlib.util, sys
for module, package in zip(sys.argv[1::2], sys.argv[2::2]):
    if importlib.util.find_spec(module) is None:
        print(package)' numpy 'numpy>=1.24' onnxruntime 'onnxruntime>=1.18' PIL 'pillow>=10.1' rich 'rich>=13' \
    onnx 'onnx>=1.16' yaml 'pyyaml>=6')
  [ ${#missing[@]} -eq 0 ] || step requirements 60 "$python" -m pip install --quiet "${missing[@]}" || true
  if [ -n "$peers" ]; then
    step peers 100 "$python" -m benchmarks.gpu.peers "$peers" || peers_problem="their first view did not end in 100 s: peers.txt"
  fi
  step doctor 30 "$venv/bin/rtgs2" doctor --json --quiet || true
  step tests 110 env RTGS2_TEST_SECONDS=90 "$python" -m pytest tests/rtgs2_trt/cuda -o addopts='-q -rfEs --import-mode=importlib' || failed=1
  counted tests
else
  note "build, tests, sanitizers, examples, profile: not run, dry run"
fi

# Where there is a GPU, what follows gets some of the time too.
budget=$(left)
if [ -z "$dry" ]; then
  budget=$(at_most $((budget - 100)) 230)
  [ "$budget" -ge 90 ] || budget=$(($(left) - 25))
fi
step measurements $((budget + 20)) "$python" -m benchmarks.gpu.run --out "$out" --seconds "$budget" \
  ${peers:+--peers "$peers"} ${peers_problem:+--peers-problem "$peers_problem"} ${scenes[@]+"${scenes[@]}"} ${sizes[@]+--gaussians "${sizes[@]}"} $dry || failed=1

if [ -z "$dry" ]; then
  # The tests of our kernels, one of each first, as far as the time goes: it skips the rest and says how many.
  if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck; do
      seconds=$(at_most 60 $((($(left) - 30) / 2)))
      step "$tool" "$seconds" env RTGS2_TEST_SECONDS=$((seconds > 20 ? seconds - 15 : 5)) compute-sanitizer --error-exitcode 1 \
        --tool "$tool" "$python" -m pytest tests/rtgs2_trt/cuda/test_rasterize_cuda.py \
        tests/rtgs2_trt/cuda/test_upsample_argmax_cuda.py -o addopts='-q -rfEs --import-mode=importlib' || failed=1
      counted "$tool"
    done
  else
    note "memcheck, racecheck: not run, compute-sanitizer is not installed"
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
    note "plugin: not run, TENSORRT_ROOT names no headers of TensorRT"
  fi
  # Where the rasteriser's time goes, beside profile.txt: whatever profiler is there.
  if command -v ncu > /dev/null && step kernels 60 ncu --clock-control none --print-summary per-kernel \
    --launch-skip 600 --launch-count 64 "$python" -m benchmarks.gpu.draw; then
    :
  elif command -v nsys > /dev/null; then
    step kernels 60 nsys profile --force-overwrite true --stats true --output "$out/kernels" \
      "$python" -m benchmarks.gpu.draw || true
  else
    note "kernels: not profiled: ncu, nsys, neither is there or allowed to"
  fi
fi
pack
[ ! -f "$out/results.md" ] || cat "$out/results.md"
echo "all of it: $out.tar.gz"
exit "$failed"
