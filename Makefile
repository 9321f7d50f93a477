# Mammograms in, a probability map for each out. `make help` explains everything.
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

# A run remembers CONFIG, SET and MODEL; what is given here replaces what it remembers.
RUN ?= runs/$(basename $(notdir $(or $(CONFIG),default)))
SET ?=
MODEL ?= $(shell cat $(RUN)/settings/model 2>/dev/null)
PORT ?= 5000
# SEEDS=3 is short for SET="train.members=3", but for the studies that count their seeds by it.
MEMBERS := $(if $(filter compare-heads ablation,$(MAKECMDGOALS)),,$(if $(SEEDS),train.members=$(SEEDS)))
GIVEN := --run "$(RUN)" $(if $(CONFIG),--config "$(CONFIG)") $(if $(SET)$(MEMBERS),--set "$(SET) $(MEMBERS)") \
         $(if $(MODEL),--model "$(MODEL)") $(if $(INPUT),--input "$(INPUT)")

VENV := .venv
PY := $(VENV)/bin/python
GPU := $(shell nvidia-smi -L >/dev/null 2>&1 && echo -gpu)
LOCK := requirements$(GPU).lock
STAGES := ingest preprocess train heatmap evaluate
SETTINGS := $(STAGES:%=$(RUN)/settings/%.yaml)
MODEL_FILE := $(if $(MODEL),$(MODEL)/model/model.json,$(RUN)/model/model.json)

# With FORCE=1 the targets named on the command line are redone.
forced = $(if $(FORCE),$(if $(filter $(1),$(MAKECMDGOALS)),always))
# Every stage writes whole files or none, so Make must not delete them when it is interrupted.
.PRECIOUS: $(SETTINGS) $(RUN)/catalog/catalog.json $(RUN)/intake.json $(RUN)/preprocess.json \
           $(RUN)/model/model.json $(RUN)/heatmap.json $(RUN)/metrics.json $(RUN)/calibrate.json

track = @$(PY) scripts/track.py --run "$(RUN)"

## Stages, in order; each does what it needs before it and redoes only what changed
.PHONY: $(STAGES) intake
ingest: $(RUN)/catalog/catalog.json      ## list the data set: images, findings, every file
intake: $(RUN)/intake.json               ## read every file, tell what became of it: intake.csv, intake.html, breast/
preprocess: $(RUN)/preprocess.json       ## standardise the mammograms, split the patients, label the positions
train: $(MODEL_FILE)                     ## train the network, calibrate it; a killed training goes on where it stopped
heatmap: $(RUN)/heatmap.json             ## probability map, overlay and regions of each test mammogram; the report
evaluate: $(RUN)/metrics.json            ## patch AUC, FROC, calibration with intervals; completes the report

$(SETTINGS) &: always | $(VENV)/installed
	@$(PY) scripts/settings.py $(GIVEN)

$(RUN)/catalog/catalog.json: $(RUN)/settings/ingest.yaml always
	@$(PY) scripts/ingest.py --run "$(RUN)"

$(RUN)/intake.json: $(RUN)/catalog/catalog.json $(RUN)/settings/preprocess.yaml $(call forced,intake)
	@$(PY) scripts/intake.py --run "$(RUN)"
	$(track)

$(RUN)/preprocess.json: $(RUN)/catalog/catalog.json $(RUN)/settings/preprocess.yaml $(call forced,preprocess)
	@$(PY) scripts/preprocess.py --run "$(RUN)"
	$(track)

$(RUN)/model/model.json: $(RUN)/preprocess.json $(RUN)/settings/train.yaml $(call forced,train)
	@$(PY) scripts/track.py --run "$(RUN)" --follow $$$$ & $(PY) scripts/train.py --run "$(RUN)"
	$(track)

$(RUN)/heatmap.json: $(MODEL_FILE) $(RUN)/preprocess.json $(RUN)/settings/heatmap.yaml $(call forced,heatmap)
	@$(PY) scripts/heatmap.py --run "$(RUN)"
	$(track)

$(RUN)/metrics.json: $(RUN)/heatmap.json $(RUN)/settings/evaluate.yaml $(call forced,evaluate)
	@$(PY) scripts/evaluate.py --run "$(RUN)"
	$(track)

ifneq ($(MODEL),)
$(MODEL)/model/model.json:
	@echo "MODEL=$(MODEL) holds no finished model ($@ is missing). Name a run folder whose training finished."; exit 2
endif

## Studies, which run the stages several times
.PHONY: crossval compare compare-heads mine ablation calibrate no-model controls
crossval: $(SETTINGS)                    ## cross-validation by patient (FOLDS=4): RUN/folds, RUN/crossval.json
	@$(PY) scripts/crossval.py --run "$(RUN)" --folds $(or $(FOLDS),4)
	$(track)

