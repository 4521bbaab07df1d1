# Everything runs in .venv, made from requirements.lock. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup sweep test check format bench soak gpu world clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/ready ## make .venv and install the locked dependencies

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
	  sys.exit(0 if ok else f"epochwise needs Python 3.11 to 3.13, this is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

sweep: setup ## the main job: the default study, judged, with its report
	$(BIN)/epochwise sweep

test: setup ## the tests
	$(BIN)/pytest -n auto

check: setup ## format, lint, types, tests: green before every commit
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -n auto

format: setup ## write the format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup ## measure speed beside a peer; prints ratios
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/ledger.py
	$(BIN)/python benchmarks/verdicts.py
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/power.py
	$(BIN)/python benchmarks/advise.py
	$(BIN)/python benchmarks/data_check.py 100000

soak: setup ## the long fault and fuzz suites
	EPOCHWISE_SOAK=1 $(BIN)/pytest -n auto -rP tests/test_fuzz.py tests/test_resume.py tests/faults \
	  tests/compose tests/data/test_data_fuzz.py tests/data/test_families.py \
	  tests/sweep/test_ledger.py tests/train/test_checkpoint.py

gpu: setup ## the tests that need a CUDA device
	$(BIN)/pytest -m gpu

world: setup ## pretrain the two tiny base models from nothing
	$(BIN)/python -m epochwise.world.pretrain

clean: ## remove what was built; studies under multirun/ stay
	rm -rf .venv dist .pytest_cache .ruff_cache .mypy_cache
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
