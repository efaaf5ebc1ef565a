# make demo: set-up, then the main job on the bundled sample sites.   make test: the whole suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := archive provenance storage viewer flows
PACKAGES := $(foreach folder,$(SOURCES),-p sijill.$(folder))
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --no-deps --require-hashes
ARCHIVE ?= archive-data
OPERATOR ?= $(shell git config user.name 2>/dev/null || id -un)
CONTACT ?= $(shell git config user.email 2>/dev/null || echo "$$(id -un)@$$(uname -n)")

# make demo STORE=s3: the same against a real S3 server with Object Lock.
STORE ?= local

.PHONY: help demo capture s3 test lint format bench pictures quality lock verifier clean

help:
	@echo "make demo                 set up, archive the bundled sample sites, verify, and show a changed byte refused"
	@echo "make demo STORE=s3        the same against a real S3 server, everything locked"
	@echo "make s3                   run an S3 server for trials; prints store URLs and credentials"
	@echo "make capture URL=https:// archive a page into $(ARCHIVE)/"
	@echo "make test | lint | bench  the test suite | ruff, mypy, import contracts | speed beside peers"
	@echo "make verifier             build provenance/verify.html, the verifier as a page (needs node and npm)"
	@echo "make pictures             the README's pictures of the viewer, made anew"
	@echo "make quality              what the reader finds on sample pages: precision and recall"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sijill needs Python 3.11 or newer: set PYTHON=" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no venv module: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what sijill runs on, from requirements.lock (about a minute, once) ..."
	@$(PIP) -r requirements.lock
	@$(BIN)/pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing what the tests run on, from requirements-dev.lock (about a minute, once) ..."
	@$(PIP) -r requirements-dev.lock
	@mkdir -p $(VENV)/typing && ln -sfn "$(CURDIR)" $(VENV)/typing/sijill
	@touch $@

demo: $(VENV)/.runtime
	@$(BIN)/python deployments/demo/demo.py --store $(STORE)

s3: $(VENV)/.runtime
	@$(BIN)/python deployments/s3/serve.py

capture: $(VENV)/.runtime
	@test -n "$(URL)" || { echo "say what to archive: make capture URL=https://example.org/statement" >&2; exit 2; }
	@test -f $(ARCHIVE)/sijill.toml || $(BIN)/sijill init $(ARCHIVE) --operator "$(OPERATOR)" --contact "$(CONTACT)"
	@$(BIN)/sijill --config $(ARCHIVE)/sijill.toml capture "$(URL)"

test: $(VENV)/.dev
	@$(BIN)/pytest $(TESTS)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@MYPYPATH=$(VENV)/typing $(BIN)/mypy $(PACKAGES)
	@$(BIN)/lint-imports --verbose > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }
	@tail -n 1 $(VENV)/imports.txt

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev
	@$(BIN)/python tests/bench/capture.py
	@$(BIN)/python tests/bench/crawl.py
	@$(BIN)/python tests/bench/seal.py
	@$(BIN)/python tests/bench/verify.py
	@$(BIN)/python tests/bench/audit.py
	@$(BIN)/python tests/bench/store.py
	@$(BIN)/python tests/bench/browser.py
	@$(BIN)/python tests/bench/viewer.py
	@$(BIN)/python tests/bench/scale.py

pictures: $(VENV)/.dev
	@$(BIN)/python tests/viewer/pictures.py

quality: $(VENV)/.dev
	@$(BIN)/python tests/quality/measure.py

# provenance/verify.html is committed, so that nothing needs node to run; a test compares it with what this builds.
verifier: viewer/verifier/node_modules/.package-lock.json
	@node viewer/verifier/build.mjs

viewer/verifier/node_modules/.package-lock.json: viewer/verifier/package-lock.json
	@command -v npm > /dev/null || { echo "no npm: apt-get install npm" >&2; exit 2; }
	@npm ci --prefix viewer/verifier --ignore-scripts --no-fund --no-audit
	@touch $@

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" pyproject.toml

lock: $(VENV)/.dev
	$(COMPILE) --extra dask --group build --group dev --output-file requirements-dev.lock
	$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements.lock
	$(COMPILE) --extra dask --group build --constraint requirements-dev.lock --output-file requirements-dask.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" --group build --group verify \
		--constraint requirements-dev.lock --output-file requirements-verify.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
