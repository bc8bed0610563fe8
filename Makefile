# `make help` lists the targets.
PYTHON ?= python3
EXTRAS ?= dev
BASE ?= main
CRITERION ?= weakly_supervised
COLLECTIONS ?= cifar10 svhn
SETTINGS ?= tuned
ENVIRONMENT := .venv/.installed
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install repro paper natural train check-data new-arm remove-arm first-look tune adopt join compare gate check-lock camelyon test test-slow test-all lint format bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

install: $(ENVIRONMENT) ## make .venv with the tested versions of everything (EXTRAS=dev,cluster: with Dask, see docs/scaling.md)

$(ENVIRONMENT): pyproject.toml constraints.txt
	@if test -L .venv; then echo 'error: .venv is a link to an environment that was installed for another clone: remove the link (rm .venv) and run make again, which makes an environment of its own' >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"error: Python 3.11 to 3.13 is needed, {sys.executable} is {v[0]}.{v[1]}: name another one, as in make PYTHON=python3.12 repro")'
	@echo 'installing into .venv: a few minutes'
	test -e .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[$(EXTRAS)]'
	.venv/bin/python -m compileall -qq -j 0 .venv/lib || true # what pip does on one processor; some files are templates
	touch $@

repro: $(ENVIRONMENT) ## run every stage whose inputs changed
	dvc repro

paper: $(ENVIRONMENT) ## the paper's four arms with three seeds, beside the sample and the demo (needs the data and a GPU, see README)
	python -m pipeline check-data camelyon16 nih_subset nih_pa nih_ap
	dvc exp run \
		-S 'arms.slides=[demo_slides,camelyon16]' \
		-S 'arms.xrays=[nih_sample,nih_subset,nih_pa,nih_ap]' \
		-S 'arms.train=[nih_sample,demo_slides,camelyon16,nih_subset,nih_pa,nih_ap]' \
		-S 'seeds=[0,1,2]'

natural: $(ENVIRONMENT) ## CIFAR10 and SVHN, each class normal once, as in the paper (COLLECTIONS=cifar10, SETTINGS=default or tuned; needs the data and a GPU, see docs/natural.md)
	python -m pipeline natural --collections $(COLLECTIONS) --settings $(SETTINGS)

train: $(ENVIRONMENT) ## what `dvc repro` would train, several at a time, a GPU each; it takes them over (make train JOBS=8 ARM=nih_pa)
	python -m pipeline train $(if $(JOBS),--jobs $(JOBS)) $(if $(ARM),--arm $(ARM))

check-data: $(ENVIRONMENT) ## say which data sets are present, complete or missing, and list their files
	python -m pipeline check-data

# As they were typed: neither make nor the shell looks into a name or a path, whatever is in it.
unexport NAME LIKE DATA DIR
typed = '$(subst ','\'',$(value $(1)))'

new-arm: $(ENVIRONMENT) ## an arm of your own: make new-arm NAME=mine LIKE=images DATA=/path/of/its/folder, see docs/adding.md
	@python -m pipeline new-arm $(call typed,NAME) --like=$(call typed,LIKE) $(if $(value DATA),--data=$(call typed,DATA))

remove-arm: $(ENVIRONMENT) ## the way back from new-arm: make remove-arm NAME=mine; data stay
	@python -m pipeline remove-arm $(call typed,NAME)

first-look: $(ENVIRONMENT) ## which quick detector suits an arm, without its test images, in a minute or two (make first-look ARM=nih_sample)
	@python -m pipeline first-look $(ARM)

tune: $(ENVIRONMENT) ## search the settings of an arm (make tune ARM=demo_slides); goes on after an interruption
	python -m pipeline tune $(ARM)

adopt: $(ENVIRONMENT) ## show what the search of ARM chose, as a change of its file (CRITERION=weakly_supervised, unsupervised or label_free)
	@python -m pipeline adopt $(ARM) --criterion $(CRITERION)

join: $(ENVIRONMENT) ## help a search of ARM that runs on another machine, see docs/tuning.md
	@python -m pipeline join $(ARM)

compare: $(ENVIRONMENT) ## what changed since BASE, a branch, commit or experiment (make compare BASE=main)
	@python -m pipeline compare $(BASE)

gate: $(ENVIRONMENT) ## fail where a metric became worse than at BASE by more than `gate` in params.yaml allows
	@python -m pipeline compare $(BASE) --gate

check-lock: $(ENVIRONMENT) ## fail where reports/ is older than code or parameters, incomplete, or left over
	@python -m pipeline check-lock

camelyon: $(ENVIRONMENT) ## judge the scored test slides of Camelyon16 as its organisers do (make camelyon DIR=scored, see docs/scoring.md)
	@python -m pipeline camelyon $(call typed,DIR)

# Three at a time on two cores: for a fifth of the time a test waits for a process or a page.
test: $(ENVIRONMENT) ## the tests, a few minutes; includes the whole chain on a shrunken demo
	python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not slow'

test-slow: $(ENVIRONMENT) ## the tests that take longer
	python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m slow

test-all: $(ENVIRONMENT) ## both at once, in less time than one after the other, since they share a chain
	python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(ENVIRONMENT) ## ruff and mypy
	ruff check .
	ruff format --check .
	mypy

format: $(ENVIRONMENT) ## let ruff put code into shape
	ruff check --fix .
	ruff format .

bench: $(ENVIRONMENT) ## run benchmarks/ and write benchmarks/results.json
	python -m benchmarks

clean: ## remove the environment and scratch; data/ and reports/ stay
	rm -rf .venv .cache
