# Parley's commands: `make help` lists them. Each makes the virtual environment that it needs.

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
# The first Python on the path that is new enough; PYTHON=… overrides it.
PYTHON = $(firstword $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done))

# Most tests wait half of the time, for databases say: two for each core keep it busy. Browsers, and what kills processes,
# keep a core busy each: with more of them at once, everybody waits for everybody.
CORES = $(shell $(PYTHON) -c 'import os; print(os.cpu_count() or 1)')
TESTERS = $(shell echo $$((2 * $(CORES))))
HEAVY := browser or slow

# A file's tests share its servers and browsers; the longest files come first (tests/conftest.py).
SPREAD := --dist loadfile --no-loadscope-reorder

# The Procfile calls python and flask by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1

##@ Running
.PHONY: run dev qa
run: .venv/installed ## start Parley: the API, its jobs and a media worker, on SQLite; Ctrl-C ends all
	@$(BIN)/flask db upgrade
	@# -e: Parley reads .env itself; honcho would read it by other rules. Ctrl-C (130) is how it is meant to end.
	@trap : INT; WEB_PORT="$$PORT" $(BIN)/honcho -e /dev/null start || [ $$? -eq 130 ]

dev: export DEBUG := true
dev: export LOG_FORMAT := console
dev: run ## the same, reloading when code changes, with logs for people

qa: export PROFILE := qa
qa: run ## the same in the QA profile: mocked media, reset, seed, clock, faults

##@ Checking
.PHONY: test lint audit cover bench soak format
test: lint ## lint, every test, and on PostgreSQL and MariaDB those of the database; REQUIRE_ALL=1: skip nothing
	@TEST_DATABASE=all $(BIN)/pytest -n $(TESTERS) $(SPREAD) -m "not ($(HEAVY) or soak)"
	@TEST_DATABASE=all $(BIN)/pytest -n $(CORES) $(SPREAD) -m "$(HEAVY)"
	@$(BIN)/pytest -m soak

lint: .venv/installed-dev ## style, types, and that imports run down the list of features
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy app media_worker
	@$(BIN)/lint-imports

audit: .venv/installed-dev ## known vulnerabilities of all that is installed, as far as the package index knows it
	@$(BIN)/pip-audit --local --progress-spinner off

cover: .venv/installed-dev ## every test, with the lines and branches that none of them ran
	@$(BIN)/pytest -n $(TESTERS) $(SPREAD) --cov --cov-report=term-missing:skip-covered

bench: .venv/installed-dev ## measure against yardsticks, one table; BENCH="startup …" picks some
	@$(BIN)/python -m benchmarks $(BENCH)

soak: .venv/installed-dev ## half an hour of mixed load and random kills, and then a check of everything; SOAK="--minutes 5"
	@$(BIN)/python -m tests.soak $(SOAK)

format: .venv/installed-dev ## put the code into the house style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

##@ Housekeeping
.PHONY: clean help
clean: ## delete the virtual environment and caches; never storage/
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis htmlcov .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# Files that say what is installed, newer than the requirements they were made from.
.venv/installed: requirements.txt .venv/bin/python
	@echo "Installing what Parley needs into .venv (once; about a minute) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt requirements.txt .venv/bin/python
	@echo "Installing what Parley and its tests need into .venv (once; a minute or two) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch .venv/installed $@

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Parley needs Python 3.11 or newer; PYTHON=/path/to/python names one." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
