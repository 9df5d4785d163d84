# The commands of c1m; `make` lists them. Each says what it does and how long it took.
# Not here: how to compile (CMakeLists.txt, CMakePresets.json) and how to measure (./c1m --help).

PROFILE ?= quick
OUT ?=
CONNECTIONS ?=
JOBS ?= $(shell nproc)
PYTHON := .venv/bin/python

# Prints the name and the time of a step: $(call timed,NAME,COMMAND).
timed = @started=$$(date +%s); echo "== $(1)"; $(2) || exit $$?; \
	echo "== $(1): $$(( $$(date +%s) - started )) s"

.DEFAULT_GOAL := help
.PHONY: help bootstrap build bench test soak lint clean

help: ## this list
	@echo "usage: make TARGET [PROFILE=smoke|quick|full|million] [OUT=DIR] [CONNECTIONS=N] [JOBS=N]"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

bootstrap: ## installs Debian packages and the Python environment for everything below
	$(call timed,bootstrap,scripts/bootstrap.sh test)

build: bootstrap ## compiles everything with warnings as errors, into build/dev
	$(call timed,configure dev,cmake --preset dev)
	$(call timed,build dev,cmake --build --preset dev -j $(JOBS))

bench: ## installs what is missing, builds, measures, prints the table, writes the report
	$(call timed,bootstrap,scripts/bootstrap.sh bench)
	$(call timed,configure bench,cmake --preset bench)
	$(call timed,build bench,cmake --build --preset bench -j $(JOBS))
	$(call timed,measure,./c1m bench --profile "$(PROFILE)" $(if $(OUT),--out "$(OUT)") \
		$(if $(CONNECTIONS),--connections "$(CONNECTIONS)"))

test: bootstrap ## installs what is missing, builds, runs every test and the lint
	@JOBS=$(JOBS) scripts/run_tests.sh

soak: build ## five minutes of load, after which memory is flat and nothing is lost (nightly)
	@scripts/run_tests.sh soak

lint: bootstrap ## checks layers, form, formatting and types, without running anything
	$(call timed,lint,PYTHONPATH=scripts $(PYTHON) -m lint)

clean: ## removes what was built; results and the Python environment stay
	rm -rf build
