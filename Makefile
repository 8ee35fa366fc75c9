# `make demo` shows the workflow, `make test` checks it, `make docs` builds the documentation; all make the environment first.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= all
BIN := .venv/bin

.PHONY: demo test lint docs bench schema

demo: .venv/installed
	$(BIN)/snakemake --cores $(CORES) --quiet rules -- demo
	$(BIN)/python -m sanguinaria.reports.show results/tables/demo.csv

test: .venv/installed lint docs
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/lint-imports
	$(BIN)/mypy

# Into site/, to be read from disk: site/index.html. A wrong link or anchor is an error.
docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build --strict --quiet

bench: .venv/installed
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/batches.py
	$(BIN)/python benchmarks/audioseal_embedding.py
	$(BIN)/python benchmarks/allocation.py
	$(BIN)/python benchmarks/paper_sizes.py
	$(BIN)/python benchmarks/planning.py
	$(BIN)/python benchmarks/submissions.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/scale.py

# Writes what is generated from the plug-ins' settings and from pyproject.toml; a test keeps them in step.
schema: .venv/installed
	$(BIN)/python -m sanguinaria.workflow.generated_files

.venv/installed: pyproject.toml envs/sanguinaria.post-deploy.sh
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev,docs]'
	PATH="$(CURDIR)/$(BIN):$$PATH" sh envs/sanguinaria.post-deploy.sh
	touch $@
