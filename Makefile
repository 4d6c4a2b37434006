# Two commands do everything: `make lab` and `make test`. `make help` lists the rest.
#
# make lab PYTHON=python3.12        another interpreter (3.11 or later)
# make lab PORT=9000 LAB_FLAGS=--no-browser
# make lab PIP_FLAGS="..."          passed to pip, e.g. for the build of torch that pytorch.org names for your machine

PYTHON ?= python3
PORT ?=
LAB_FLAGS ?=
PIP_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
# --constraint: the releases that this version was tested with.
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt $(PIP_FLAGS)

# One thread, one hash seed and no hub: what the tests and notebooks compute does not depend on the number of cores, and
# nothing is fetched. Nor does it depend on labels that you gave: the store of notebook 05 is in memory.
REPRODUCIBLE := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false \
	PYTHONHASHSEED=0 HF_HUB_OFFLINE=1 RMLAB_STORE=:memory:

# A process for each core. The tests of one file stay together, since they share what is slow to make; those of the
# browser share little, so an idle process takes some over; those of notebooks are long, so each is given out by itself.
# Unit tests keep their order: tests/conftest.py sorts the longest files to the front.
PARALLEL := --numprocesses auto --dist loadfile
IN_ORDER := $(PARALLEL) --no-loadscope-reorder
SPREAD := --numprocesses auto --dist worksteal
ONE_BY_ONE := --numprocesses auto --dist load --maxschedchunk 1

NBVAL := --nbval --nbval-sanitize-with tests/notebooks/sanitize.cfg

.PHONY: help lab test check train notebooks notebook-timings corruption site benchmarks clean

help:
	@echo "make lab        set up, then open the course in JupyterLab"
	@echo "make test       set up, then lint, types, unit tests, every notebook, browser tests"
	@echo "make check      set up, then lint, types and the tests that are quick: no notebook, no browser"
	@echo "make train      set up, then train a reward model on the shipped pairs, into runs/first"
	@echo "make notebooks  execute every notebook again, in place"
	@echo "make notebook-timings  time and memory of each notebook on one core, with and without bf16, into docs/measured.md"
	@echo "make corruption change 200 of the numbers in the notebooks, and see each caught"
	@echo "make site       render the course as static pages, its controls alive, into build/site (SERVE=1: and serve it)"
	@echo "make benchmarks run the peers side by side with rmlab, and print the ratios (long)"
	@echo "make clean      remove the set-up and what tests left behind (runs/ and your labels stay)"

lab: $(VENV)/.installed-lab
	$(BIN)/rmlab lab $(if $(PORT),--port $(PORT)) $(LAB_FLAGS)

train: $(VENV)/.installed-lab
	$(BIN)/rmlab train --out runs/first

test: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(REPRODUCIBLE) $(BIN)/python -m pytest tests --ignore=tests/browser --ignore=tests/notebooks $(IN_ORDER)
	$(REPRODUCIBLE) $(BIN)/python -m pytest tests/notebooks $(ONE_BY_ONE)
	$(REPRODUCIBLE) $(BIN)/python -m pytest notebooks $(NBVAL) -p tests.notebooks.corruption $(PARALLEL)
	$(REPRODUCIBLE) $(BIN)/python -m pytest tests/browser $(SPREAD)

check: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(REPRODUCIBLE) $(BIN)/python -m pytest tests --ignore=tests/browser -m "not slow" -p no:nbval $(IN_ORDER)

# Count exercises and wrong answers; change 200 of the numbers that the notebooks print, and see nbval catch each.
corruption: $(VENV)/.installed-test
	$(REPRODUCIBLE) $(BIN)/python tests/notebooks/counts.py
	$(REPRODUCIBLE) $(BIN)/python -m pytest notebooks $(NBVAL) -p tests.notebooks.corruption --corrupt 200 $(PARALLEL)

notebook-timings: $(VENV)/.installed-test
	$(REPRODUCIBLE) $(BIN)/python tests/notebooks/timings.py docs/measured.md notebooks/*.ipynb

notebooks: $(VENV)/.installed-test
	$(REPRODUCIBLE) $(BIN)/python tests/notebooks/execute.py notebooks/*.ipynb

# A link that leads nowhere, and a warning, is an error.
site: $(VENV)/.installed-site
	$(BIN)/python docs/site/build_site.py build/site $(if $(SERVE),--serve)

benchmarks: $(VENV)/.installed-bench
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/_run_all.py

clean:
	rm -rf $(VENV) build dist rmlab/explorer/web/dist node_modules *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp file says what is installed; it is out of date when the requirements are newer.
$(VENV)/.installed-lab: pyproject.toml constraints.txt package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rmlab needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[lab,minilm,hub,lora,onnx]'
	touch $@

$(VENV)/.installed-test $(VENV)/.installed-site $(VENV)/.installed-bench: $(VENV)/.installed-%: $(VENV)/.installed-lab
	$(INSTALL) --editable '.[lab,minilm,hub,lora,onnx,$*]'
	touch $@
