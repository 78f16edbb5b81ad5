# make run    the sample data, or what config.yaml names
# make test   the same, then the tests
# make lint   the linters
# make lock   the pinned packages anew, from requirements/*.in
# make screenshot   the picture of the report in docs/, from the sample data; needs Chromium
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint lock screenshot

run: $(VENV)/run.installed
	$(BIN)/snakemake --cores all

test: run $(VENV)/dev.installed
	$(BIN)/pytest

lint: $(VENV)/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

lock: $(VENV)/dev.installed
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet requirements/run.in --output-file requirements/run.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet requirements/dev.in --constraint requirements/run.txt \
		--output-file requirements/dev.txt

screenshot: $(VENV)/dev.installed
	$(BIN)/python tools/screenshot.py

$(VENV)/%.installed: requirements/%.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement $<
	touch $@
