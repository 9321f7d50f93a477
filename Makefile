# Mammograms in, a probability map for each out. `make help` explains everything.
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

EMPTY :=
BLANK := $(EMPTY) $(EMPTY)
HASH := \#
# A run remembers CONFIG, SET and MODEL; what is given here replaces what it remembers.
ifeq ($(origin RUN),undefined)
# A blank that stands for blanks keeps the name one word.
NAME := $(basename $(notdir $(subst $(BLANK),␣,$(or $(value CONFIG),default))))
RUN := runs/$(subst ␣,$(BLANK),$(NAME))
endif
REFUSED := $(strip $(foreach sign,% ; | $(HASH) \,$(findstring $(sign),$(value RUN))))
ifneq ($(REFUSED)$(filter ~%,$(value RUN)),)
$(error RUN=$(value RUN) holds $(or $(REFUSED),~), which Make cannot take in the name of a file. \
Name another run folder, e.g. RUN=runs/mine)
endif
# What the user gives is read with `value` and never expanded, nor handed to the environment, for
# which Make would expand it: $(shell ...) in the name of a folder stays a name.
unexport BENCH SCHEDULER RUN CONFIG SET INPUT MODEL FILE OUT RUNS DATASET FOLDS SEEDS LIMIT PORT KILLS FAULTS \
         SEED FILES SCHEDULE KINDS IDENTIFIED FORCE GROWTH KEEP IMAGES WORKERS CHECK
# SEEDS=3 is short for SET="train.members=3", but for the studies that count their seeds by it.
MEMBERS := $(if $(filter compare-heads ablation,$(MAKECMDGOALS)),,$(if $(value SEEDS),train.members=$(value SEEDS)))
# Text of the user reaches a shell as one quoted word, whatever is in it; nothing of a run folder does.
quoted = '$(subst ','\'',$(value $(1)))'
or_else = $(if $(value $(1)),$(call quoted,$(1)),$(2))
given = $(if $(value $(1)),--$(2) $(call quoted,$(1)))
IN := --run $(call quoted,RUN)
SET_ALL := $(value SET) $(MEMBERS)
GIVEN := $(IN) $(call given,CONFIG,config) $(if $(strip $(SET_ALL)),--set $(call quoted,SET_ALL)) \
         $(call given,MODEL,model) $(call given,INPUT,input)
# The run folder in names of files: what means something to Make there is escaped.
escaped = $(if $(2),$(call escaped,$(subst $(firstword $(2)),\$(firstword $(2)),$(1)),$(wordlist 2,9,$(2))),$(1))
R := $(subst $(BLANK),\$(BLANK),$(call escaped,$(value RUN),: [ ] * ?))

VENV := .venv
PY := $(VENV)/bin/python
GPU := $(shell nvidia-smi -L >/dev/null 2>&1 && echo -gpu)
LOCK := requirements$(GPU).lock
STAGES := ingest preprocess train heatmap evaluate
SETTINGS := $(foreach stage,$(STAGES),$(R)/settings/$(stage).yaml)
# A run with MODEL, given now or before, trains nothing: what stands for the model then changes with it.
BORROWED := $(R)/settings/borrowed-model.yaml
BORROWS := $(or $(value MODEL),$(wildcard $(BORROWED)))
MODEL_FILE := $(if $(BORROWS),$(BORROWED),$(R)/model/model.json)

# With FORCE=1 the targets named on the command line are redone.
forced = $(if $(value FORCE),$(if $(filter $(1),$(MAKECMDGOALS)),always))
track = @$(PY) scripts/track.py $(IN)
# MLflow follows, to the end also of what fails, and is waited for where it succeeds (track).
# It takes the place of the shell, so that a signal to Make alone, as a container sends it, gets there.
followed = @$(PY) scripts/track.py $(IN) --follow $$$$ & $(scheduler)exec $(PY) scripts/$(1) $(IN)
# A Dask cluster for the work over images.
scheduler = $(if $(value SCHEDULER),SCHEDULER=$(call quoted,SCHEDULER) )
stage = $(call followed,stage.py $(1))
# Only the last of the stages that were asked for says what comes next; `more`: something else follows.
ASKED := $(filter $(STAGES) intake calibrate,$(MAKECMDGOALS))
export MAMMO_GOALS := $(ASKED) $(if $(filter-out $(ASKED),$(MAKECMDGOALS)),more)
# Every stage writes whole files or none, so Make must not delete them when it is interrupted.
.PRECIOUS: $(SETTINGS) $(BORROWED) $(R)/catalog/catalog.json $(R)/intake.json $(R)/preprocess.json \
           $(R)/model/model.json $(R)/heatmap.json $(R)/metrics.json $(R)/calibrate.json

