# `make demo` and `make test` need git, make and Python 3.11 or newer; they do all set-up themselves.
# Another interpreter: make PYTHON=/path/to/python3.12 test.  Another place: make VENV=/path/to/venv test.

VENV := .venv
BIN := $(VENV)/bin
TESTS :=
PYTHONS := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3)

.PHONY: demo test lint check coverage bench lock clean help
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1: /p' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## run the published experiment and draw its figures
	$(BIN)/abm run scenarios/chen2015.yaml -o outputs/chen2015 --force
	$(BIN)/abm plot outputs/chen2015

test: $(VENV)/.dev ## every test but the slow ones
	$(BIN)/python -m pytest -n 2 -q $(TESTS)

lint: $(VENV)/.dev ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## lint and test

coverage: $(VENV)/.dev ## branches reached by the default tests, compiled kernels left out
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage report

bench: $(VENV)/.dev ## benchmarks against their budgets
	@status=0; for file in benchmarks/bench_*.py; do $(BIN)/python $$file || status=1; done; exit $$status

lock: $(VENV)/.core ## resolve the dependencies of pyproject.toml anew
	$(compile) pyproject.toml --group build -o requirements.txt
	$(compile) pyproject.toml --group build --extra dev -c requirements.txt -o requirements-dev.txt

clean: ## remove caches and build products; results and the environment stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# ------------------------------------------------------------------------------------- the environment

# One lock and one version of each library for Python 3.11 to 3.13, with hashes and without the address of any
# index: the same numbers and the same verdict of mypy wherever it is installed.
compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

# An environment whose interpreter has gone is none, whatever its stamps say.
$(shell test -x $(BIN)/python || rm -f $(VENV)/.core $(VENV)/.dev)

# A name on PATH may be a shim that refuses to run, or a Python without venv: so each one is tried.
$(BIN)/python:
	@for python in $(PYTHONS); do \
	    if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Setting up $(VENV) with $$($$python --version)"; \
	        exec $$python -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "abm needs Python 3.11 or newer with its venv module; tried: $(PYTHONS)." >&2; \
	echo "Install one (Debian: apt-get install python3-venv) or name one: make PYTHON=/path/to/python3" >&2; \
	exit 1

$(VENV)/.core: requirements.txt pyproject.toml | $(BIN)/python
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(BIN)/python
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.core

# uv, itself from the lock, installs in seconds; where it cannot (it reads no pip.conf), pip does the same.
define install
echo "Installing $(1)"; \
$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null || exit 1; \
sed -n '/^uv==/,/[^\\]$$/p' $(1) > $(VENV)/uv.txt; \
if { test -x $(BIN)/uv || $(pip) --require-hashes -r $(VENV)/uv.txt; } \
   && $(uv) --require-hashes -r $(1) && $(uv) --no-deps --no-build-isolation -e .; then :; \
else \
    echo "uv could not install; pip does it (one or two minutes)"; \
    $(pip) --require-hashes -r $(1) && $(pip) --no-deps --no-build-isolation -e . || exit 1; \
fi
endef
pip = $(BIN)/python -m pip install --quiet --disable-pip-version-check
uv = $(BIN)/uv pip install --quiet --python $(BIN)/python
