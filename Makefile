# Two commands matter: `make demo` and `make test`. Both install what they need and say what they do.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
NAME ?= truststream
SIZE ?= node
ARGS ?=
IMG ?= truststream:dev

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(READY): requirements.lock .ci/requirements-dev.lock pyproject.toml .ci/setup
	@bash .ci/setup $(VENV)
	@touch $@

.PHONY: setup
setup: $(READY) ## Make the virtual environment from the lock files

.PHONY: demo
demo: $(READY) ## Show a good release promoted and a bad one rolled back, on a real cluster (KEEP=1 leaves it up)
	@$(PY) -m tests.demo $(if $(KEEP),--keep) $(ARGS)

.PHONY: test
test: $(READY) ## Run everything: checks, unit, contract, statistics, integration and end-to-end tests
	@$(PY) -m tests.all $(ARGS)

.PHONY: test-fast
test-fast: $(READY) ## Run the pure tests for the daily loop (about a minute)
	@$(PY) -m pytest -q -n 2 tests/unit tests/contract tests/stats tests/bench $(ARGS)

.PHONY: test-integration
test-integration: $(READY) ## Run the tests on a real kube-apiserver with fake nodes
	@$(PY) -m tests.integration $(ARGS)

.PHONY: test-e2e
test-e2e: $(READY) ## Run the tests with real pods, proxy and Prometheus
	@$(PY) -m tests.e2e $(ARGS)

.PHONY: bench
bench: $(READY) ## Measure what a look of the judge costs (build/bench/analysis.json), then bench-flags
	@$(PY) -m tests.bench
	@$(PY) -m tests.bench.flags

.PHONY: bench-judge
bench-judge: $(READY) ## Simulate releases by the thousand: how often the judge is wrong, and how soon it is right
	@$(PY) -m tests.bench.judge $(ARGS)

.PHONY: bench-flags
bench-flags: $(READY) ## Measure flags: evaluations, OFREP, memory, how soon a change is served (build/bench/flags.json)
	@$(PY) -m tests.bench.flags $(ARGS)

.PHONY: check
check: $(READY) ## Lint, types, import directions, generated files
	@$(VENV)/bin/ruff format --check operator tests
	@$(VENV)/bin/ruff check operator tests
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/truststream generate crds --check
	@$(VENV)/bin/truststream generate docs --check

.PHONY: fmt
fmt: $(READY) ## Format the code
	@$(VENV)/bin/ruff format operator tests
	@$(VENV)/bin/ruff check --fix operator tests

.PHONY: crds
crds: $(READY) ## Generate crds/ and the chart's copies from the models
	@$(VENV)/bin/truststream generate crds

.PHONY: protos
protos: $(READY) ## Generate the modules of flagd's messages from operator/truststream/serving/protocol/*.proto
	@bash .ci/protos

.PHONY: docs
docs: $(READY) ## Generate docs/reference/ from models and commands
	@$(VENV)/bin/truststream generate docs

.PHONY: lock
lock: $(READY) ## Pin the dependencies anew (needs uv)
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make lock" pyproject.toml --group dev -c requirements.lock -o .ci/requirements-dev.lock

.PHONY: image
image: ## Build the operator's image with Docker or buildah: make image IMG=registry.example/truststream:1.0
	@bash operator/build-image.sh $(IMG)

.PHONY: cluster-up
cluster-up: $(READY) ## Start a cluster (SIZE=node|control-plane, NAME=truststream, CLUSTER=kind|local)
	@$(PY) -m tests.cluster up --size $(SIZE) --name $(NAME)

.PHONY: cluster-down
cluster-down: $(READY) ## Stop it; nothing is left behind
	@$(PY) -m tests.cluster down --name $(NAME)

.PHONY: cluster-shell
cluster-shell: $(READY) ## A shell with kubectl and helm for it
	@$(PY) -m tests.cluster shell --name $(NAME)

.PHONY: clean
clean: ## Remove what was built in this folder
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