## Stages, in order; each does what it needs before it and redoes only what changed
.PHONY: $(STAGES) intake
ingest: $(R)/catalog/catalog.json        ## list the data set: images, findings, every file
intake: $(R)/intake.json                 ## read every file, tell what became of it: intake.csv, intake.html, breast/
preprocess: $(R)/preprocess.json         ## standardise the mammograms, split the patients, label the positions
train: $(MODEL_FILE)                     ## train the network, calibrate it; a killed training goes on where it stopped
heatmap: $(R)/heatmap.json               ## probability map, overlay and regions of each test mammogram; the report
evaluate: $(R)/metrics.json              ## patch AUC, FROC, calibration with intervals; completes the report

# The rules are pipeline/run/graph.py's; tests/run/test_make.py compares them.
$(SETTINGS) $(if $(BORROWS),$(BORROWED)) &: always | $(VENV)/installed
	@$(PY) scripts/settings.py $(GIVEN)

$(R)/catalog/catalog.json: $(R)/settings/ingest.yaml always
	$(call stage,ingest)

$(R)/intake.json: $(R)/catalog/catalog.json $(R)/settings/preprocess.yaml $(call forced,intake)
	$(call stage,intake)
	$(track)

$(R)/preprocess.json: $(R)/catalog/catalog.json $(R)/settings/preprocess.yaml $(call forced,preprocess)
	$(call stage,preprocess)
	$(track)

$(R)/model/model.json: $(R)/preprocess.json $(R)/settings/train.yaml $(call forced,train)
	$(call stage,train)
	$(track)

$(R)/heatmap.json: $(MODEL_FILE) $(R)/preprocess.json $(R)/settings/heatmap.yaml $(call forced,heatmap)
	$(call stage,heatmap)
	$(track)

$(R)/metrics.json: $(R)/heatmap.json $(R)/settings/evaluate.yaml $(call forced,evaluate)
	$(call stage,evaluate)
	$(track)

$(R)/calibrate.json: $(R)/heatmap.json $(R)/settings/train.yaml $(R)/settings/evaluate.yaml $(call forced,calibrate)
	$(call stage,calibrate)
	$(track)

## Studies, which run the stages several times
.PHONY: crossval compare compare-heads mine ablation calibrate no-model controls robustness
FULL := $(if $(filter full,$(value SCHEDULE)),--full)
crossval: $(SETTINGS)                    ## cross-validation by patient (FOLDS=4): RUN/folds, RUN/crossval.json
	$(call followed,study.py crossval) --folds $(call or_else,FOLDS,4)
	$(track)

compare-heads: $(SETTINGS)               ## two softmax units against one sigmoid (SEEDS=5; SCHEDULE=full: trainings of full length; KINDS=1: also heads by kind): RUN/heads.html
	$(call followed,study.py compare-heads) --seeds $(call or_else,SEEDS,5) $(FULL) $(if $(value KINDS),--kinds)
	$(track)

mine: $(R)/metrics.json                  ## hard negatives: train on with the worst false alarms (LIMIT=500 of them): RUN/mined
	$(call followed,study.py mine) --limit $(call or_else,LIMIT,500)
	$(track)

calibrate: $(if $(BORROWS),$(R)/calibrate.json,no-model)  ## prior and temperature of MODEL anew from a site's labelled patients (INPUT): RUN/model
no-model:
	@echo "Name the model and the patients: make calibrate MODEL=runs/x INPUT=path/to/dicom RUN=runs/y"; exit 2

