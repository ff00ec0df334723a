# make demo   set up, run the workflow on the embedded data, say where the report is
# make test   set up, run the whole test suite
# make docs   set up, build the documentation, say where it is
# Everything lives in $(VENV); nothing outside this folder is touched.

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
PYTEST_ARGS ?=
# processes that run tests side by side
WORKERS ?= 2
BIN := $(VENV)/bin
# the workflow starts tools by name
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help env env-dev env-docs demo test coverage lint docs config-docs findings audit lock unlock clean

help:
	@echo "make demo         set up and run the demo; prints the path of the report"
	@echo "make test         set up and run the whole test suite (PYTEST_ARGS=... for a part)"
	@echo "make docs         set up and build the documentation; prints the path of its first page"
	@echo "make env          set up only"
	@echo "make coverage     run the tests of the module; which lines they miss"
	@echo "make lint         ruff, mypy, lint-imports, snakefmt, snakemake --lint"
	@echo "make audit        known vulnerabilities of the pinned packages (asks a service in the network)"
	@echo "make findings     run what is known of other libraries (network, minutes); say what still holds"
	@echo "make config-docs  write the table in config/README.md from the schemas"
	@echo "make lock         pin the newest versions that pyproject.toml allows"
	@echo "make unlock       after a run was killed: let the next one begin"
	@echo "make clean        remove results and reports, keep the environment"

env: $(VENV)/.ready $(BIN)/cgmm
env-dev: $(VENV)/.ready-dev $(BIN)/cgmm
env-docs: $(VENV)/.ready-docs

$(VENV)/.ready: envs/requirements.txt envs/requirements-demo.txt envs/requirements-uv.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"cgmm needs Python 3.11 or newer, and {sys.executable} is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.12")'
	@echo "Setting up the environment in $(VENV) (about 1 GB; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements-uv.txt
	@envs/install.sh $(BIN)/python -r envs/requirements.txt
	@envs/install.sh $(BIN)/python --no-deps -r envs/requirements-demo.txt
	@touch $@

# the command of this folder; the package itself is not installed. -P: no cgmm of the current folder
$(BIN)/cgmm: | $(VENV)/.ready
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s" -P -m cgmm "$$@"\n' "$(CURDIR)" "$(abspath $(BIN))/python" > $@
	@chmod +x $@

$(VENV)/.ready-dev: $(VENV)/.ready envs/requirements-dev.txt
	@echo "Adding the tools for tests"
	@envs/install.sh $(BIN)/python -r envs/requirements-dev.txt
	@touch $@

$(VENV)/.ready-docs: $(VENV)/.ready envs/requirements-docs.txt
	@echo "Adding the tools for the documentation"
	@envs/install.sh $(BIN)/python -r envs/requirements-docs.txt
	@touch $@

demo: env
	@$(BIN)/snakemake --cores $(CORES) --rerun-incomplete
	@echo
	@echo "Reports: $(CURDIR)/reports/index.html"

test: env-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

# what the jobs of the workflow run does not count
coverage: env-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --ignore tests/workflow

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check workflow
	$(BIN)/snakemake --lint

# -W: a warning is an error; runs the tutorial
docs: env-docs
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Documentation: $(CURDIR)/docs/_build/html/index.html"

unlock: env
	@$(BIN)/snakemake --unlock

config-docs: env
	$(BIN)/python workflow/document_config.py

# Each script makes and removes an environment of its own. Some need PYTHON to be 3.12 or newer.
findings:
	@PYTHON="$(PYTHON)" findings/all

# Reads the locks only; the tool has an environment of its own. --strict: what could not be looked up
# is a failure, not a silent pass.
AUDIT := $(VENV)-audit
AUDITED := requirements requirements-dev requirements-docs requirements-cluster requirements-formats requirements-uv
audit:
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit>=2.9"; }
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off $(foreach f,$(AUDITED),-r envs/$(f).txt)

lock: env-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --extra dev pyproject.toml -o envs/requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c envs/requirements-dev.txt --extra dask --extra workflow pyproject.toml -o envs/requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade -c envs/requirements-dev.txt --extra dask --extra docs --extra workflow pyproject.toml -o envs/requirements-docs.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c envs/requirements-dev.txt --extra cluster --extra dask pyproject.toml -o envs/requirements-cluster.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c envs/requirements-dev.txt --extra dask --extra formats --extra workflow pyproject.toml -o envs/requirements-formats.txt

clean:
	rm -rf results logs reports/*.html .snakemake docs/_build docs/generated
