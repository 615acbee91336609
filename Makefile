# make demo   everything set up, then the main job on the CPU: build/demo/contact_sheet.png
# make test   all tests        make lint   formatters, linters, types, docs  make bench   timings
# make docs   the documentation site: build/site/pages/index.html
# make test-core   the core without Python     make sanitize   the same under ASan, UBSan and TSan
# make cuda-report   registers, spills and occupancy of the CUDA kernels: docs/cuda-kernels.md; needs nvcc, no GPU
# make test-aarch64   the same for ARM, emulated   make test-aarch64-wheel   the ARM wheel built, imported, a view labelled
# make fuzz   hostile files for every reader; see docs/testing.md
# make test-tensorrt TENSORRT_ROOT=...   plugin and C++ example through TensorRT's headers; see docs/tensorrt.md
VENV ?= .venv
PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CORE := CMakeLists.txt pyproject.toml $(shell find csrc cmake -type f)
CXX_FILES := $(shell find csrc tests examples -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
PY_DIRS := rtgs2_trt networks export training tests benchmarks examples fuzz docs

.PHONY: demo test test-core sanitize cuda-report test-aarch64 test-aarch64-wheel test-tensorrt fuzz lint docs format bench install clean

demo: install
	$(BIN)/python examples/demo/run.py --output build/demo

# Two at a time, each on one thread of PyTorch; more would make what they share, a bundle or a demo, more often.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --max-worker-restart 1

# The core alone: needs a C++ compiler, CMake and Ninja, no Python module.
CMAKE ?= $(shell command -v cmake || echo $(BIN)/cmake)
CORE_TESTS = $(CMAKE) -S . -G Ninja -DCMAKE_MAKE_PROGRAM=$(shell command -v ninja || echo $(BIN)/ninja) \
  -DRTGS2_PYTHON=OFF -DRTGS2_TESTS=ON -DRTGS2_CUDA=OFF

test-core:
	$(CORE_TESTS) -B build/core
	$(CMAKE) --build build/core
	build/core/tests/cpp/core_tests
	build/core/tests/cpp/kernel_tests

# float-cast-overflow is not part of "undefined". Only the lines that run are checked, so optimisation stays on: loops
# over hostile values run as SIMD, as in a release.
SANITIZED = -O2 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
sanitize:
	$(CORE_TESTS) -B build/asan -DCMAKE_BUILD_TYPE=None \
	  -DCMAKE_CXX_FLAGS="$(SANITIZED) -fsanitize=address,undefined,float-cast-overflow -D_GLIBCXX_ASSERTIONS"
	$(CMAKE) --build build/asan --target core_tests
	ASAN_OPTIONS=detect_stack_use_after_return=1:strict_init_order=1 build/asan/tests/cpp/core_tests
	$(CORE_TESTS) -B build/tsan -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="$(SANITIZED) -fsanitize=thread"
	$(CMAKE) --build build/tsan --target core_tests
	TSAN_OPTIONS=halt_on_error=1 build/tsan/tests/cpp/core_tests

cuda-report: $(VENV)/.tools
	$(BIN)/python benchmarks/cuda_kernels.py --cmake $(CMAKE)

# Debian's cross compiler and an emulator. Where the core promises the same bits everywhere, the digests must be equal.
test-aarch64:
	@command -v aarch64-linux-gnu-g++ qemu-aarch64 >/dev/null && [ -d /usr/aarch64-linux-gnu ] || \
	  { echo 'missing: apt-get install g++-aarch64-linux-gnu qemu-user' >&2; exit 1; }
	$(CORE_TESTS) -B build/core
	$(CMAKE) --build build/core
	$(CORE_TESTS) -B build/aarch64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
	  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
	$(CMAKE) --build build/aarch64
	qemu-aarch64 -L /usr/aarch64-linux-gnu build/aarch64/tests/cpp/core_tests
	build/core/tests/cpp/core_digests > build/digests.txt
	qemu-aarch64 -L /usr/aarch64-linux-gnu build/aarch64/tests/cpp/core_digests > build/digests-aarch64.txt
	diff build/digests.txt build/digests-aarch64.txt && cat build/digests.txt

# The same tools and Debian's packages for arm64. What pip installs comes from where pip always takes it.
test-aarch64-wheel: $(VENV)/.installed
	tests/aarch64/wheel.sh $(BIN)/python build/aarch64-wheel

# TENSORRT_ROOT: folders with include/NvInferRuntime.h, separated by ":". Nothing but headers is needed.
test-tensorrt: $(VENV)/.dev
	TENSORRT_ROOT="$(TENSORRT_ROOT)" $(BIN)/python -m pytest tests/test_tensorrt_plugin.py tests/examples/test_cpp_example.py

# Each reader gets its share of FUZZ_SECONDS. Atheris is not a dependency: it is put beside, under build/.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(patsubst fuzz/corpus/%,%,$(wildcard fuzz/corpus/*))
fuzz: $(VENV)/.dev
	[ -d build/atheris/atheris ] || $(PIP) install --target build/atheris atheris==3.0.0  # Python 3.11 to 3.13
	@set -e; for target in $(FUZZ_TARGETS); do echo "== $$target"; PYTHONPATH=build/atheris $(BIN)/python fuzz/run.py \
	  $$target $$(($(FUZZ_SECONDS) / $(words $(FUZZ_TARGETS)))) 2>build/fuzz-$$target.log || \
	  { tail -50 build/fuzz-$$target.log; exit 1; }; grep -E '^stat::number_of|^Done|DONE' build/fuzz-$$target.log; done

lint: $(VENV)/.dev docs
	! git grep -nE '^(<<<<<<<|>>>>>>>) '  # a merge that was not finished
	$(BIN)/ruff check --no-cache $(PY_DIRS)
	$(BIN)/ruff format --check $(PY_DIRS)
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)

# Warnings are errors. The command lines are imported, so it needs what they need.
docs: $(VENV)/.dev
	$(BIN)/python docs/site/build.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix $(PY_DIRS)
	$(BIN)/ruff format $(PY_DIRS)
	$(BIN)/clang-format -i $(CXX_FILES)

bench: install
	$(BIN)/python benchmarks/stages.py

install: $(VENV)/.installed

# A torch that is already in the environment is kept; it may be any build, the CPU one is enough.
$(VENV)/.tools:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install 'scikit-build-core>=0.11' 'nanobind>=2.2' 'cmake>=3.20' ninja
	@echo 'PyTorch, if it is not there yet: a large download, which shows nothing on the way'
	$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) install '$(TORCH)'
	touch $@

$(VENV)/.installed: $(VENV)/.tools $(CORE)
	@echo 'compiling the core: a minute or two on two cores, another one where nvcc is, with nothing to see'
	$(PIP) install --no-build-isolation --editable '.[export]'
	touch $@

# The same with what tests and linters need, which includes the GPU's module as it runs on a host.
$(VENV)/.dev: $(VENV)/.tools $(CORE) $(shell find tests/cpp/cuda_on_host -type f)
	$(PIP) install --no-build-isolation --config-settings=cmake.define.RTGS2_WERROR=ON \
		--config-settings=cmake.define.RTGS2_CUDA_ON_HOST=ON --editable '.[export,test,lint,docs]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf build dist
