# Tool plumbing only. Any Python 3.11 or later will do; `make PYTHON=python3.13 …` chooses one.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
CHECKOV := .venv-checkov/.ready
PEERS := .venv-peers/.ready
SPLIT ?= dev
SLOW_SECONDS := 480

.DEFAULT_GOAL := help
.PHONY: help run up down status test lint bench soak packs model eval deploy clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

run: up ## bring the stack up and show the loop close, with an OA desk to look at
	@$(BIN)/python -m infra.demo.run

up: $(READY) ## the stack on the local engine, in the background (ECHOLOOP_PORT, ECHOLOOP_EGRESS_CIDRS)
	@$(BIN)/python -m infra.local up

down: $(READY) ## drain and stop it; its state stays for the next up
	@$(BIN)/python -m infra.demo.run stop
	@$(BIN)/python -m infra.local down

status: $(READY) ## whether it runs, and where
	@$(BIN)/python -m infra.local status

test: $(READY) ## lint gates and every test, side by side; the ten slowest are named
	@began=$$(date +%s); log=$$(mktemp); \
	$(MAKE) --no-print-directory lint >$$log 2>&1 & lint=$$!; \
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10; failed=$$?; \
	wait $$lint || failed=1; cat $$log; rm $$log; \
	took=$$(( $$(date +%s) - began )); \
	if [ $$took -gt $(SLOW_SECONDS) ]; then echo "warning: make test took $$took s, more than $(SLOW_SECONDS)"; fi; \
	exit $$failed

lint: $(READY) $(CHECKOV) ## ruff, mypy, import-linter; and on the packaged template cfn-lint, own rules, checkov
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.build --engine aws --checkov

bench: $(READY) ## calls, units and dollars per million feedback; start-up, CPU and size
	@$(BIN)/python -m tests.bench

soak: $(READY) ## 1,000 feedback through kills and refusals; 1,000 tickets × 30 callbacks; 10,000 clocks, a sweeper that dies; broken bodies
	@SOAK_FEEDBACK=1000 SOAK_KILLS=20 $(BIN)/pytest tests/integration/test_soak.py -q
	@KILL_DELIVERIES=500 KILLS=20 $(BIN)/pytest tests/integration/test_kills.py -q
	@ROBOT_ALERTS=500 $(BIN)/pytest tests/integration/test_robots.py -q
	@FLOOD=1000 $(BIN)/pytest tests/integration/test_hostile_over_http.py -q -k in_257
	@CALLBACKS=1000 $(BIN)/pytest tests/integration/test_callback_storm.py -q
	@FUZZ=10000 $(BIN)/pytest tests/contract/test_fuzz.py -q
	@CLOCKS=10000 KILLS=10 $(BIN)/pytest tests/unit/test_strike_clock.py -q -k killed

packs: $(READY) ## compile the code frames, chalicelib/packs/*.yaml, and the calendars to what the run time loads
	@$(BIN)/python -m infra.model.packs
	@$(BIN)/python -m infra.calendars

model: packs ## learn the weights and write their card: make model DATA=folder [LICENCES=open]
	@test -n "$(DATA)" || { echo "which labelled sets? make model DATA=folder [LICENCES=open]"; exit 2; }
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m infra.model.train --data "$(DATA)" --licences "$(or $(LICENCES),all)"

eval: $(READY) ## what the reader gets right, and how fast: make eval DATA=folder [SPLIT=test] [RECORD=1]
	@test -n "$(DATA)" || { echo "which labelled sets? make eval DATA=folder [SPLIT=dev]"; exit 2; }
	@$(MAKE) --silent --no-print-directory $(PEERS) || echo "snownlp and fastText could not be had: speed is shown without peers"
	@$(BIN)/python -m infra.model.evaluate --data "$(DATA)" --split "$(SPLIT)" $(if $(RECORD),--record)

deploy: $(READY) ## to AWS with your own credentials: make deploy STAGE=prod [PARAMETERS="AlarmEmail=…"]
	@test -n "$(STAGE)" || { echo "which stage? make deploy STAGE=prod"; exit 2; }
	@$(BIN)/python -m infra.deploy --stage "$(STAGE)" $(PARAMETERS)

clean: ## forget environments and caches; local state too
	@rm -rf .venv .venv-checkov .venv-peers .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	@test -x $(BIN)/python || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(CHECKOV): infra/checkov/requirements.txt
	@test -x .venv-checkov/bin/python || { echo "making .venv-checkov"; $(PYTHON) -m venv .venv-checkov; }
	@.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check -r infra/checkov/requirements.txt
	@touch $@

$(PEERS): infra/model/peers.txt
	@test -x .venv-peers/bin/python || { echo "making .venv-peers"; $(PYTHON) -m venv .venv-peers; }
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r infra/model/peers.txt
	@touch $@
