# Two commands matter: `make demo` and `make test`. Both build the same virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
DEMO ?=
PYTEST ?=

# A ROS graph that never leaves this machine; each run of demo and tests picks a domain of its own.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
unexport ROS_DOMAIN_ID
export PYTHONUNBUFFERED := 1

.PHONY: help venv demo test environments lint docs clean clean-venv

help:
	@echo 'make demo   replay a stereo bag through stereo_node, score it, write out/demo/'
	@echo '            (DEMO="--real" takes real stereo pairs; see .venv/bin/ssc_ros demo --help)'
	@echo 'make test   lint, types, import contracts and all tests (PYTEST="-k sync" selects)'
	@echo 'make environments   of these, the tests under ROS 2 Jazzy, NumPy 1 and Python 3.10 to 3.13'
	@echo 'make lint   the checkers only'
	@echo 'make docs   write config/*.yaml, docs/parameters.md, docs/topics.md and the table in README.md'
	@echo 'make clean  remove results and caches; make clean-venv removes the environment too'

venv: $(STAMP)

# torch goes first and alone: a later resolution then finds it installed and cannot swap it.
# stereodemo is wanted for its sample images, not for the GUI that it depends on.
$(STAMP): constraints.txt setup.py setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python >= 3.10 is needed")'
	$(PYTHON) -m venv $(VENV)
	@echo 'Installing the pinned packages into $(VENV); the first time this takes some minutes.'
	$(PIP) torch numpy
	$(PIP) --editable '.[ros,viewer,bags,onnx,training,test]'
	$(PIP) --no-deps stereodemo
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/ssc_ros demo $(DEMO)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest $(PYTEST)
	$(BIN)/python test/environments/run.py --pytest='$(PYTEST)'

environments: $(STAMP)
	$(BIN)/python test/environments/run.py --pytest='$(PYTEST)'

docs: $(STAMP)
	$(BIN)/python docs/generate.py

clean:
	rm -rf out build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache
	find ssc_ros training test benchmarks launch -name __pycache__ -type d -prune -exec rm -rf {} +

clean-venv: clean
	rm -rf $(VENV) .venv-*