compare-heads: $(SETTINGS)               ## two softmax units against one sigmoid (SEEDS=5; SCHEDULE=full; KINDS=1): RUN/heads.html
	@$(PY) scripts/compare_heads.py --run "$(RUN)" --seeds $(or $(SEEDS),5) \
	  $(if $(filter full,$(SCHEDULE)),--full) $(if $(KINDS),--kinds)
	$(track)

mine: $(RUN)/metrics.json                ## hard negatives: train on with the worst false alarms (LIMIT=500): RUN/mined
	@$(PY) scripts/mine.py --run "$(RUN)" --limit $(or $(LIMIT),500)
	$(track)

calibrate: $(if $(MODEL),$(RUN)/calibrate.json,no-model)  ## prior and temperature of MODEL anew from a site's labelled patients (INPUT): RUN/model
$(RUN)/calibrate.json: $(RUN)/heatmap.json $(RUN)/settings/train.yaml $(call forced,calibrate)
	@$(PY) scripts/calibrate.py --run "$(RUN)"
	$(track)

no-model:
	@echo "Name the model and the patients: make calibrate MODEL=runs/x INPUT=path/to/dicom RUN=runs/y"; exit 2

controls: $(RUN)/heatmap.json            ## what must hold whatever the network is worth (SCHEDULE=full); status 1 if it does not: RUN/controls.json
	@$(PY) scripts/controls.py --run "$(RUN)" $(if $(filter full,$(SCHEDULE)),--full); status=$$?; \
	  $(PY) scripts/track.py --run "$(RUN)"; exit $$status

ablation: $(SETTINGS)                    ## what each ingredient brings, on validation patients (SEEDS=2; SCHEDULE=full): RUN/ablation.json
	@$(PY) scripts/ablation.py --run "$(RUN)" --seeds $(or $(SEEDS),2) $(if $(filter full,$(SCHEDULE)),--full)
	$(track)

compare: | $(VENV)/installed             ## two evaluated runs on the same mammograms, paired (RUNS="runs/a runs/b")
	@$(PY) scripts/compare.py $(RUNS)

## Looking
.PHONY: status inspect doctor ui track settings help phantom-ideal example
status: | $(VENV)/installed              ## what is done in RUN and what is older than its inputs, settings or code
	@$(PY) scripts/status.py --run "$(RUN)"

inspect: | $(VENV)/installed             ## what one file is (FILE=x.dcm): codec, window, spacing, side, decision; its picture in OUT
	@$(PY) scripts/inspect_file.py "$(FILE)" --run "$(RUN)" $(if $(CONFIG),--config "$(CONFIG)") $(if $(SET),--set "$(SET)") $(if $(OUT),--out "$(OUT)")

doctor: | $(VENV)/installed              ## what can be decoded here; whether packages, GPU, memory and disk suffice for CONFIG and RUN
	@$(PY) scripts/doctor.py $(GIVEN)

ui: | $(VENV)/installed                  ## open MLflow on this machine (PORT=5000): every run, its curves, heatmaps and report
	@$(PY) scripts/ui.py --port $(PORT)

track: | $(VENV)/installed               ## send results to MLflow that it did not take before
	$(track)

settings: $(SETTINGS)                    ## check CONFIG and SET and write them to RUN/settings, without any work

phantom-ideal: | $(VENV)/installed       ## AUC of an ideal reader on the phantom's lesions
	@$(PY) scripts/phantom_ideal.py

example: | $(VENV)/installed             ## small synthetic tree in the form of a public set (DATASET=cbis_ddsm)
	@$(PY) scripts/example.py $(or $(DATASET),cbis_ddsm)

help:                                    ## this text
	@awk -f scripts/help.awk Makefile docs/settings.md

## Working on the code
.PHONY: setup test lint bench lock docs result always
setup: $(VENV)/installed                 ## build the environment in .venv from the lock file

test: $(VENV)/installed-dev              ## all tests; MAMMO_DATA names the folder that holds mini-mias/
	@$(PY) -m pytest $(or $(TESTS),-n auto --dist loadfile)

lint: $(VENV)/installed-dev              ## ruff: errors and format
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

bench: $(VENV)/installed-dev             ## speed as a ratio: the reader beside the decoding alone and beside pydicom
	@$(PY) -m tests.benchmarks

docs: $(VENV)/installed                  ## write docs/settings.md and the README's tables anew
	@$(PY) scripts/docs.py

KEPT := metrics crossval heads ablation
result: $(or $(wildcard $(KEPT:%=$(RUN)/%.json)),$(RUN)/metrics.json)  ## keep the figures of RUN in docs/results and show them in the README
	@$(PY) scripts/docs.py --run "$(RUN)"

lock: | $(VENV)/installed                ## resolve the lock files anew
	@scripts/lock.sh $(VENV)

$(VENV)/installed: $(LOCK) scripts/set_up.sh
	@scripts/set_up.sh $(VENV) $(LOCK)

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.lock
	@touch $@

always:
