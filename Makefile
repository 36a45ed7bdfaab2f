# Each target is one line that also works by hand. `make help` lists them.
VENV ?= .venv
PY = $(VENV)/bin/python
export PYTHONWARNINGS ?=

.PHONY: help run install test lint types format bench proto fuzz faults clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run  ## install if needed and start the bus on loopback, data in ./data
	@exec $(VENV)/bin/bridge serve --data data

test: $(VENV)/.dev  ## every test that needs no server beside our own
	PYTHONASYNCIODEBUG=1 $(PY) -m pytest -m "not external"

lint: $(VENV)/.dev  ## style
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: $(VENV)/.dev  ## mypy --strict on bridge/
	$(PY) -m mypy

format: $(VENV)/.dev  ## let ruff format and fix what it can
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

bench: $(VENV)/.dev  ## figures for docs/benchmarks.md; a few minutes
	$(PY) -m tests.bench

proto: $(VENV)/.dev  ## generate bridge/_proto from protos/
	$(PY) -m tests.protos generate

clean:  ## forget environments and caches; data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --constraint constraints.txt --editable . && touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[dev]' && touch $@ $(VENV)/.run