controls: $(R)/heatmap.json              ## what must hold whatever the network is worth (SCHEDULE=full: a training of full length); status 1 if it does not: RUN/controls.json
	$(call followed,study.py controls) $(FULL)
	$(track)

robustness: $(R)/heatmap.json            ## the figures on test mammograms that look otherwise: gamma, blur, noise, JPEG, turned (LIMIT=20: so many patients only): RUN/robustness.json
	$(call followed,study.py robustness) $(call given,LIMIT,limit)
	$(track)

ablation: $(SETTINGS)                    ## what each ingredient brings, on validation patients (SEEDS=2; SCHEDULE=full: trainings of full length): RUN/ablation.json
	$(call followed,study.py ablation) --seeds $(call or_else,SEEDS,2) $(FULL)
	$(track)

compare: | $(VENV)/installed             ## two evaluated runs on the same mammograms, paired (RUNS="runs/a runs/b")
	@$(PY) scripts/study.py compare $(call quoted,RUNS)

## Using a model
.PHONY: predict serve export-model
predict: | $(VENV)/installed             ## regions of single files (INPUT=file or folder; MODEL=runs/x, else RUN's); tables and pictures in OUT
	@$(PY) scripts/predict.py $(IN) $(call given,INPUT,input) $(call given,MODEL,model) $(call given,SET,set) $(call given,OUT,out)

serve: | $(VENV)/installed               ## the model of MODEL (else RUN's) as a service on this machine (PORT=5001): docs/serving.md
	@$(PY) scripts/serve.py $(IN) $(call given,MODEL,model) --port $(call or_else,PORT,5001)

export-model: | $(VENV)/installed        ## the model of MODEL (else RUN's) as SavedModel, ONNX and LiteRT, a folder for the Hugging Face Hub: OUT or RUN/export
	@$(PY) scripts/export_model.py $(IN) $(call given,MODEL,model) $(call given,OUT,out)

## Looking
.PHONY: status inspect doctor plan ui track champion settings help phantom-ideal example export-dicom
status: | $(VENV)/installed              ## what is done in RUN and what is older than its inputs, settings or code
	@$(PY) scripts/status.py $(IN)$(if $(strip $(SET_ALL)$(value MODEL)$(value INPUT)), --given)

inspect: | $(VENV)/installed             ## what one file is (FILE=x.dcm): codec, window, spacing, side, decision; its picture in OUT
	@$(PY) scripts/inspect_file.py $(call quoted,FILE) $(IN) $(call given,CONFIG,config) $(call given,SET,set) $(call given,OUT,out)

doctor: | $(VENV)/installed              ## what can be decoded here; whether packages, GPU, memory and disk suffice for CONFIG and RUN
	@$(PY) scripts/doctor.py $(GIVEN)

plan: | $(VENV)/installed                ## time, storage, network and bottleneck of so many mammograms (IMAGES=1000000 WORKERS=64), from what RUN took or a few take; CHECK=1 predicts RUN from a few
	@$(PY) scripts/plan.py $(IN) $(call given,IMAGES,images) $(call given,WORKERS,workers) $(call given,CONFIG,config) $(call given,SET,set) $(call given,MODEL,model) $(call given,INPUT,input) $(if $(value CHECK),--check) $(if $(value KEEP),--keep)

ui: | $(VENV)/installed                  ## open MLflow on this machine (PORT=5000): every run, its curves, heatmaps and report
	@$(PY) scripts/ui.py --port $(call or_else,PORT,5000)

export-dicom: $(R)/heatmap.json          ## maps and regions as DICOM objects beside the mammograms (IDENTIFIED=1 keeps names): RUN/dicom
	@$(PY) scripts/export_dicom.py $(IN) $(if $(value IDENTIFIED),--identified)

track: | $(VENV)/installed               ## send results to MLflow that it did not take before
	$(track)

champion: | $(VENV)/installed            ## name the evaluated model of RUN the one to use: alias champion of its registered model
	@$(PY) scripts/champion.py $(IN)

settings: $(SETTINGS)                    ## check CONFIG and SET and write them to RUN/settings, without any work

