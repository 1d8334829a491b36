# openl2m-stats: `make help` lists what can be done.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := functions

PORT ?= 8000
EVENT ?= events/get_stats.json
export PORT DATABASE_URL

.DEFAULT_GOAL := help
.PHONY: help setup run snapshot invoke test lint format lock clean

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Variables: PORT=8001 (run), EVENT=events/… (invoke), PYTHON=python3.12 (setup); for run, snapshot and invoke'
	@echo '  DATABASE_URL=postgresql://user:password@host:5432/openl2m, and those that README.md lists for the function.'

setup: $(VENV)/installed ## Create the development environment in .venv

$(VENV)/installed: requirements-dev.txt tools/create_venv.sh
	@tools/create_venv.sh "$(PYTHON)" $(VENV) requirements-dev.txt
	@touch $@

run: setup ## Serve the API on http://127.0.0.1:8000/api/stats/, from a demo database or DATABASE_URL
	@exec $(BIN)/python -m tools.serve

snapshot: setup ## Take one snapshot of the demo database, or of DATABASE_URL, into a local S3, and print it
	@$(BIN)/python -m tools.snapshot

invoke: setup ## Run one event file through the handler, over the demo database, and print the response
	@$(BIN)/python -m tools.invoke "$(EVENT)"

test: setup ## Run the unit and integration tests; installs MariaDB and PostgreSQL on Debian when absent
	@tools/install_databases.sh
	@$(BIN)/pytest $(ARGS)

lint: setup ## Check style, security rules and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## Put the code into the one format
	$(BIN)/ruff check --fix-only --select I
	$(BIN)/ruff format

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header
lock: ## Choose the dependencies' versions anew (needs uv)
	$(COMPILE) --upgrade --python-version 3.13 --no-emit-package boto3 --no-emit-package botocore \
		--no-emit-package s3transfer --no-emit-package urllib3 \
		-o layers/dependencies/requirements.txt layers/dependencies/requirements.in
	$(COMPILE) --upgrade --python-version 3.11 -c layers/dependencies/requirements.txt \
		-o requirements-dev.txt --group dev pyproject.toml

clean: ## Remove what was built and installed in this folder
	rm -rf $(VENV) .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
