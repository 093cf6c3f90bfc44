# Every target makes the environment it needs, from Python 3.11 or newer, pip and apt.
# PYTHON=/path/to/python chooses the interpreter that .venv is made of.

BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= auto

.PHONY: help demo test retest check lint docs nightly bench clean
.NOTPARALLEL:

help:
	@echo "make demo     scan the samples, show a rewrite, look into a live process"
	@echo "make test     every test, on Python 3.11 to 3.15"
	@echo "make retest   what failed in the last run of them, one at a time"
	@echo "make check    ruff, mypy, import-linter and every test"
	@echo "make docs     the documentation as HTML, in docs/_build/html"
	@echo "make nightly  the tests that are too heavy for every run"
	@echo "make bench    the benchmarks"
	@echo "make clean    remove what these made in the checkout"

demo: $(READY)
	@$(BIN)/python -m tests.demo

test: $(READY)
	@$(BIN)/python -m tests.interpreters all greenlet eventlet
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

retest: $(READY)
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

nightly: $(READY)
	@$(BIN)/python -m tests.interpreters all greenlet eventlet
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m nightly

bench: $(READY)
	@set -e; for file in benchmarks/[!_]*.py; do echo "== $$file"; $(BIN)/python $$file; done

docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

clean:
	rm -rf .venv build dist docs/_build .hypothesis .*_cache *.egg-info

# uv is quick; pip does the same where uv cannot reach what pip is set up for.
$(READY): pyproject.toml .ci/make-venv
	@python=$$(sh .ci/find-python $(PYTHON)) && sh .ci/make-venv "$$python" .venv
	@touch $@
