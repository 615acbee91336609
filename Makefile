# make demo   everything set up, then the main job on the CPU: build/demo/contact_sheet.png
# make test   all tests        make lint   formatters, linters, types        make bench   timings
VENV ?= .venv
PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CORE := CMakeLists.txt pyproject.toml $(shell find csrc -type f)
CXX_FILES := $(shell find csrc tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
PY_DIRS := rtgs2_trt networks export tests benchmarks examples

.PHONY: demo test lint format bench install clean

demo: install
	$(BIN)/python examples/demo/run.py --output build/demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check --no-cache $(PY_DIRS)
	$(BIN)/ruff format --check $(PY_DIRS)
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)

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
	$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) install '$(TORCH)'
	touch $@

$(VENV)/.installed: $(VENV)/.tools $(CORE)
	$(PIP) install --no-build-isolation --editable '.[export]'
	touch $@

# The same with what tests and linters need.
$(VENV)/.dev: $(VENV)/.tools $(CORE)
	$(PIP) install --no-build-isolation --config-settings=cmake.define.RTGS2_WERROR=ON \
		--editable '.[export,test,lint]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf build dist
