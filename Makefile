# Two commands do everything on a fresh machine:  make run   and   make test
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAY    := @printf '\033[1m==> %s\033[0m\n'

.PHONY: help run test check format lock translations assets clean

help:  ## Show this list.
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp  ## Install, then watch a simulated province on http://127.0.0.1:8080
	$(SAY) "commune-monitor demo: open http://127.0.0.1:8080 (Ctrl+C stops it)"
	@exec $(BIN)/commune-monitor demo

test: $(VENV)/dev.stamp  ## Install what the tests need, servers too, and run them all.
	@sh scripts/test-servers.sh
	$(SAY) "tests"
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)

check: $(VENV)/dev.stamp  ## Lint, types, import contracts, generated files.
	$(SAY) "ruff";     $(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(SAY) "mypy";     $(BIN)/mypy
	$(SAY) "imports";  $(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## Format the code.
	@$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

$(VENV)/bin/python:
	$(SAY) "creating $(VENV)"
	@sh scripts/venv.sh $(PYTHON) $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(SAY) "installing what the service needs (hash-checked, about a minute)"
	@$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes --only-binary :all: -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(SAY) "installing what the tests need (hash-checked, about two minutes)"
	@$(BIN)/python -m pip install --quiet --progress-bar on --require-hashes -r requirements-dev.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

lock: $(VENV)/dev.stamp  ## Renew the locks from pyproject.toml.
	$(SAY) "locking"
	@sh scripts/lock.sh $(BIN)

clean:  ## Remove what the commands made.
	rm -rf $(VENV) build dist *.egg-info demo-data
