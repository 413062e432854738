# Two commands for everybody: `make lab` opens lesson 1 as a student gets it, `make test` checks everything.
# Each target sets up what it needs first; when all is up to date that takes a moment.

# Any Python of 3.11 or newer; it only makes the environment that everything else runs in.
PYTHON ?= python3
START = $(PYTHON) course/pack/start.py --project . --venv .venv --lock requirements-dev.lock

.PHONY: help setup lab test test-all test-hub check notebooks gate demo site hub hub-class prove-hub image test-image load-hub load-exchange bench bench-latency bench-grading compare-graders browser
.DEFAULT_GOAL := help

help:  ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "make %-15s %s\n", $$1, $$2}'

setup:  ## Make the environment in .venv, or bring it up to date
	@$(START) --only-setup

lab:  ## Open JupyterLab on a student's copy of the lessons, in work/
	@$(START) --work work $(LAB_OPTIONS)

# Everything below runs in the environment, one thread a process: twice the threads made a fit nine times slower.
RUN = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 PATH="$(CURDIR)/.venv/bin:$$PATH"
LESSON = 01_what_is_mlops
NBMAKE = python -m pytest -c tests/nbmake.ini --nbmake --nbmake-timeout=240 -n 2 -q

# These look for what a submission leaves running on this machine, and must not see each other's.
ALONE = tests/grading/integrity tests/grading/test_sandbox.py
# These make Unix accounts on this machine: only when asked for.
CLASSROOM = tests/hub/classroom

test: setup browser  ## Check everything that must hold before a change lands (at most 20 minutes on 2 cores)
	$(RUN) $(MAKE) --no-print-directory check
	$(RUN) python -m pytest -n 2 --dist worksteal -m "not long" -q $(ALONE:%=--ignore=%) --ignore=$(CLASSROOM)
	$(RUN) python -m pytest -m "not long" -q $(ALONE)
	$(RUN) $(MAKE) --no-print-directory notebooks gate demo

test-all: setup browser  ## The long run: all of `make test`, and what takes longer
	$(RUN) $(MAKE) --no-print-directory check
	$(RUN) python -m pytest -n 2 --dist worksteal -q $(ALONE:%=--ignore=%) --ignore=$(CLASSROOM)
	$(RUN) python -m pytest -q $(ALONE)
	$(RUN) $(MAKE) --no-print-directory notebooks gate demo

check: setup  ## Style, spelling, and lessons that agree with their notebooks
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) codespell
	$(RUN) course build --check
	$(RUN) course guide $(LESSON) --check

# On copies: a notebook writes files where it lies.
notebooks: setup  ## Stock nbmake over every source and every release notebook
	@rm -rf build/notebooks && mkdir -p build/notebooks && cp -r source release build/notebooks
	$(RUN) $(NBMAKE) build/notebooks/source
	$(RUN) $(NBMAKE) build/notebooks/release

gate: setup  ## May lesson 1 be released? Reference, untouched, planted mistakes, mutants, leaks
	$(RUN) course gate $(LESSON)

demo: setup  ## An instructor's day without a keystroke, in a temporary folder
	$(RUN) course demo

site: setup  ## Build the static web edition in build/site
	$(RUN) course site

hub: setup  ## A JupyterHub for one person on this machine, to see the course as a class would (a preview)
	$(RUN) course hub $(HUB_OPTIONS)

# A hub of Unix accounts needs an environment, and a Python, that every account may read.
HUB_VENV ?= /opt/mlops-course
HUB_PYTHON ?= /usr/bin/python3
CLASS ?= deploy/jupyterhub/class.toml
STUDENTS ?= 10
MINUTES ?= 2
SECONDS ?= 30

hub-class:  ## A JupyterHub for a class of Unix accounts, as CLASS=class.toml describes it (needs root)
	@$(HUB_PYTHON) course/pack/start.py --project . --venv $(HUB_VENV) --lock requirements-hub.lock --only-setup
	@OMP_NUM_THREADS=1 PATH="$(HUB_VENV)/bin:$$PATH" course hub-class $(CLASS) $(HUB_OPTIONS)

test-hub: setup browser  ## Prove a class's hub: the whole way in the browser, refusals, faults (needs root; makes accounts)
	$(RUN) COURSE_TEST_ACCOUNTS=1 python -m pytest -q $(CLASSROOM)

prove-hub: test-hub load-hub  ## Both: the proof of a class's hub, and how it bears STUDENTS

# An image needs an engine and a base image; BASE may be any Debian or Ubuntu with Python 3.11 or newer.
ENGINE ?= docker
IMAGE ?= mlops-course
BASE ?= docker.io/library/python:3.11-slim-bookworm

image: setup  ## Build a hub's container image (ENGINE=docker, podman or buildah; IMAGE=name; BASE=image)
	$(RUN) course image --out build/image
	$(ENGINE) build --build-arg BASE=$(BASE) --tag $(IMAGE) $(IMAGE_OPTIONS) build/image

test-image: image  ## Build the image, and prove what is in it
	$(RUN) COURSE_TEST_ENGINE="$(ENGINE)" COURSE_TEST_IMAGE=$(IMAGE) python -m pytest -q tests/hub/test_image.py

load-hub: setup browser  ## Print how a class's hub bears STUDENTS that arrive within MINUTES (needs root; makes accounts)
	$(RUN) COURSE_TEST_ACCOUNTS=1 PYTHONPATH=. python tests/bench/hub_load.py --students $(STUDENTS) --minutes $(MINUTES)

load-exchange: setup  ## Print how the exchange service bears STUDENTS who hand in within SECONDS, killed in between
	$(RUN) PYTHONPATH=. python tests/bench/exchange_load.py --students $(STUDENTS) --seconds $(SECONDS)

bench: setup  ## Print the README's numbers table
	$(RUN) python tests/bench/bench.py

bench-latency: setup browser  ## Print how long a control takes in the browser, by section (5 minutes)
	$(RUN) python tests/bench/latency.py

bench-grading: setup  ## Print what grading costs, beside nbgrader's own grader (10 minutes)
	$(RUN) python tests/bench/grading.py

compare-graders: setup  ## Count what plain nbgrader lets through, and what ours (Linux; half an hour)
	$(RUN) python tests/bench/compare_graders.py

browser:
	@command -v chromium >/dev/null 2>&1 || (echo "Installing Chromium for the browser tests …" \
	  && apt-get update -qq && apt-get install -y -qq chromium >/dev/null) \
	  || (echo "The browser tests need Chromium on PATH: install it, then run this again." && false)
	@command -v bwrap >/dev/null 2>&1 || (echo "Installing bubblewrap for the test without a network …" \
	  && apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null) \
	  || echo "Without bubblewrap on PATH the round trip without a network is not tried."
	@command -v configurable-http-proxy >/dev/null 2>&1 || (echo "Installing the hub's proxy …" \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends node-configurable-http-proxy >/dev/null) \
	  || echo "Without configurable-http-proxy or npm the preview of a hub is not tried."
