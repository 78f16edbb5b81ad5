# make run    the sample data, or what config.yaml names
# make test   the two that follow
# make quick  the linters and the tests of single functions, some two minutes
# make thorough   the sample data, and the tests of whole runs and pages
# make test-faults   every fault in every rule after every change, and 10,000 random sequences of
#             changes, some hours
# make test-slurm   the tests that run through a Slurm of their own; needs root and Debian
# make test-no-shared-folder   the tests of runs whose jobs share no folder, some minutes
# make lint   the linters
# make bench  the benchmarks, some twenty minutes; DATA=folder adds real photos: labelled sets in
#             folders with catalogue/<class>/ and queries/<class>/
# make bench-peers PEERS=python   benchmarks/results/peers.md: beside other libraries; that python's environment
#             has what requirements/peers.in names, some GB
# make exports PEERS=python   a table: networks as other libraries export them
# make scale  benchmarks/results/scale.md: a million files looked through, some fifteen minutes
# make accuracy DATA=folder   benchmarks/results/accuracy.md, from labelled photographs
# make copies DATA=folder     benchmarks/results/copies.md, from such photographs
# make labels DATA=folder     a table on wrong labels, from such photographs
# make precisions DATA=folder the tables on precisions, in benchmarks/results/accuracy.md and benchmarks/results/performance.md
# make decoders DATA=folder   the table of benchmarks/results/performance.md on decoders, from any photographs
# make gpu DATA=folder        what a GPU gains beside the processor; where there is none, it says so
# make feeds DATA=folder      what photos at addresses cost (benchmarks/results/performance.md), from such photographs
# make fuzz   a minute of mutated images for the decoders; FUZZ=600 for ten
# make lock   the pinned packages anew, from requirements/*.in
# make packages  the picture of the packages in docs/design.md, from the code
# make tables    the columns of all tables in docs/results.md, from the code
# make settings  config.yaml (over your changes) and docs/settings.md, from the schema
# make screenshot   the picture of the report in docs/, from the sample data; needs Chromium
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ ?= 60

.PHONY: run test quick thorough test-faults test-slurm test-no-shared-folder lint bench bench-peers exports scale accuracy copies labels precisions decoders gpu feeds fuzz lock packages settings tables screenshot

run: $(VENV)/run.installed
	$(BIN)/snakemake --cores all

test: quick thorough

quick: lint
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/unit

thorough: run $(VENV)/dev.installed
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/model tests/workflow tests/report tests/faults

test-faults: $(VENV)/dev.installed
	$(BIN)/pytest tests/faults tests/model -m complete --numprocesses auto

test-slurm: $(VENV)/dev.installed $(VENV)/slurm.installed
	{ command -v slurmctld && command -v munged; } >/dev/null || test $$(id -u) != 0 || \
		{ apt-get update && apt-get install --yes slurm-wlm munge; } || true
	$(BIN)/pytest -rs tests/slurm

test-no-shared-folder: $(VENV)/dev.installed
	$(BIN)/pytest tests/no_shared_folder

lint: $(VENV)/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

bench: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/run.py $(DATA)

bench-peers: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/peers.py $(PEERS)

exports: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/exports.py $(PEERS)

scale: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/scale.py

accuracy: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/accuracy.py $(DATA)

copies: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts:tools $(BIN)/python benchmarks/copies.py $(DATA)

labels: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/labels.py $(DATA)

precisions: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/precisions.py $(DATA)

decoders: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/decoders.py $(DATA)

gpu: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/gpu.py $(DATA)

feeds: $(VENV)/bench.installed $(VENV)/dev.installed
	PYTHONPATH=workflow/scripts:tests $(BIN)/python benchmarks/feeds.py $(DATA)

fuzz: $(VENV)/fuzz.installed
	$(BIN)/python tests/fuzz/decoding.py -max_total_time=$(FUZZ)

lock: $(VENV)/dev.installed
	for part in run dev bench slurm cloud fuzz; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --output-file requirements/$$part.txt \
			$$(test $$part = run || echo --constraint requirements/run.txt) \
			requirements/$$part.in || exit 1; \
	done

packages: $(VENV)/dev.installed
	$(BIN)/python tools/draw_packages.py

tables: $(VENV)/dev.installed
	PYTHONPATH=workflow/scripts $(BIN)/python tools/write_tables.py

settings: $(VENV)/dev.installed
	$(BIN)/python tools/write_settings.py

screenshot: $(VENV)/dev.installed
	$(BIN)/python tools/screenshot.py

$(VENV)/%.installed: requirements/%.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement $<
	touch $@
