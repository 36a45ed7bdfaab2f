# Each target is one line that also works by hand. `make help` lists them.
VENV ?= .venv
PY = $(VENV)/bin/python

.PHONY: help test lint types format proto clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

test: $(VENV)/.dev  ## every test that needs no server beside our own
	PYTHONASYNCIODEBUG=1 $(PY) -m pytest -m "not external"

lint: $(VENV)/.dev  ## style
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: $(VENV)/.dev  ## mypy --strict on bridge/
	$(PY) -m mypy

format: $(VENV)/.dev  ## let ruff format and fix what it can
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

proto: $(VENV)/.dev  ## generate bridge/_proto from protos/
	$(PY) -m tests.protos generate

clean:  ## forget environments and caches; data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[dev]' && touch $@
