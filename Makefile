# seqlab: `make` lists what can be done.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build pipeline stage test check advisories bench bench-cuda interop torture clean cargo

TASK ?= x2
SEQLAB := target/release/seqlab
VENV := target/interop
RUN_FLAGS := $(foreach pair,$(SET),--set '$(pair)') $(if $(DEVICE),--device $(DEVICE)) $(if $(JOBS),-j $(JOBS))

help: ## Show this list, and what is missing on this machine
	@echo 'seqlab: sequence data without leaks, many tiny models, circuits.'
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo
	@echo 'Pipelines: $(patsubst pipelines/%.yaml,%,$(sort $(wildcard pipelines/*.yaml)))' | fold -s -w 100
	@echo
	@echo 'First:     make pipeline TASK=x2                 (a minute)'
	@echo '           make pipeline TASK=leakage_ladder     (how much of a score can be memory, in one figure)'
	@echo 'Change:    make pipeline TASK=x2 SET="train.seeds=16 train.steps=500"'
	@command -v cargo >/dev/null || { echo; $(MAKE) --no-print-directory cargo || true; }
	@command -v cc >/dev/null || { echo; echo 'Missing: a C compiler (Debian: apt-get install build-essential).'; }

cargo:
	@command -v cargo >/dev/null || { \
	  echo 'Missing: Rust. Get it with rustup (https://rustup.rs), or from your system'; \
	  echo '(Debian: apt-get install rustup && rustup default stable). The version is in rust-toolchain.toml.'; \
	  exit 1; }

build: cargo ## Compile target/release/seqlab (about ten minutes the first time on two cores)
	@cargo build --release --locked -p seqlab

pipeline: build ## Run a pipeline: TASK=x2 [SET="train.seeds=16 ..."] [DEVICE=cuda] [JOBS=2]
	@$(SEQLAB) run pipelines/$(TASK).yaml $(RUN_FLAGS)

stage: build ## Run one stage with what it needs: TASK=x2 STAGE=evaluate [SET=...]
	@test -n '$(STAGE)' || { echo 'name the stage, for instance: make stage TASK=$(TASK) STAGE=evaluate'; exit 2; }
	@$(SEQLAB) run pipelines/$(TASK).yaml $(STAGE) $(RUN_FLAGS)

test: cargo ## Run every test
	@cargo test --release --workspace --locked

check: cargo ## Formatting, lints, documentation, licences, sources, unused dependencies
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace --no-deps --locked --quiet
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; \
	  else echo 'cargo-deny is not installed (cargo install cargo-deny --locked): licences and sources not checked'; fi
	@if command -v cargo-machete >/dev/null; then cargo machete crates; \
	  else echo 'cargo-machete is not installed (cargo install cargo-machete --locked): unused dependencies not looked for'; fi

advisories: ## Ask the RustSec database whether a dependency is known to be unsafe (needs cargo-deny and the network)
	cargo deny check advisories

bench: build ## Measure training (beside PyTorch), building (beside numpy and pyarrow), auditing (beside DuckDB)
	@benches/train.sh target/bench/venv
	@benches/build.sh target/bench/venv
	@benches/audit.sh

bench-cuda: build ## Measure training on a GPU, beside PyTorch and JAX (PYTHON: one that has both, with CUDA)
	@benches/cuda.sh $(or $(PYTHON),python3)

interop: build ## Load our files in DuckDB, pandas, Hugging Face datasets, TransformerLens, pages in Chromium (installs them in target/interop)
	@tests/interop/run.sh $(VENV)

torture: build ## Hunt for faults: kills, failing calls, damaged files, full disks (half an hour; ALL=1: hours) [SEED=2] [ONLY=crash]
	@ALL='$(ALL)' SEED='$(or $(SEED),1)' ONLY='$(ONLY)' python3 tests/torture/run.py $(SEQLAB)

clean: ## Remove what cargo made; datasets/ and results/ stay
	cargo clean
