# make run    the sample data, or what config.yaml names
# make test   the same, then the tests
# make lint   the linters
# make bench  the benchmarks, some fifteen minutes
# make accuracy DATA=folder   docs/accuracy.md, from labelled photographs
# make lock   the pinned packages anew, from requirements/*.in
# make screenshot   the picture of the report in docs/, from the sample data; needs Chromium
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint bench accuracy lock screenshot

run: $(VENV)/run.installed
	$(BIN)/snakemake --cores all

test: run $(VENV)/dev.installed
	$(BIN)/pytest --numprocesses auto

lint: $(VENV)/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

bench: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/run.py

accuracy: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/accuracy.py $(DATA)

lock: $(VENV)/dev.installed
	for part in run dev bench; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --output-file requirements/$$part.txt \
			$$(test $$part = run || echo --constraint requirements/run.txt) \
			requirements/$$part.in || exit 1; \
	done

screenshot: $(VENV)/dev.installed
	$(BIN)/python tools/screenshot.py

$(VENV)/%.installed: requirements/%.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement $<
	touch $@
