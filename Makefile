# `make` alone lists what can be done. Everything is installed into .venv, from the lock files,
# the first time it is needed and again whenever they change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
UV := uv==0.13.9

# Tests make thousands of small databases. In memory nobody waits for a disk, where there is room.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk '$$6 == "/dev/shm" && $$4 > 4000000 { print $$6 }')
PYTEST = $(if $(MEMORY),TMPDIR="$${TMPDIR:-$(MEMORY)}") $(BIN)/python -m pytest \
	--numprocesses auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run dev test test-slow lint types format check docs api-spec translations screenshots bench db-generate db-up lock clean

help: ## Show this list
	@echo "Usage: make TARGET [PYTHON=python3.12]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.runtime ## Start the server (HOST, PORT and WEB_CONCURRENCY are read)
	@exec $(BIN)/python -m deploystack

dev: $(VENV)/.runtime ## Start Flask's development server, which reloads
	@exec $(BIN)/flask --app wsgi run --debug --host "$${HOST:-127.0.0.1}" --port "$${PORT:-3000}"

test: $(VENV)/.dev $(VENV)/.nginx ## Run the tests, some in Chromium (ARGS="-k setup" is passed on to pytest)
	$(NEED_BROWSER)
	$(NEED_PROGRAMS)
	@$(PYTEST) $(ARGS)

test-slow: $(VENV)/.dev $(VENV)/.nginx ## Run the long sweeps, which need strace and Chromium
	$(call need,strace)
	$(NEED_BROWSER)
	$(NEED_PROGRAMS)
	@$(PYTEST) -m slow $(ARGS)

lint: $(VENV)/.dev ## Look for mistakes and untidy code
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.dev ## Check the types
	@$(BIN)/mypy

format: $(VENV)/.dev ## Tidy the code and mend what can be mended safely
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

check: lint types test ## Do all that a submission must pass

# From nothing each time: Sphinx warns of a page only when it reads it, and would be silent about the
# same fault the next time, or about a link to what is gone from another page.
docs: $(VENV)/.dev ## Make a site of the documentation, in build/docs
	@rm -rf build/docs
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -d build/docs-cache docs build/docs
	@echo "Open build/docs/index.html"

api-spec: $(VENV)/.dev ## Write docs/openapi.json and what is made of it anew, from the routes
	@$(BIN)/flask --app wsgi openapi write --without-plugins --format json docs/openapi.json
	@$(BIN)/flask --app wsgi openapi write --without-plugins --format postman docs/postman.json
	@$(BIN)/flask --app wsgi openapi write --without-plugins --format markdown docs/reference/routes.md

translations: $(VENV)/.dev ## Bring the translations up to date with the source (ARGS=fr begins one)
	@$(BIN)/python -m tests.support.translations $(ARGS)

screenshots: $(VENV)/.dev ## Take pictures of all pages into docs/images (ARGS=login takes a few)
	$(NEED_BROWSER)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

bench: $(VENV)/.dev ## Measure the server under load, which needs wrk and Chromium
	$(call need,wrk)
	$(NEED_BROWSER)
	@$(BIN)/python -m benchmarks $(ARGS)

db-generate: $(VENV)/.runtime ## Write a revision from the models: make db-generate m="add a table"
	@test -n "$$m" || { echo 'Say what the revision does: make db-generate m="add a table"' >&2; exit 2; }
	@$(BIN)/flask --app wsgi db migrate -m "$$m"

db-up: $(VENV)/.runtime ## Bring the configured database up to date
	@$(BIN)/flask --app wsgi db upgrade

lock: $(VENV)/.created ## Write the lock files anew (ARGS=--upgrade takes newer releases)
	@$(PIP) install $(UV)
	@$(BUILD_REQUIRES) | $(COMPILE) -o requirements.lock $(ARGS)
	@$(BUILD_REQUIRES) | $(COMPILE) -o requirements-dev.lock $(ARGS) \
		--constraint requirements.lock --extra test --extra lint --extra docs

clean: ## Remove .venv and every cache; persistent_data is left alone
	@rm -rf $(VENV) build dist *.egg-info htmlcov .coverage .coverage.* \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name .git -prune -o -name persistent_data -prune -o \
		-type d -name __pycache__ -prune -exec rm -rf {} +

# The editable install is built with the setuptools in the lock files: the one pyproject.toml names.
BUILD_REQUIRES = $(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'
COMPILE = $(BIN)/uv pip compile setup.cfg - --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"

# The browser that tests/support/browser.py finds.
NEED_BROWSER = $(if $(DEPLOYSTACK_TEST_BROWSER),,$(call \
	need,chromium,chromium-browser google-chrome google-chrome-stable))

# What the pages of the documentation tell people to type; what checks the unit, for nothing is run
# by systemd; and what fetches the linters of the API's document.
define NEED_PROGRAMS
$(call need,curl)
	$(call need,npx,,npm)
	$(call need,openssl)
	$(call need,sqlite3)
	$(call need,unshare,,util-linux)
	$(call need,systemd-analyze,,systemd)
endef

# $(call need,PROGRAM[,OTHERS THAT DO AS WELL][,ITS PACKAGE]) installs a system program where that is
# possible, else says what to do.
define need
@for program in $(1) $(2); do command -v $$program >/dev/null && exit 0; done; { \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $(or $(3),$(1)) >/dev/null; \
	else false; fi; \
} || { echo "This needs the program $(1). Install it, for example: sudo apt-get install $(or $(3),$(1))" >&2; exit 1; }
endef

# The tests of the documentation start nginx themselves. An installed one would begin to serve, so
# it is only unpacked, which anybody may do.
$(VENV)/.nginx: $(VENV)/.created
	@mkdir -p $(VENV)/nginx
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null || { cd $(VENV)/nginx && \
		{ [ "$$(id -u)" != 0 ] || apt-get update -qq; } && apt-get download -qq nginx 2>/dev/null && \
		dpkg-deb -x nginx_*.deb .; } || { echo "This needs nginx. Install it, for example: sudo apt-get install nginx" >&2; exit 1; }
	@touch $@

# A stamp is touched last, so an install that was interrupted is done again. The lock files are
# complete: --no-deps keeps pip from looking for a newer release of what one of them pins with an
# extra, which has no hash here and would end the installation.
$(VENV)/.runtime: requirements.lock
$(VENV)/.dev: requirements-dev.lock
$(VENV)/.runtime $(VENV)/.dev: $(VENV)/.created setup.cfg pyproject.toml
	@echo "Installing $(filter %.lock,$^) into $(VENV) ..."
	@$(PIP) install --require-hashes --no-deps -r $(filter %.lock,$^)
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q deploystack wsgi.py
	@touch $@

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)' here. Install Python 3.11, 3.12 or 3.13, or name one: make ... PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "DeployStack needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make ... PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' comes without venv or ensurepip. Install them (Debian, Ubuntu: apt-get install python3-venv), or name another Python: make ... PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# .venv is made anew when its Python is gone, or is not the one named on the command line.
HAVE := $(shell $(BIN)/python -V 2>/dev/null)
ifeq ($(origin PYTHON),command line)
WANT := $(shell $(PYTHON) -V 2>/dev/null)
else
WANT := $(or $(HAVE),any)
endif
ifneq ($(HAVE),$(WANT))
.PHONY: $(VENV)/.created
endif
