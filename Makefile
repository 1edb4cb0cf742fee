# Two commands do all: `make demo` and `make test`. Both install what they need into .venv first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check bench clean
.DEFAULT_GOAL := demo

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/sonant demo

test: $(VENV)/.installed
	$(BIN)/python -m pip check
	$(BIN)/python -m pytest

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Peers to measure against; DATA is a folder of label folders of real recordings.
$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench: $(VENV)/.bench
	@test -n "$(DATA)" || { echo "say which recordings: make bench DATA=folder"; exit 2; }
	$(BIN)/python bench/features.py $(DATA)
	$(BIN)/python bench/train.py $(DATA)

clean:
	rm -rf $(VENV) runs dist .pytest_cache .mypy_cache .ruff_cache
