# Everything a target needs is set up inside this folder: Python 3.11 or later and make are enough.
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := .tools/bin/uv
READY := .venv/.ready
RUN := .venv/bin
ARGS ?=
# The tests wait more than they compute, for servers, queues and functions, so there may be more of these than cores.
WORKERS ?= 3

export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)

.PHONY: help demo test test-system check lint bench synth clean

help: ## what can be done here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(READY) ## the whole system on this machine (ARGS="--once --json" for scripts)
	@$(RUN)/warden demo $(ARGS)

test: $(READY) ## every test that needs Python only
	@$(RUN)/pytest -m "not system" -n $(WORKERS) --dist loadfile $(ARGS)

test-system: $(READY) ## tests with programs of the operating system: Chromium, ruby, strace
	@$(RUN)/pytest -m system $(ARGS)

check: lint test ## what must pass before a commit lands: ruff, mypy, tests

lint: $(READY)
	@$(RUN)/ruff check
	@$(RUN)/ruff format --check
	@$(RUN)/mypy

bench: $(READY) ## calls, milliseconds and bytes, beside a peer in the same run
	@$(RUN)/python -m tests.bench $(ARGS)

synth: $(READY) ## the CloudFormation templates, into cdk.out
	@CDK_OUTDIR=cdk.out $(RUN)/python app.py

clean: ## remove what was set up here
	rm -rf .venv .tools .warden cdk.out build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lambda-warden needs Python 3.11 or later: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): $(UV) pyproject.toml uv.lock
	@$(UV) sync --frozen --quiet
	@touch $(READY)