phantom-ideal: | $(VENV)/installed       ## AUC of an ideal reader on the phantom's lesions
	@$(PY) scripts/phantom_ideal.py

example: | $(VENV)/installed             ## small synthetic tree in the form of a public set (DATASET=cbis_ddsm)
	@$(PY) scripts/example.py $(call or_else,DATASET,cbis_ddsm)

help:                                    ## this text
	@awk -f scripts/help.awk Makefile docs/settings.md

## Working on the code
.PHONY: setup setup-scale test test-scale lint bench lock docs site result faults fuzz always
setup: $(VENV)/installed                 ## build the environment in .venv from the lock file

setup-scale: $(VENV)/installed-scale     ## Dask and object stores as well: docs/cluster.md

test: $(VENV)/installed-dev              ## all tests; MAMMO_DATA names the folder that holds mini-mias/
	@$(PY) -m pytest $(or $(TESTS),-n auto --dist loadfile)

test-scale: $(VENV)/installed-dev $(VENV)/installed-scale $(VENV)-s3/installed $(VENV)-server/installed $(VENV)-cloud/installed  ## clusters, object stores, several training processes, MLflow for a group on this machine, with parts killed; the files of cloud/
	@$(PY) -m pytest -m scale $(or $(TESTS),tests/scale)

faults: | $(VENV)/installed              ## kills, full disks, damaged files, hostile models, MLflow down ... (KILLS=100 FAULTS=words SEED=0): runs/faults/faults.json
	@$(PY) scripts/faults.py $(call given,KILLS,kills) $(call given,FAULTS,name) $(call given,SEED,seed)

lint: $(VENV)/installed-dev              ## ruff and mypy: errors, format, types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

bench: $(VENV)/installed-dev $(if $(filter torch,$(value BENCH)),$(VENV)-torch/installed)  ## speed as ratios, beside what one would otherwise pick (BENCH=names; GROWTH=2000 mammograms as well; KEEP=1): RUN/bench.json
	@$(PY) -m tests.benchmarks $(IN) $(call given,BENCH,name) $(call given,GROWTH,growth) $(if $(value KEEP),--keep)

fuzz: | $(VENV)/installed                ## damaged files through the reader and the importers (FILES=100000 SEED=0): OUT/fuzz.json, runs/fuzz by default
	@$(PY) scripts/fuzz.py $(call given,FILES,files) $(call given,SEED,seed) $(call given,OUT,out)

docs: $(VENV)/installed-dev              ## write the generated pages of docs/ and the README's table anew
	@$(PY) scripts/docs.py

site: $(VENV)/installed-dev              ## the documentation as a site, to open from disk: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict
	@echo "Open site/index.html; its search needs a server: python3 -m http.server --directory site"

KEPT := metrics crossval heads ablation controls robustness
there = $(if $(wildcard $(1)),$(1))
result: $(or $(foreach kept,$(KEPT),$(call there,$(R)/$(kept).json)),$(R)/metrics.json)  ## keep the figures of RUN in docs/results and show them on docs/results.md
	@$(PY) scripts/docs.py $(IN)

lock: | $(VENV)/installed                ## resolve the lock files anew
	@scripts/lock.sh $(VENV)

$(VENV)/installed: $(LOCK) requirements-setup.lock scripts/set_up.sh
	@scripts/set_up.sh $(VENV) $(LOCK)

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/installed-scale: requirements-scale.lock $(VENV)/installed
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements-scale.lock
	@touch $@

# Environments of their own, of tests and figures: an S3 server, an MLflow server, SkyPilot, PyTorch.
$(VENV)-s3/installed $(VENV)-server/installed $(VENV)-cloud/installed $(VENV)-torch/installed: $(VENV)-%/installed: requirements-%.lock $(VENV)/installed
	@$(VENV)/bin/uv venv --quiet --clear --python $(PY) $(VENV)-$*
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)-$*/bin/python --require-hashes -r $<
	@touch $@

# What is no target and no file: `make trian` means train.
.DEFAULT:
	@awk -v word='$(subst ','\'',$@)' -f scripts/nearest.awk Makefile >&2; exit 2

always:
