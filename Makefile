# Everything there is to do with this repository. Needs make and Python 3.11 or newer with venv; the first target
# that needs more creates .venv from requirements.lock. CI calls the same targets (.ci/run).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
TYPED := core generic config server.py tests/typing

.DEFAULT_GOAL := help
.PHONY: help install run test check fix bench chaos docs clean clean-all

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: $(READY) ## Create .venv with every locked dependency

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Catena needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

run: $(READY) ## Start the server in local mode, with a local MongoDB
	$(BIN)/python server.py local

test: $(READY) ## Run the whole suite with coverage of core
	$(BIN)/python -m tests.suite

check: $(READY) ## Lint, formatting, types, lock file, and the projects themselves
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -qq tests/unit/test_repository.py
	$(BIN)/python server.py test check

fix: $(READY) ## Apply what ruff can repair, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure speed and memory
	$(BIN)/python -m tests.benchmarks

chaos: $(READY) ## Kill processes, step down primaries, skew clocks
	$(BIN)/python -m pytest -s tests/chaos

docs: $(READY) ## Write the route table and the OpenAPI document the tests compare with
	$(BIN)/python server.py test routes --json > .golden.tmp
	mv .golden.tmp tests/acceptance/routes.json
	$(BIN)/python server.py test openapi > .golden.tmp
	mv .golden.tmp tests/acceptance/openapi.json

clean: ## Remove .venv, caches and reports
	rm -rf .venv .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .golden.tmp
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean ## The same, and the data of the local MongoDB
	rm -rf .data
