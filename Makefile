.DEFAULT_GOAL := help
SHELL := /bin/bash
BASE_PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
PYTHON := $(VENV)/bin/python

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/ \t/' | expand -t 14

# Two marks: what the program needs, and what tests and linters need on top.
$(VENV)/.runtime: requirements.txt
	@deploy/make-venv "$(BASE_PYTHON)" requirements.txt
	@touch $@

$(VENV)/.development: requirements.txt requirements-dev.txt
	@deploy/make-venv "$(BASE_PYTHON)" requirements-dev.txt
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime  ## the whole gateway with a simulated upstream; PROOF=1 ends after one request
	@$(PYTHON) demo.py $(if $(PROOF),--proof)

run: $(VENV)/.runtime  ## the real thing: prepare the database, then serve, with the worker
	@$(PYTHON) manage.py prepare
	@exec $(PYTHON) manage.py serve --worker

test: $(VENV)/.development  ## unit, database (SQLite and Postgres) and gateway tests
	@$(PYTHON) -m tests

test-all: $(VENV)/.development  ## and real clients, browser and load
	@$(PYTHON) -m tests --all

soak: $(VENV)/.development  ## half an hour of mixed load; SOAK_MINUTES
	@$(PYTHON) -m tests.soak

bench: $(VENV)/.development  ## what the gateway costs beside a bare relay; ten minutes
	@$(PYTHON) -m bench

bench-quick: $(VENV)/.development  ## likewise, in about a minute
	@$(PYTHON) -m bench --quick

check: $(VENV)/.development  ## format, lint, types, import contracts, migrations
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy .
	@$(VENV)/bin/lint-imports
	@DATA_DIR=$$(mktemp -d) $(PYTHON) manage.py makemigrations --check --dry-run

lock: $(VENV)/.development  ## resolve requirements*.in anew
	@$(PYTHON) -m uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --upgrade requirements.in -o requirements.txt
	@$(PYTHON) -m uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --upgrade requirements-dev.in -o requirements-dev.txt

.PHONY: help demo run test test-all bench bench-quick soak check lock
