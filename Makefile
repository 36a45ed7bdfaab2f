# Each target is one line that also works by hand. `make help` lists them. PYTHON chooses the interpreter, VENV the place,
# WORKERS how many processes share the tests (0: pytest alone).
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
WORKERS ?= 2
BENCHES = put flow backlog http_target log timers codec transform filter

.PHONY: help run test test-faults test-cluster lint types format fuzz bench bench-match bench-cluster bench-rocketmq proto clean
.PHONY: cluster-up cluster-down cluster-status cluster-clean services-up services-down
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.run  ## install and start a bus on this machine, data in ./data
	@$(VENV)/bin/bridge serve

test: $(VENV)/.dev  ## every test that needs no server beside our own (ARGS=... for pytest)
	PYTHONASYNCIODEBUG=1 $(PY) -m pytest -m "not external" -n $(WORKERS) --dist worksteal $(ARGS)

test-faults: $(VENV)/.dev  ## kill bridges again and again, and check what they took and delivered; see docs/delivery.md
	$(PY) -m tests.faults.history

test-cluster: $(VENV)/.peers  ## what needs RocketMQ, PostgreSQL and MariaDB; starts what does not run (ARGS=... for pytest)
	PYTHONASYNCIODEBUG=1 $(PY) -m tests.cluster $(ARGS)

lint: $(VENV)/.dev  ## style
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: $(VENV)/.dev  ## mypy --strict on bridge/
	$(PY) -m mypy

format: $(VENV)/.dev  ## let ruff format and fix what it can
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

fuzz: $(VENV)/.dev  ## the properties alone, with a hundred times as many examples
	$(PY) -m pytest -m "hypothesis and not external" --hypothesis-profile fuzz --timeout 0 -o faulthandler_timeout=0
	BRIDGE_FUZZ=6000 $(PY) -m pytest tests/unit/rules/test_matcher.py -k judged_as --timeout 0 -o faulthandler_timeout=0

bench: $(VENV)/.dev  ## all benchmarks but the matcher's, one after the other; see docs/benchmarks.md
	for name in $(BENCHES); do $(PY) -m tests.bench.bench_$$name || exit 1; done

bench-match: $(VENV)/.dev  ## how fast patterns are matched
	$(PY) -m tests.bench.bench_match

bench-cluster: $(VENV)/.dev  ## our RocketMQ client beside Java's, and the bus on one broker
	$(PY) -m tests.bench.bench_cluster

bench-rocketmq: $(VENV)/.dev  ## the log of a bus on the cluster of `make cluster-up`, and from put to file
	$(PY) -m tests.bench.bench_rocketmq

cluster-up: $(VENV)/.dev  ## start RocketMQ on this machine (BROKERS=2, PROXY=1; see docs/running-on-rocketmq.md)
	@$(PY) -m tests.servers cluster up

cluster-down: $(VENV)/.dev  ## stop it; its data stay
	@$(PY) -m tests.servers cluster down

cluster-status: $(VENV)/.dev  ## show its processes, and whether they answer
	@$(PY) -m tests.servers cluster status

cluster-clean: $(VENV)/.dev  ## stop it and delete its data
	@$(PY) -m tests.servers cluster clean

services-up: $(VENV)/.dev  ## start PostgreSQL and MariaDB for the catalog
	@$(PY) -m tests.servers services up

services-down: $(VENV)/.dev  ## stop them; their data stay
	@$(PY) -m tests.servers services down

proto: $(VENV)/.dev  ## generate bridge/_proto from protos/
	$(PY) -m tests.protos generate

clean:  ## forget environments and caches; data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(PY):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(PY)
	@echo "Installing into $(VENV) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . && touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(PY)
	@echo "Installing into $(VENV), with what tests and benchmarks need ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' && touch $(VENV)/.run $@

$(VENV)/.peers: $(VENV)/.dev
	@echo "Installing into $(VENV), with clients of others that tests compare with ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,peers]' && touch $(VENV)/.run $(VENV)/.dev $@
