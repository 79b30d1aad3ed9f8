# make reproduce   both notebook experiments, from nothing, into runs/reproduce
# make test        every test
# make check       ruff and mypy
# make docs        the pages, strictly, into site/
# make bench       the benchmarks, beside their peers
# make clean       all that the other targets made, except runs/

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip install --disable-pip-version-check --quiet

# The full archive has the test reviews too; a UNROLLED_IMDB of your own comes first.
ARCHIVE := $(wildcard ../shared/data/aclImdb_v1.tar.gz)
ifneq ($(ARCHIVE),)
UNROLLED_IMDB ?= $(abspath $(ARCHIVE))
endif
WITH_IMDB := $(if $(UNROLLED_IMDB),UNROLLED_IMDB='$(UNROLLED_IMDB)')

.PHONY: reproduce test check docs bench clean
.DELETE_ON_ERROR:

reproduce: $(VENV)/.installed-imdb
	$(RUN) unrolled reproduce

test: $(VENV)/.installed-test
	$(WITH_IMDB) $(RUN) pytest

check: $(VENV)/.installed-check
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict

bench: $(VENV)/.installed-bench
	$(WITH_IMDB) $(VENV)/bin/python benchmarks/notebook.py

# Each set of extras has a stamp: it is installed again only when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(VENV)/.made
	@echo "installing unrolled[$*] into $(VENV) ..."
	$(PIP) --editable '.[$*]'
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "unrolled needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -type d -name __pycache__ -exec rm -rf {} + 2>/dev/null || true
