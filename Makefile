.DEFAULT_GOAL := help
.PHONY: help setup layers test soak lint check format synth dist deploy destroy release docs-tools docs demo bench judge-bench screenshots catalogue golden local-up local-down fleet-up fleet-down regions-up regions-down lock clean

VENV := .venv/bin
PY := $(VENV)/python
# The files and folders that are checked.
SOURCES := $(wildcard app.py lambdas infra scripts cli discovery local bench tests)
ASL := $(wildcard statemachines/*.asl.json)
# CONTEXT="stack_name=Prod log_retention_days=90": settings of infra/settings.py for synth, deploy and destroy.
CONTEXT ?=
# Tests, demo and benches start hundreds of Python processes: without stored bytecode each would compile boto3 and more anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: ## .venv and node_modules from the lock files; quick when nothing changed
	@sh scripts/setup.sh

layers: setup ## the dependency layers that tests need, in build/; quick when nothing changed
	$(PY) -m scripts.build_layer --native
	$(PY) -m scripts.build_layer

test: layers ## every test; ARGS="-k name" chooses some
	$(PY) -m pytest -n 3 --dist loadgroup $(ARGS)

soak: layers ## the tests that take minutes each; ARGS="-k name" chooses some
	$(PY) -m pytest -n 3 --dist loadgroup -m soak $(ARGS)

lint: setup ## style, types, layers, state machines
	$(VENV)/ruff check $(SOURCES)
	$(VENV)/ruff format --check $(SOURCES)
	$(VENV)/mypy $(SOURCES)
	$(VENV)/lint-imports
	@mkdir -p build/asl  # the linter takes a placeholder for a broken ARN
	@for machine in $(ASL); do sed 's/$${Partition}/aws/g' $$machine > build/asl/$$(basename $$machine) || exit 1; \
		$(VENV)/node node_modules/.bin/asl-validator --json-path build/asl/$$(basename $$machine) || exit 1; done

check: lint test ## lint and test: what a change must pass

format: setup ## rewrites the sources in the project's style
	$(VENV)/ruff check --fix-only $(SOURCES)
	$(VENV)/ruff format $(SOURCES)

synth: setup ## cdk.out, offline; CONTEXT="assets_bucket=…" also a template for CloudFormation alone
	$(PY) -m infra.synth --output cdk.out $(CONTEXT)

dist: setup ## the wheel, in dist/: the command, its local account and the CDK stack for other machines
	rm -rf dist
	$(PY) -m hatchling build --target wheel --directory dist

deploy: setup ## into the AWS account of your credentials; CONTEXT="key=value …", FORCE=1 even while a fault is active
	$(PY) -m scripts.deploy deploy $(if $(FORCE),--force) $(CONTEXT)

destroy: setup ## removes the stack, keeps results; CONTEXT as for deploy
	$(PY) -m scripts.deploy destroy $(if $(FORCE),--force) $(CONTEXT)

docs-tools: setup
	@cmp -s requirements-docs.txt .venv/docs-requirements.txt || { $(PY) -m pip install -qq --disable-pip-version-check --require-hashes \
		--no-deps --requirement requirements-docs.txt && cp requirements-docs.txt .venv/docs-requirements.txt; }

docs: docs-tools ## the documentation's site in build/docs; without a network once its tools are in .venv
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	@echo "Read it: $(PY) -m http.server --directory build/docs 8000, then http://localhost:8000"

screenshots: setup ## the pictures in docs/images, of real runs on this machine (half an hour)
	$(PY) -m bench.screenshots

release: setup ## keeps the state machine of a release: tests run it against later handlers
	cp statemachines/experiment.asl.json tests/data/previous.asl.json

demo: setup ## runs the experiment of AWS Well-Architected REL12-BP05 on this machine; EXPERIMENT=name runs another
	$(PY) -m local.demo $(if $(EXPERIMENT),--experiment $(EXPERIMENT))

bench: setup ## cold starts, transitions, seconds to stop, overhead beside Chaos Toolkit, three faults beside one
	$(PY) -m bench

judge-bench: setup ## the judge on generated and on real series: docs/judge.md (ten minutes)
	$(PY) -m bench --only judge --write

catalogue: setup ## runs every experiment of the local catalogue (an hour and a half): docs/faults.md; ARGS="--only NAME" chooses some
	$(PY) -m bench.catalogue --write $(ARGS)

golden: setup ## runs experiments with known verdicts, ten of each kind (three hours): docs/judge.md; ARGS="--repeat N" for another number
	$(PY) -m bench.golden --write $(ARGS)

local-up: setup ## starts the local chaos account and deploys into it
	$(VENV)/squall local up

local-down: setup ## stops the account and all its processes
	$(VENV)/squall local down

fleet-up: setup ## starts two local accounts in two Regions and deploys into both
	$(VENV)/squall local fleet up

fleet-down: setup ## stops both accounts of the local fleet
	$(VENV)/squall local fleet down

regions-up: setup ## starts a local account in two Regions and deploys into both
	$(VENV)/squall local regions up

regions-down: setup ## stops the local account in both Regions
	$(VENV)/squall local regions down

lock: ## requirements*.txt from requirements*.in, package-lock.json from package.json
	sh scripts/lock.sh

clean: ## removes everything that make can build again and the local account, except .venv and node_modules
	@test ! -x $(PY) || test ! -e .local || $(PY) -m cli local down
	@test ! -x $(PY) || test ! -e .local/fleet || $(PY) -m cli local fleet down
	@test ! -x $(PY) || test ! -e .local/regions || $(PY) -m cli local regions down
	rm -rf .local build cdk.out dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
