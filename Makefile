# Every task of the project is a target here; `make help` lists them from the comments.

PYTHON ?= python3
# How the tests run: make test PYTEST_ARGS='-k import'. By default in several processes, each with
# databases of its own; one that is done takes over what another has before it.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist worksteal
PYTEST_ARGS ?= $(SIDE_BY_SIDE)

VENV := .venv
BIN := $(VENV)/bin

# uv where it could be had and works, else pip: the same packages by the same hashes. Neither
# keeps a cache, so nothing is left outside the project.
define install
@echo 'Into $(VENV): $(lastword $(1))'
@{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --no-cache --compile-bytecode --python $(BIN)/python $(1); } \
|| $(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check $(1)
endef

LOCK := $(BIN)/uv pip compile --quiet --no-cache $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# Where a shell sets it, pytest rewrites every plugin at each start: seconds a process.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev run test check format bench bench-full load report evidence lock clean

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/project.done ## the environment in .venv, with the command .venv/bin/vivace

dev: setup $(VENV)/test.done ## what testing and checking need, on top of setup

run: setup ## serve a library to try, with generated data
	$(BIN)/vivace serve --demo

test: dev ## the tests, with the servers found here; PYTEST_ARGS='--db postgresql' for those
	$(BIN)/pytest $(PYTEST_ARGS)

# The settings keep a key in the data folder; these have no business in the user's own.
check bench bench-full load report evidence: export VIVACE_DATA_DIR := $(CURDIR)/$(VENV)/check
check: dev ## lint, format, types and missing migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/vivace makemigrations --check --dry-run

format: dev ## put the code into shape, with the lint rules that mend themselves
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

bench: dev ## the benchmarks, in minutes, on the databases found here; BENCH_ARGS='--db sqlite'
	$(BIN)/vivace lab bench $(BENCH_ARGS)

bench-full: dev ## all of them, with a million tracks and more, in an hour
	$(BIN)/vivace lab bench --full $(BENCH_ARGS)

load: dev ## a load test of 100 users, on SQLite; LOAD_ARGS='crowd --db postgresql'
	$(BIN)/vivace lab load $(LOAD_ARGS)

report: dev ## the performance report, after measuring what is missing for it
	$(BIN)/vivace lab report $(REPORT_ARGS)

# Their exit codes say whether goals are met, and so does the report.
EVIDENCE := docs/results
TRIALS := 'throughput' 'throughput --db postgresql' 'memory' 'overload' 'outage' 'guesses' 'hostile' \
	'misspellings' 'misspellings --db postgresql' 'nodes' 'nodes --calm --seconds 45' \
	'growth' 'growth --db postgresql'

evidence: dev ## all of docs/performance.md measured anew, in more than two hours, on two quiet cores
	rm -f $(EVIDENCE)/*.json
	for trial in $(TRIALS); do \
		echo "$$trial"; $(BIN)/python -m benchmarks.$$trial --results $(EVIDENCE) || true; \
	done
	$(BIN)/vivace lab report --full --results $(EVIDENCE) --html docs/performance.html
	@! git ls-files --deleted $(EVIDENCE) | grep .  # what was there before, and broke off now

lock: setup ## requirements/*.txt from the *.in files; UPGRADE=--upgrade for the newest
	cd requirements && for name in uv build base; do \
		../$(LOCK) $$name.in --output-file $$name.txt || exit; done
	cd requirements && ../$(LOCK) --constraint base.txt test.in --output-file test.txt

clean: ## take away .venv and what tools left
	rm -rf $(VENV) *.egg-info .lab .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Each step leaves a file behind and is done anew when what it depends on is newer.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"Vivace needs Python 3.11 or newer and $(PYTHON) is %d.%d; name another as in: \
	make setup PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/build.done: $(VENV)/pyvenv.cfg requirements/uv.txt requirements/build.txt
	@$(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
		--only-binary :all: --require-hashes -r requirements/uv.txt \
		|| echo 'uv cannot be had here; pip does its work, more slowly.'
	$(call install,--require-hashes -r requirements/build.txt)
	@touch $@

$(VENV)/base.done: $(VENV)/build.done requirements/base.txt
	$(call install,--require-hashes -r requirements/base.txt)
	@touch $@

$(VENV)/project.done: $(VENV)/base.done pyproject.toml
	$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/test.done: $(VENV)/project.done requirements/test.txt
	$(call install,--require-hashes -r requirements/test.txt)
	@touch $@
