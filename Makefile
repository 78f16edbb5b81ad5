# make run                    the sample data, or what config.yaml names
# make audit, compare, export, map, neighbours, portable, tidy, workbook  the same with this target of the
#                             workflow
# make serve                  a page on which to ask about photos, at http://127.0.0.1:8000
# make test                   `quick` and `thorough`
# make quick                  linters and unit tests, two minutes
# make thorough               a first run, and the tests of models, runs, pages, the server and
#                             faults
# make test-faults            every fault in every rule after every change, and 10,000 random
#                             sequences of changes; hours
# make test-slurm             runs through a local Slurm; needs root and Debian
# make test-no-shared-folder  runs whose jobs share no folder, some minutes
# make test-deployment        the installed package, modules and snakedeploy, some minutes
# make test-container         the steps of the Dockerfile in a clean folder; needs root and Debian
# make lint                   linters, as listed in .pre-commit-config.yaml; needs npm
# make fuzz                   a minute of mutated images for the decoders; FUZZ=600 for ten
#
# Benchmarks write pages into benchmarks/results/. DATA is a folder of sets of labelled photos, each
# with catalogue/<class>/ and queries/<class>/.
# make bench                  performance.md, some twenty minutes; DATA=folder adds real photos
# make bench-peers PEERS=python  peers.md: other libraries, installed for that Python from
#                             requirements/peers.in, some GB
# make scale                  scale.md: a million files, some fifteen minutes
# make asking DATA=folder     asking.md: single photos; half an hour and 20 GB of disk
# make accuracy DATA=folder   accuracy.md
# make copies DATA=folder     copies.md
# make precisions DATA=folder the sections on precisions in accuracy.md and performance.md
# make labels DATA=folder     prints a table on wrong labels
# make gpu DATA=folder        prints how a GPU compares with the processor
#
# make lock                   pins packages again, from requirements/*.in
# make packages               draws the packages in docs/design.md, from the code
# make tables                 writes the columns of all tables into docs/results.md, from the code
# make settings               writes config.yaml (over your changes) and docs/settings.md, from the
#                             schema
# make screenshot             draws the pictures of the pages in docs/; needs Chromium
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := tests/report/node_modules/.package-lock.json
FUZZ ?= 60

.PHONY: run serve audit compare export map neighbours portable tidy workbook test quick thorough test-faults test-slurm test-no-shared-folder test-deployment test-container lint bench bench-peers scale asking accuracy copies labels precisions gpu fuzz lock packages settings tables screenshot

run: $(VENV)/run.installed
	$(BIN)/snakemake --cores all
	@echo 'For the other commands, once in each terminal: . $(BIN)/activate'

audit compare export map neighbours portable tidy workbook: $(VENV)/run.installed
	$(BIN)/snakemake --cores all $@

serve: $(VENV)/serve.installed
	PYTHONPATH=workflow/scripts $(BIN)/python -m similar_images serve

test: quick thorough

quick: lint
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/unit

thorough: run $(VENV)/dev.installed $(NODE)
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/model tests/workflow tests/report \
		tests/server tests/faults

test-faults: $(VENV)/dev.installed
	$(BIN)/pytest tests/faults tests/model -m complete --numprocesses auto

test-slurm: $(VENV)/dev.installed $(VENV)/slurm.installed
	{ command -v slurmctld && command -v munged; } >/dev/null || test $$(id -u) != 0 || \
		{ apt-get update && apt-get install --yes slurm-wlm munge; } || true
	$(BIN)/pytest -rs tests/slurm

test-no-shared-folder: $(VENV)/dev.installed
	$(BIN)/pytest tests/no_shared_folder

test-deployment: $(VENV)/dev.installed
	rm -rf build
	$(BIN)/uv build --quiet --require-hashes --build-constraints requirements/run.txt \
		--out-dir build/package
	$(BIN)/uv venv --quiet --python $(BIN)/python build/environment
	$(BIN)/uv pip install --quiet --python build/environment --require-hashes \
		--requirement requirements/run.txt
	$(BIN)/uv pip install --quiet --python build/environment --no-deps build/package/*.whl
	$(BIN)/uv pip check --quiet --python build/environment
	$(BIN)/pytest tests/deployment

test-container: $(VENV)/dev.installed
	command -v debootstrap >/dev/null || test $$(id -u) != 0 || \
		{ apt-get update && apt-get install --yes debootstrap; } || true
	$(BIN)/pytest -rs tests/container

lint: $(VENV)/dev.installed $(NODE)
	$(BIN)/pre-commit run --all-files

bench: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/run.py $(DATA)

bench-peers: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/peers.py $(PEERS)

scale: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/scale.py

asking: $(VENV)/bench.installed $(VENV)/serve.installed
	PYTHONPATH=workflow/scripts:tests $(BIN)/python benchmarks/asking.py $(DATA)

accuracy: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/accuracy.py $(DATA)

copies: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts:tools $(BIN)/python benchmarks/copies.py $(DATA)

labels: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/labels.py $(DATA)

precisions: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/precisions.py $(DATA)

gpu: $(VENV)/bench.installed
	PYTHONPATH=workflow/scripts $(BIN)/python benchmarks/gpu.py $(DATA)

fuzz: $(VENV)/fuzz.installed
	$(BIN)/python tests/fuzz/decoding.py -max_total_time=$(FUZZ)

lock: $(VENV)/dev.installed
	$(BIN)/python tools/lock.py

packages: $(VENV)/dev.installed
	$(BIN)/python tools/draw_packages.py

tables: $(VENV)/dev.installed
	PYTHONPATH=workflow/scripts $(BIN)/python tools/write_tables.py

settings: $(VENV)/dev.installed
	$(BIN)/python tools/write_settings.py

screenshot: $(VENV)/dev.installed
	$(BIN)/python tools/screenshot.py

# With the .pth file, `python -m similar_images` finds the library, wherever it is called. The folder
# comes last in Python's search, so that the scripts in it hide no module.
$(VENV)/%.installed: requirements/%.txt requirements/run.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement $<
	for folder in $(VENV)/lib/python*/site-packages; do \
		echo ../../../../workflow/scripts >$$folder/similar_images.pth; done
	touch $@

$(NODE): tests/report/package-lock.json
	npm ci --prefix tests/report --ignore-scripts --no-audit --no-fund
	touch $@
