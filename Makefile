# The study and its tests. `make help` says what there is.
#
# Needs Python >= 3.11, make and a package index; everything else goes into $(VENV).
# Every output is a file with a rule that lists the script, the package sources and the inputs it depends on,
# so that a second `make` does nothing and a changed input rebuilds what depends on it.

PYTHON ?= python3
VENV ?= .venv
PY ?= $(VENV)/bin/python
READY ?= $(VENV)/.installed
OUT := analysis/output

.DEFAULT_GOAL := all
JOBS ?= 2
MAKEFLAGS += --jobs=$(JOBS)
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/sh
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMEXPR_NUM_THREADS := 1
export PYTHONHASHSEED := 0
export MPLBACKEND := Agg

# --- what outputs depend on ------------------------------------------------------------------------------------
# One variable per room of the package; a rule names the rooms its script leads through. A test checks that every
# module a script reaches is among its prerequisites.
sources = $(shell find $(1) -type f \( -name '*.py' -o -name '*.csv' -o -name '*.toml' \) | LC_ALL=C sort)
GROUND := $(filter-out panelcoop/cli.py panelcoop/simulate%.py,$(wildcard panelcoop/*.py))
NUMERICS := $(call sources,panelcoop/numerics)
PANEL := $(GROUND) $(call sources,panelcoop/panel)
ESTIMATE := $(NUMERICS) $(wildcard panelcoop/estimate/*.py)
EVENT_STUDY := $(call sources,panelcoop/estimate/event_study) $(wildcard panelcoop/report/event_*.py)
WAVES := $(call sources,panelcoop/waves) $(wildcard panelcoop/report/wave_*.py)
NETWORK := $(call sources,panelcoop/network)
SENSITIVITY := $(call sources,panelcoop/sensitivity) $(wildcard $(addprefix panelcoop/report/,multiverse_*.py honest_*.py sensitivity_*.py))
REPORT := $(filter-out $(addprefix panelcoop/report/,event_%.py wave_%.py multiverse_%.py honest_%.py sensitivity_%.py),$(wildcard panelcoop/report/*.py))
STUDY := study.toml requirements.lock $(shell find data -type f \( -name '*.csv' -o -name '*.json' \) | LC_ALL=C sort)

# --- what a script writes --------------------------------------------------------------------------------------
# The leading % makes these pattern rules, the one portable way to say that one run writes several files.
table = $(foreach kind,tex typ html md docx json,%/tables/$(1).$(kind))
figure = $(foreach kind,pdf svg png,%/figures/$(1).$(kind))
numbers = %/numbers/$(1).json
files = $(patsubst %/%,$(OUT)/%,$(1))
RUN = $(PY)
TABLES :=
FIGURES :=
NUMBERS :=

# --- the exhibits: one rule each, four lines -------------------------------------------------------------------
TABLES += stage_effects
$(call table,stage_effects): analysis/table_stage_effects.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += stage_effects_authority stage_effects_white_paper
$(call table,stage_effects_authority) $(call table,stage_effects_white_paper): analysis/table_companions.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += panel
$(call table,panel): analysis/table_panel.py $(PANEL) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += inference
NUMBERS += inference
$(call table,inference) $(call numbers,inference): analysis/table_inference.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += influence
$(call table,influence): analysis/table_influence.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += ledger
$(call table,ledger): analysis/table_ledger.py $(PANEL) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

FIGURES += national_path
$(call figure,national_path): analysis/figure_national_path.py $(PANEL) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

FIGURES += stage_effects
$(call figure,stage_effects): analysis/figure_stage_effects.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

NUMBERS += study
$(call numbers,study): analysis/numbers_study.py $(PANEL) $(ESTIMATE) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += waves wave_checks
$(call table,waves) $(call table,wave_checks): analysis/table_waves.py $(PANEL) $(ESTIMATE) $(WAVES) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += wave_battery
FIGURES += wave_battery
$(call table,wave_battery) $(call figure,wave_battery): analysis/table_wave_battery.py $(PANEL) $(NUMERICS) $(WAVES) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

FIGURES += waves
$(call figure,waves): analysis/figure_waves.py $(PANEL) $(ESTIMATE) $(WAVES) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

NUMBERS += waves
$(call numbers,waves): analysis/numbers_waves.py $(PANEL) $(ESTIMATE) $(WAVES) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += event_effects event_bounds event_stages event_support event_sensitivity
$(foreach name,event_effects event_bounds event_stages event_support event_sensitivity,$(call table,$(name))): analysis/table_event_studies.py $(PANEL) $(ESTIMATE) $(EVENT_STUDY) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

FIGURES += event_studies event_support event_bounds
$(call figure,event_studies) $(call figure,event_support) $(call figure,event_bounds): analysis/figure_event_studies.py $(PANEL) $(ESTIMATE) $(EVENT_STUDY) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

NUMBERS += events
$(call numbers,events): analysis/numbers_events.py $(PANEL) $(ESTIMATE) $(EVENT_STUDY) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += multiverse
FIGURES += multiverse
NUMBERS += multiverse
$(call table,multiverse) $(call figure,multiverse) $(call numbers,multiverse): analysis/multiverse.py $(PANEL) $(ESTIMATE) $(WAVES) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

TABLES += sensitivity
FIGURES += sensitivity
NUMBERS += sensitivity
$(call table,sensitivity) $(call figure,sensitivity) $(call numbers,sensitivity): analysis/sensitivity.py $(PANEL) $(ESTIMATE) $(WAVES) $(SENSITIVITY) $(REPORT) $(STUDY) | $(READY)
	$(RUN) $<

# --- the paper, the picture of the README, the closing words ----------------------------------------------------
TABLE_FILES = $(foreach name,$(TABLES),$(foreach kind,tex typ html md docx json,$(OUT)/tables/$(name).$(kind)))
FIGURE_FILES = $(foreach name,$(FIGURES),$(foreach kind,pdf svg png,$(OUT)/figures/$(name).$(kind)))
NUMBER_FILES = $(foreach name,$(NUMBERS),$(OUT)/numbers/$(name).json)
EXHIBITS = $(TABLE_FILES) $(FIGURE_FILES) $(NUMBER_FILES)
PAPER_SOURCES := $(wildcard paper/*.typ paper/*.bib paper/*.yml paper/sections/*.typ)

paper/paper.pdf: analysis/paper.py $(PAPER_SOURCES) $(PANEL) $(REPORT) $(EXHIBITS) | $(READY)
	$(RUN) $<

docs/national_path.svg: analysis/readme_figure.py $(GROUND) $(REPORT) $(OUT)/figures/national_path.svg | $(READY)
	$(RUN) $<

$(OUT)/summary.txt: analysis/summary.py $(GROUND) $(REPORT) paper/paper.pdf docs/national_path.svg $(EXHIBITS) | $(READY)
	$(RUN) $<

# --- what a person types ---------------------------------------------------------------------------------------
.PHONY: all help tables figures paper test check data titles validate bench clean
all: $(OUT)/summary.txt ## everything: environment, tables, figures, paper; prints what was made and the finding

tables: $(TABLE_FILES) ## the tables, as LaTeX, Typst, HTML, Markdown, Word and JSON

figures: $(FIGURE_FILES) docs/national_path.svg ## the figures, as PDF, SVG and PNG

paper: paper/paper.pdf ## the paper

test: $(READY) ## all tests, on all cores
	$(PY) -m pytest -n auto --dist loadgroup

check: $(READY) ## style, types and the floors of the house
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q -n 0 tests/test_architecture.py

data: $(READY) ## rebuild the shipped weekly figures from the originals (PANELCOOP_MIRROR: a local folder of them)
	$(PY) analysis/data.py

titles: $(READY) ## the wave test on release titles, which are not shipped: make titles TITLES=file.xlsx
	$(PY) analysis/waves_titles.py $(TITLES)

validate: $(READY) ## the full simulations behind the size and power tables (long)
	@for script in analysis/validation/*.py; do echo "$(PY) $$script"; $(PY) "$$script" || exit 1; done

bench: $(READY) ## timed comparisons with peers (those of the extra `peers` that are installed)
	$(PY) -m benchmarks

clean: ## remove everything that `make` can make again, but not the environment
	rm -rf $(OUT) paper/paper.pdf

help: ## this text
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# --- the environment -------------------------------------------------------------------------------------------
$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo \
	  "No '$(PYTHON)' found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "$(PYTHON) is $$($(PYTHON) -V 2>&1), but panelcoop needs 3.11 or newer. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
	  "$(PYTHON) cannot make virtual environments: its 'venv' or 'ensurepip' module is not installed." \
	  "On Debian and Ubuntu: sudo apt install python3-venv. Elsewhere: install Python from python.org or conda."; exit 1; }
	@echo "Setting up $(VENV) with the packages of requirements.lock (once; a minute or two after their download)"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
