# grpc-platform: `make` alone lists what there is. Paths are relative, so the checkout may lie anywhere.
PYTHON ?= python3
RUN := .venv/bin/python
export env cluster n seed base only json port  # read by the shell, never pasted into its text
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup env up down preview lint test test-slow bench fuzz crds sweep check portal

help:
	@echo "On the local cloud, no AWS account needed:"
	@echo "  make up               create everything with the real Pulumi engine; again after a change or an interruption"
	@echo "  make up cluster=real  the same with a real Kubernetes API server (built once, 12 min)"
	@echo "  make down             remove everything"
	@echo "  make preview env=dev  what an environment would be (dev, prod, local), offline"
	@echo "  make check env=dev    what this branch would replace or delete there, and which rules it breaks"
	@echo "  make portal           the self-service portal with sample people, in a browser"
	@echo '  eval "$$(make -s env)"  then plain pulumi commands work here'
	@echo
	@echo "On AWS:"
	@echo "  make sweep env=dev    what a destroyed environment left in its account; remove=yes removes it"
	@echo
	@echo "Working on it:"
	@echo "  make crds             custom resource definitions for the modes that need them, checked against crds.lock"
	@echo "  make setup            Python environment, Pulumi CLI, local providers (the others call it)"
	@echo "  make lint             ruff, mypy --strict"
	@echo "  make test             lint, unit tests, tests on the real engine"
	@echo "  make test-slow        tests that take longer"
	@echo "  make bench            benchmarks; only=\"rules ready\" runs some, python -m bench --help lists them"
	@echo "  make fuzz n=30        one stack through random valid settings by successive updates; seed=… repeats a walk"

setup:
	@$(PYTHON) tools/bootstrap.py

env: setup
	@$(RUN) -m tools env

up: setup
	@$(RUN) -m tools up $${cluster:+--cluster "$$cluster"}

down: setup
	@$(RUN) -m tools down

preview: setup
	@if [ -z "$$env" ]; then echo 'which environment? For example: make preview env=dev' >&2; exit 2; fi
	@$(RUN) -m tools preview "$$env"

sweep: setup
	@if [ -z "$$env" ]; then echo 'which environment? For example: make sweep env=dev' >&2; exit 2; fi
	@$(RUN) -m tools sweep "$$env" $(if $(filter yes,$(remove)),--remove) $(if $(filter yes,$(yes)),--yes)

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict .

test: lint
	$(RUN) -m pytest -m 'not slow' --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-slow: setup
	@$(RUN) -m tools.kubernetes_build
	$(RUN) -m pytest -m slow --numprocesses 2 --dist loadfile --no-loadscope-reorder

bench: setup
	$(RUN) -m bench $$only $${json:+--json "$$json"}

crds: setup
	@$(RUN) -m tools crds

fuzz: setup
	@$(RUN) -m tests.variations.fuzz $${n:+-n "$$n"} $${seed:+--seed "$$seed"}

check: setup
	@if [ -z "$$env" ]; then echo 'which environment? For example: make check env=dev' >&2; exit 2; fi
	@$(RUN) -m checks "$$env" $${base:+--base "$$base"}

portal: setup
	@$(RUN) -m tools.portal_sample $${port:+--port "$$port"}
