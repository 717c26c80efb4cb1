# make demo        a whole campaign in minutes, from nothing to its report
# make campaign    CONFIG=config/paper.yaml PROFILE=profiles/local
# make augment     MAPS='dir/*.fits' [N_MAPS=200] [NAME=mine] [NSIDE=…] [MASK=…]
#                  [AXIS=ecliptic] [STOKES=QU] [SURROGATE='cheap/*.fits']: your own maps; what
#                  the files do not say:
#                  [UNIT=uK] [CONVENTION=COSMO] [FRAME=galactic] [ORDERING=RING]
# make resume      the same after Snakemake itself was killed
# make test        lint, then every test but the slow ones, on WORKERS=2 cores
# make test-all    lint, then every test
# make test-slurm  the campaign through a real SLURM, and its failures (root, Debian)
# make lint        style of the code and of the workflow
# make reference   config/README.md and workflow/schemas/ from the configuration's classes
# make docs        the documentation as a site, build/site/index.html
# make lock        resolve envs/*.in into the locks again
# make clean       remove what the demo and the tools left
# make clean-cache remove the compiled programs that jobs share

VENV    := .venv
PYTHON  ?= $(shell command -v python3.11 || command -v python3)
CONFIG  ?= config/demo.yaml
PROFILE ?= profiles/local
WORKERS ?= 2

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo campaign augment resume test test-all test-slurm lint reference docs lock clean clean-cache

demo: $(VENV)/installed
	snakemake --profile profiles/local --configfile config/demo.yaml
	@echo "Report: $(CURDIR)/results/demo/report.html"

# Snakemake reads the file before the workflow could say anything about it.
CHECK_CONFIG = @test -f "$(CONFIG)" || { echo "CONFIG=$(CONFIG): no such file" >&2; exit 2; }

campaign: $(VENV)/installed
	$(CHECK_CONFIG)
	snakemake --profile $(PROFILE) --configfile $(CONFIG)

# What is said goes through the environment, so that names may hold blanks.
augment: export SAID_MAPS = $(MAPS)
augment: export SAID_MASK = $(MASK)
augment: export SAID_SURROGATE = $(SURROGATE)
augment: $(VENV)/installed
	@test -n "$$SAID_MAPS" || { echo "MAPS: missing; expected files or patterns, MAPS='dir/*.fits'" >&2; exit 2; }
	@python scripts/augment.py --profile $(PROFILE) $(if $(N_MAPS),--n-maps $(N_MAPS)) \
	    $(if $(NAME),--name $(NAME)) $(if $(NSIDE),--nside $(NSIDE)) \
	    $(if $(MASK),--mask "$$SAID_MASK") $(if $(STOKES),--stokes $(STOKES)) \
	    $(if $(SURROGATE),--surrogate "$$SAID_SURROGATE") \
	    $(if $(AXIS),--axis $(AXIS)) $(if $(UNIT),--unit $(UNIT)) $(if $(FRAME),--frame $(FRAME)) \
	    $(if $(CONVENTION),--convention $(CONVENTION)) $(if $(ORDERING),--ordering $(ORDERING)) \
	    "$$SAID_MAPS"

resume: $(VENV)/installed
	$(CHECK_CONFIG)
	snakemake --profile $(PROFILE) --configfile $(CONFIG) --unlock
	$(MAKE) campaign

# One thread each: workers share the cores, and one takes all tests of a file (what it makes once).
TESTS = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 pytest -n $(WORKERS) --dist loadfile

test: lint
	$(TESTS)

test-all: lint
	$(TESTS) -m ""

test-slurm: $(VENV)/installed
	pytest tests/slurm

lint: $(VENV)/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint

reference: $(VENV)/installed
	python scripts/config_reference.py --output config/README.md \
	    --schema workflow/schemas/campaign.schema.yaml

docs: build/docs/installed
	NO_MKDOCS_2_WARNING=1 build/docs/bin/mkdocs build
	@echo "Site: $(CURDIR)/build/site/index.html"

$(VENV)/installed: envs/cpu.lock
	$(INSTALL)

build/docs/installed: envs/docs.lock
	$(INSTALL)

# The lock of a rule into the environment of its target.
define INSTALL
@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
    { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11" >&2; exit 2; }
"$(PYTHON)" -m venv $(@D)
$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
@touch $@
endef

lock:
	"$(PYTHON)" -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv
	for kind in cpu gpu docs; do \
	    build/uv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header \
	        --no-emit-index-url --output-file envs/$$kind.lock envs/$$kind.in || exit 1; \
	done
	sed -i "s,^echo .*cpu.lock,echo \"$$(sha256sum envs/cpu.lock)," envs/conda.post-deploy.sh

clean:
	rm -rf results/demo logs/demo benchmarks/demo build dist scripts/*.egg-info
	rm -rf .pytest_cache .ruff_cache
	find scripts tests -name __pycache__ -prune -exec rm -rf {} +

clean-cache:
	rm -rf .snakemake/compiled
