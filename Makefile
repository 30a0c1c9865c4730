# `make run` and `make test` need python3 (3.11 or newer), git and make; they install the rest.
PYTHON ?= python3
SETUP = $(PYTHON) -m hiveproject.bootstrap
BIN = .venv/bin
# One more than there are cores, as tests wait a lot; at most four.
WORKERS = $(shell n=$$(nproc); echo $$((n < 4 ? n + 1 : 4)))
PACKAGES = hiveproject agents approvals broker
TEMPLATES = $(shell find templates -name '*.html')
SOURCES = $(shell find $(PACKAGES) tests -name '*.py' -not -path '*/migrations/*')

IN_BROWSER = -m "browser and not slow"
ELSEWHERE = -m "not browser and not slow"
ALONE = --last-failed --last-failed-no-failures=none

.PHONY: run test setup lint pytest slow bench bench-broker bench-relay soak lock clean

run:  ## set up what is missing and start the hive; Ctrl-C stops it
	@$(SETUP) run

test: setup lint pytest  ## everything that has to hold

setup:
	@$(SETUP) test

lint: setup
	@$(BIN)/ruff check manage.py $(PACKAGES) tests
	@$(BIN)/ruff format --check --quiet manage.py $(PACKAGES) tests
	@$(BIN)/mypy manage.py $(PACKAGES) tests
	@$(BIN)/lint-imports
	@$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	@$(BIN)/django-upgrade --check --target-version 5.2 $(SOURCES)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check --dry-run

# The browser's driver keeps an event loop running in its process: those tests have one of their own.
# What fails beside everything else that runs is tried once more by itself; what fails then, fails.
pytest: setup
	@$(BIN)/pytest $(IN_BROWSER) || $(BIN)/pytest $(IN_BROWSER) $(ALONE)
	@$(BIN)/pytest $(ELSEWHERE) --numprocesses=$(WORKERS) --dist=loadfile || $(BIN)/pytest $(ELSEWHERE) $(ALONE)

slow: setup  ## the tests that take minutes
	@$(BIN)/pytest -m slow --numprocesses=2 --dist=load || $(BIN)/pytest -m slow $(ALONE)

bench: setup  ## the numbers an operator feels; written to tests/bench/out
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench.broker

bench-broker: setup  ## the broker against Redis, NATS and RabbitMQ; BENCH="--help" tells of settings
	@$(BIN)/python -m tests.bench.broker $(BENCH)

bench-relay: setup  ## screens beside websockify and a bare forwarder; writes tests/bench/out/relay.json
	@$(BIN)/python -m tests.bench.relay

soak: setup  ## eight agents, five hundred turns: memory and descriptors have to stay flat
	@$(BIN)/python -m tests.soak

lock:  ## pin what pyproject.toml names; delete requirements*.txt first to take newer releases
	@$(SETUP) lock

clean:  ## remove what was installed and collected; a hive's state stays
	@rm -rf .venv node_modules staticfiles *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
