# Two commands do everything: `make figures` and `make test`. Each makes the environment first, once.
#   make figures PROFILE=smoke ARGS="--workers 2"       make figures ARGS=fig3c       make test ARGS="-k pcst"
PROFILE ?= mini
ARGS ?=
PYTHON ?=
export PYTHON
APT_SLURM = apt-get update -q && apt-get install -qy --no-install-recommends slurmctld slurmd slurm-client munge
.DEFAULT_GOAL := help
.PHONY: help fetch figures test test-all test-slurm lab report params bench lock clean distclean setup

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

figures: setup ## Every figure of the four papers (PROFILE=smoke, mini or paper)
	@.venv/bin/python run_all.py --profile $(PROFILE) $(ARGS)

# A file of tests stays in one process, which runs what its tests share once. ARGS=-n0 takes one process for all.
test: setup ## The tests, without those marked slow, on all cores
	@.venv/bin/python -m pytest -n auto --dist loadfile -m "not slow and not slurm" $(ARGS)

test-all: setup ## All tests
	@.venv/bin/python -m pytest $(ARGS)

test-slurm: setup ## Tests with a real Slurm of one node, which apt installs first where it may
	@command -v slurmctld >/dev/null || PATH="$$PATH:/usr/sbin" command -v slurmctld >/dev/null || \
	  $$(command -v sudo) sh -c "$(APT_SLURM)" || echo "Slurm is not installed and cannot be: the tests are skipped"
	@.venv/bin/python -m pytest -m slurm -rs $(ARGS)

lab: setup ## Open the notebooks in JupyterLab
	@.venv/bin/python -m lib.run.numeric .venv/bin/jupyter lab \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

fetch: setup ## Get the published data (ARGS=--list, "NAME --dry-run", NAME...)
	@.venv/bin/python -m lib.data.fetch $(ARGS)

report: setup ## Build the static site of a finished run
	@.venv/bin/python run_all.py --profile $(PROFILE) --report $(ARGS)

params: setup ## Write params/*.yaml and the notebooks' parameters cells from lib/<chapter>/params.py
	@.venv/bin/python -m lib.run.write_params $(ARGS)

bench: setup ## Measure the hot paths
	@.venv/bin/python -m benchmarks $(ARGS)

lock: setup ## Renew requirements.lock from pyproject.toml (ARGS=--upgrade for newer versions)
	@.tools/bin/uv pip compile pyproject.toml --quiet --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock $(ARGS)

clean: ## Remove runs/ and every figure but the committed figures/mini; keeps .venv
	@rm -rf runs .pytest_cache .ruff_cache .hypothesis
	@[ ! -d figures ] || find figures -mindepth 1 -maxdepth 1 ! -name mini -exec rm -rf {} +
	@echo "removed runs/ and figures other than figures/mini; kept .venv and .tools (make distclean removes them too)"

distclean: clean ## The same, and the environment: .venv and .tools
	@rm -rf .venv .tools

setup: ## Make or complete the environment (every target does)
	@sh setup.sh
