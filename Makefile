# Everything a contributor types. `make` alone prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNNABLE := $(VENV)/.runnable
READY := $(VENV)/.ready
# What plays evals with a model, apart from what the server runs on.
EVALS_LIB := $(VENV)/evals
EVALS_READY := $(EVALS_LIB)/.ready
# The S3 server that `make rest` and `make bench` use; it brings more packages than all else.
S3 := .venv-s3
S3_READY := $(S3)/.ready
# The workers of a test run share what one of them has compiled, wherever this was turned off.
export PYTHONDONTWRITEBYTECODE :=
# Twice the cores of two: many tests wait for processes and browsers.
WORKERS ?= 4
# A worker that is done takes over what another one still has to do.
IN_PARALLEL := -n $(WORKERS) --dist worksteal
# The whole lock, wheel by wheel: nothing is resolved or built on a user's machine.
INSTALL := pip install --quiet --disable-pip-version-check --no-deps --no-compile
SAMPLE := -m "not exhaustive"
MEASURED := --cov --cov-report=term
THE_REST := -m "exhaustive or hypothesis" --hypothesis-profile=full
LOCKED := --only-binary=:all: --require-hashes
# The one exception: pyvips has no wheel. Its source is Python alone, and what builds it is locked too.
BUILT := --no-binary=pyvips --no-build-isolation
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help demo findable uploading test check lint rest evals bench bench-faults bench-http bench-start fuzz conformance clients contract bundle sbom artifacts check-release release owner format lock latest lock-check clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define VENV_MADE
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fw-mcp needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up $(VENV) (once, $(1)) ..."
	@$(PYTHON) -m venv $(VENV)
endef

# What runs, without what tests it.
$(RUNNABLE): requirements/runtime.txt requirements/upload.txt requirements/build.txt
	$(call VENV_MADE,some seconds)
	@$(BIN)/python -m $(INSTALL) $(LOCKED) -r requirements/runtime.txt
	@$(MAKE) --silent uploading 2>$(VENV)/uploading.log || echo "What uploads pictures cannot be installed here ($(VENV)/uploading.log says why): the demo leaves out its folder of pictures."
	@$(MAKE) --silent findable
	@touch $(RUNNABLE)

# A client starts it in a folder of its own.
findable:
	@"$(BIN)/python" -c 'import os, pathlib, site; pathlib.Path(site.getsitepackages()[0], "fw-mcp.pth").write_text(os.getcwd() + "\n")'

# What builds pyvips does not stay.
uploading:
	@$(BIN)/python -m $(INSTALL) $(LOCKED) --target $(VENV)/build -r requirements/build.txt
	@PYTHONPATH="$(CURDIR)/$(VENV)/build" $(BIN)/python -m $(INSTALL) $(LOCKED) $(BUILT) -r requirements/upload.txt
	@rm -rf $(VENV)/build

$(READY): requirements/dev.txt requirements/upload.txt pyproject.toml
	$(call VENV_MADE,a minute or two)
	@$(BIN)/python -m $(INSTALL) $(LOCKED) -r requirements/dev.txt
	@$(MAKE) --silent uploading
	@$(BIN)/python -m $(INSTALL) --no-build-isolation --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $(RUNNABLE) $(READY)

$(S3_READY): requirements/s3.txt
	@$(PYTHON) -m venv $(S3)
	@$(S3)/bin/python -m $(INSTALL) $(LOCKED) -r requirements/s3.txt
	@touch $(S3_READY)

$(EVALS_READY): requirements/evals.txt $(READY)
	@rm -rf $(EVALS_LIB)
	@$(BIN)/python -m $(INSTALL) $(LOCKED) --target $(EVALS_LIB) -r requirements/evals.txt
	@touch $(EVALS_READY)

demo: $(RUNNABLE) ## Play a real session over stdio against the embedded sandbox
	@$(BIN)/python -m fw_mcp demo

test: $(READY) ## Run the tests: every promise, and a sample where there are many similar cases
	$(BIN)/python -m pytest $(IN_PARALLEL) $(SAMPLE) $(COVERAGE)

check: lint ## Run every gate: lint, types, the tests with coverage, the cases that make test skips
	@$(MAKE) --no-print-directory test COVERAGE="$(MEASURED)"
	@$(MAKE) --no-print-directory rest

