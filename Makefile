# Two commands do all: `make demo` and `make test`. Both install what they need into .venv first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-ray check page bench clean
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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

# Ray is large and stays out of the other environment.
test-ray:
	test -d $(VENV)-ray || $(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[ray,grpc]' pytest httpx onnx websockets
	$(VENV)-ray/bin/python -m pytest tests/serving/test_ray_app.py

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# onnxruntime-web for the button "Audio never leaves this machine"; before building a wheel.
page: $(VENV)/.installed
	$(BIN)/python tools/vendor_page.py

# Peers to measure against; DATA is a folder of label folders of real recordings.
$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench: $(VENV)/.bench
	@test -n "$(DATA)" || { echo "say which recordings: make bench DATA=folder"; exit 2; }
	$(BIN)/python bench/features.py $(DATA)
	$(BIN)/python bench/train.py $(DATA)
	$(BIN)/python bench/stream.py
	$(BIN)/python bench/serve.py

clean:
	rm -rf $(VENV) runs dist .pytest_cache .mypy_cache .ruff_cache
