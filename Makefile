# handeye: `make demo` opens the chat, `make test` runs the tests; both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLANNER ?= checkpoints/planner

.PHONY: setup demo test check fix planner docs

# The stamp is newer than pyproject.toml once everything it names is installed: a second start installs nothing.
$(VENV)/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[dev]"
	touch $@

setup: $(VENV)/installed

demo: setup
	$(BIN)/python -m demo

# A process a core, each with one thread of its own.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8

test: setup
	$(PYTEST)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST)

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Three runs of two processes each: from nothing, then on from there.
planner: setup
	$(BIN)/python -m training.planner --seed 0 --tokens 9000000 --minutes 600 --out runs/first
	$(BIN)/python -m training.planner --seed 1 --tokens 13000000 --minutes 600 --start runs/first \
		--muon 0.015 --adam 0.0022 --out runs/second
	$(BIN)/python -m training.planner --seed 2 --tokens 4660000 --minutes 600 --start runs/second \
		--muon 0.012 --adam 0.002 --out $(PLANNER)

docs: setup
	$(BIN)/python -m docs.generate
