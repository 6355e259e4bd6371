# make demo        Node-RED behind Flowward, with a user of each role
# make test        everything, with real Node-RED and a real browser
# make check       format, lint, types, layers, spelling
# make bench       Flowward beside its peers
# make soak        the long series: crashes, reloads, mutated requests
# make setup       the virtual environment alone
# make clean       away with everything that was made here

PYTHON ?= python3
BIN := .venv/bin
ENVIRONMENT := $(PYTHON) tools/environment.py .venv
# SimpleSAMLphp wants a web server beside it; the smallest one, which does not start by itself, keeps Apache out.
SAML := /usr/share/simplesamlphp/www=simplesamlphp php=php-cli /etc/php/*/mods-available/dom.ini=php-xml \
        /etc/php/*/mods-available/mbstring.ini=php-mbstring mini_httpd=mini-httpd
PROGRAMS := curl=curl jq=jq chromium=chromium node=nodejs npm=npm initdb=postgresql redis-server=redis-server \
            haproxy=haproxy slapd=slapd rsyslogd=rsyslog \
            /usr/lib/*/rsyslog/lmnsd_gtls.so=rsyslog-gnutls $(SAML)
PYTEST := $(BIN)/python -m pytest $(if $(CI),--require-services)
PYTEST_ARGS ?=
# What decides who may do what: its tests run once more, and take every branch of it without any luck of the draw.
DECIDING := -m "not hypothesis" tests/proxy/access

.PHONY: demo test check bench soak setup clean

demo: setup
	$(BIN)/flowward demo

test:
	$(ENVIRONMENT) --with dev
	$(BIN)/python tools/programs.py $(PROGRAMS)
	$(PYTEST) -n 2 --dist loadfile $(PYTEST_ARGS)
	$(if $(PYTEST_ARGS),,$(BIN)/python -m coverage run -m pytest $(DECIDING))
	$(if $(PYTEST_ARGS),,$(BIN)/python -m coverage report)

check:
	$(ENVIRONMENT) --with dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/deptry .

bench:
	$(ENVIRONMENT) --with dev --with bench
	$(BIN)/python -m benchmarks

soak:
	$(ENVIRONMENT) --with dev
	$(BIN)/python tools/programs.py $(PROGRAMS)
	$(PYTEST) -m soak --timeout 3600 $(PYTEST_ARGS)

setup:
	$(ENVIRONMENT)

clean:
	rm -rf .venv .cache var dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