lint: $(READY) ## Check lint, format, types and the tool definitions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	MYPYPATH=packaging $(BIN)/mypy bench/*.py
	$(BIN)/mypy bench/clients/*.py
	$(BIN)/mypy bench/conformance/*.py
	$(BIN)/mypy packaging/*.py
	$(BIN)/tdqs lint --fail-on warning --command "$(BIN)/python -m fw_mcp --sandbox"

rest: $(READY) $(S3_READY) $(EVALS_READY) ## Run what make test skips: every case, and more examples of each property
	$(BIN)/python -m pytest $(IN_PARALLEL) $(THE_REST)

evals: $(EVALS_READY) ## Play sellers' tasks with scripted operators (MODEL=provider:name: with a model)
	@PYTHONPATH="$(CURDIR)/$(EVALS_LIB)" $(BIN)/python -m evals $(if $(MODEL),--model $(MODEL)) $(EVALS)

bench: $(READY) $(S3_READY) ## Measure performance, as ratios within one run
	@$(BIN)/python bench/run.py

bench-faults: $(READY) ## Measure what faults cost: lost and duplicate images, the journal
	@$(BIN)/python bench/faults.py

bench-http: $(READY) ## Measure serving over HTTP against a bare server: calls per second, memory, tokens, spans
	@$(BIN)/python bench/over_http.py

bench-start: $(BIN)/uv ## Measure the time from nothing to the first answer: uvx, the bundle, the container image
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=packaging $(BIN)/python bench/first_answer.py

fuzz: $(READY) ## Throw odd requests, answers and calls at everything for some minutes
	@seed=$${SEED:-$$($(BIN)/python -c 'import secrets; print(secrets.randbits(32))')}; \
	echo "seed $$seed: make fuzz SEED=$$seed draws the same again"; \
	$(BIN)/python -m pytest tests/fuzz tests/contrary/test_sequences.py -n $(WORKERS) --hypothesis-profile=fuzz --hypothesis-seed=$$seed

conformance: $(READY) ## Test the server with the MCP Inspector, the official suite and an OpenID provider (needs Node)
	@$(BIN)/python bench/conformance/run.py

clients: $(BIN)/uv ## Run docs/agents: agent libraries against the sandbox (needs Node; CLIENTS=--sample: four)
	@$(BIN)/python bench/clients/run.py $(CLIENTS)

contract: $(READY) ## Rewrite what is generated from the code: tool definitions, README tables, packaging
	@$(BIN)/python -m tests.support.contract
	@$(BIN)/python packaging/make.py

bundle: $(READY) ## Build the bundle that clients install with a click, in dist/
	@$(BIN)/python packaging/bundle.py

sbom: $(BIN)/uv ## Write what a release consists of, with licenses, in dist/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python packaging/sbom.py

artifacts: $(BIN)/uv ## Build the files of a release in dist/, twice, with their checksums
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python packaging/artifacts.py

check-release: $(BIN)/uv ## Check what is published with the tools that will read it (ONLY=word: some checks)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python packaging/check.py $(if $(ONLY),--only $(ONLY))

release: $(BIN)/uv ## Prepare VERSION=x.y.z, and say what to push (RELEASE=--rehearse: try it)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python packaging/release.py "$(VERSION)" $(RELEASE)

owner: $(READY) ## Name the GitHub account that publishes: OWNER=account
	@$(BIN)/python packaging/owner.py "$(OWNER)"
	@$(MAKE) --no-print-directory contract

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(BIN)/uv: requirements/uv.txt $(READY)
	@$(BIN)/python -m $(INSTALL) $(LOCKED) -r requirements/uv.txt
	@touch $(BIN)/uv

lock: $(BIN)/uv ## Resolve the hashed requirements again (UPGRADE=--upgrade: newest versions) and check them
	@$(COMPILE) $(UPGRADE) --group dev --extra upload --extra otel --extra postgres --no-emit-package pyvips pyproject.toml -o requirements/dev.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt --extra upload pyproject.toml -o requirements/upload.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt --extra otel pyproject.toml -o requirements/otel.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt --extra postgres pyproject.toml -o requirements/postgres.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt --extra evals pyproject.toml -o requirements/evals.txt
	@$(COMPILE) $(UPGRADE) --constraints requirements/dev.txt --group build -o requirements/build.txt
	@$(COMPILE) $(UPGRADE) --group s3 -o requirements/s3.txt
	@$(COMPILE) $(UPGRADE) --group uv -o requirements/uv.txt
	@$(COMPILE) $(UPGRADE) --group sbom -o requirements/sbom.txt
	@$(BIN)/python requirements/check.py

latest: $(BIN)/uv ## Play the demo and run the tests on the newest and on the lowest allowed dependencies
	@$(BIN)/python requirements/latest.py --workers $(WORKERS)

lock-check: $(READY) ## Try the hashed requirements with the versions of pip and Python that users have
	@$(BIN)/python requirements/check.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(S3) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
