# `make run` and `make test` are all that is needed. The work is done by the scripts in tools/.

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
HOT := $(wildcard $(addprefix src/jackfield/,capture.py compil*.py sip/*.py sip/transport/*.py sdp/*.py switch/*.py))
export DEBIAN_FRONTEND := noninteractive

.DEFAULT_GOAL := help
.PHONY: help run test check format bench load coverage clean

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 17

run: $(VENV)/.compiled ## Set everything up and run the phone system here; ARGS="--sip-port 5070 --data-dir /srv/jackfield"
	@exec $(BIN)/jackfield run $(ARGS)

test: $(VENV)/.test-ready $(VENV)/.compiled ## Install what the tests need (Debian packages too when root) and run them all
	@tools/missing-test-programs
	@$(BIN)/python tools/run-tests $(ARGS)

check: $(VENV)/.test-ready ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test-ready ## Put the source into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test-ready $(VENV)/.compiled ## Measure speed and memory, alone on the machine; ARGS="--quick" is a short one, ARGS=--help tells more
	@$(BIN)/python bench/run.py $(ARGS)

load: $(VENV)/.test-ready $(VENV)/.compiled ## The long load tests: 200 calls with audio for two minutes, 10,000 calls
	@$(BIN)/pytest -m load $(ARGS)

coverage: $(VENV)/.test-ready ## Tests with coverage, as text and as build/coverage/index.html
	@$(BIN)/python tools/run-tests --coverage $(ARGS)

clean: ## Remove the virtual environment and what tests and checks left; never ./data
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*

$(VENV)/.ready: pyproject.toml tools/make-venv tools/install-codec-libraries
	@tools/make-venv $(VENV) .
	@tools/install-codec-libraries $(VENV)
	@touch $@

# Anew when a source has changed; JACKFIELD_PURE_PYTHON=1 does without.
$(VENV)/.compiled: $(VENV)/.ready tools/compile-hot-modules $(HOT)
	@tools/compile-hot-modules $(VENV)
	@touch $@

$(VENV)/.test-ready: $(VENV)/.ready tools/install-test-packages
	@tools/make-venv $(VENV) '.[test]'
	@tools/install-test-packages
	@touch $@
