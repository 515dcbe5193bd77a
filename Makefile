# `make help` lists the targets. Each readies the machine first, so a fresh clone needs no other step.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

CARGO := scripts/cargo.sh
# For programs that call cargo themselves.
WITH_CARGO := . scripts/lib.sh && use_settled_toolchain &&
SPILLWAY := $(CARGO) run --locked --quiet -p spillway-cli --

# N and SEED of `make oracle`, CASES of `make conformance`, FUZZ_SECONDS of `make fuzz`.
N ?= 10000
SEED ?= 1
CASES ?= ../shared/conformance
FUZZ_SECONDS ?= 30
FUZZ_TARGETS ?= smp settings review

# What runs beside the control plane in `make e2e` and `make cluster-up`.
CLUSTER_PROGRAMS := spillway-cluster policy-host-serve spillway-sidecar

# What the policy and the sidecar of `make cluster-up` are told.
SETTINGS ?= e2e/cluster/settings.yaml

# What the wasm is built from: the policy and the crates under it, nothing native.
BUILD_FILES := Cargo.toml Cargo.lock rust-toolchain.toml scripts/build-wasm.sh scripts/lib.sh
POLICY_CRATES := policy-settings crates/admission-core crates/placement-core crates/rules crates/kube-rules
POLICY_FILES := $(BUILD_FILES) $(shell find src $(addsuffix /src,$(POLICY_CRATES)) -name '*.rs') \
  $(addsuffix /Cargo.toml,$(POLICY_CRATES))
EMPTY_POLICY_FILES := $(BUILD_FILES) crates/empty-policy/Cargo.toml crates/empty-policy/src/lib.rs
EMPTY_POLICY := target/empty_policy.wasm

# Tests and programs find the module that was built here, wherever they are started.
export SPILLWAY_POLICY_WASM := $(CURDIR)/policy.wasm

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## /{printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Ready this machine: Rust, and a way to build wasm; repeat it as you like
	@scripts/setup.sh

.PHONY: demo
demo: setup policy.wasm ## Play a web shop under two traffic peaks through the real wasm; table and picture in out/
	@mkdir -p out
	$(CARGO) build --locked -p spillway-cli
	$(SPILLWAY) simulate examples/hello-web --policy-wasm policy.wasm --picture out/demo.svg --picture out/demo.png
	@echo "pictures: out/demo.svg out/demo.png"

.PHONY: pictures
pictures: setup policy.wasm ## Draw the pictures of the examples' READMEs anew
	$(CARGO) build --locked --quiet --workspace --bin spillway
	for folder in examples/*/; do \
	  [ ! -f "$$folder/scenario.yaml" ] || target/debug/spillway simulate "$$folder" --picture "$$folder/picture.svg" >/dev/null; \
	done
	mv examples/hello-web/picture.svg docs/images/demo.svg

.PHONY: test
test: setup policy.wasm $(EMPTY_POLICY) ## Build the wasm and run every test; the last line is the total
	@scripts/test.sh

.PHONY: lint
lint: setup ## Check format, clippy, dependencies and house rules
	$(CARGO) fmt --all -- --check
	scripts/house-rules.sh
	scripts/supply-chain.sh
	scripts/deny.sh
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --workspace --test cluster --locked -- -D warnings

.PHONY: reproducible
reproducible: setup ## Build the wasm twice, in folders of different names, and compare the bytes; minutes
	scripts/reproducible.sh

.PHONY: dist
dist: setup ## Build the command line as it is shipped, into out/dist
	scripts/dist.sh

.PHONY: fmt
fmt: setup ## Format the sources
	$(CARGO) fmt --all

.PHONY: e2e
e2e: setup policy.wasm ## Run the tests on a real control plane, built once; TESTS=part of a name, or all
	e2e/cluster/build.sh
	$(CARGO) build --locked --quiet --workspace $(addprefix --bin ,$(CLUSTER_PROGRAMS))
	e2e/cluster/test.sh $(TESTS)

.PHONY: cluster-up
cluster-up: setup policy.wasm ## Start a real control plane in target/cluster to play with; SETTINGS=file of the policy
	e2e/cluster/build.sh
	$(CARGO) build --locked --quiet --workspace $(addprefix --bin ,$(CLUSTER_PROGRAMS))
	target/debug/spillway-cluster up --settings $(SETTINGS)

.PHONY: cluster-down
cluster-down: setup ## End what cluster-up started
	$(CARGO) build --locked --quiet --workspace --bin spillway-cluster
	target/debug/spillway-cluster down

.PHONY: bench
bench: setup policy.wasm $(EMPTY_POLICY) ## Measure the policy against an empty one; ratios of one run
	$(CARGO) run --locked --profile dist -p spillway-bench -- admission --base $(EMPTY_POLICY)

.PHONY: bench-simulator
bench-simulator: setup policy.wasm ## Measure the simulator: decisions and admissions a second, a day of hello-web, 100,000 pods
	$(CARGO) build --locked --profile dist --workspace --bin spillway --bin spillway-bench
	target/dist/spillway-bench simulator $(BENCH)

.PHONY: bench-world
bench-world: setup ## Measure whether an event and its plan cost more the more else there is in the cluster
	$(CARGO) run --locked --profile dist -p spillway-bench -- world

.PHONY: bench-e2e
bench-e2e: setup policy.wasm $(EMPTY_POLICY) ## Measure bursts on a real control plane: no webhook, an empty policy, Spillway; BENCH=arguments, or BENCH=rollout
	e2e/cluster/build.sh
	$(CARGO) build --locked --profile dist --workspace --bin policy-host-serve --bin spillway-sidecar --bin spillway-bench-e2e
	target/dist/spillway-bench-e2e --base $(EMPTY_POLICY) $(BENCH)

.PHONY: fuzz
fuzz: setup ## Fuzz merge patches, settings and requests; FUZZ_SECONDS=30 each
	@$(WITH_CARGO) for target in $(FUZZ_TARGETS); do fuzz/run.sh "$$target" $(FUZZ_SECONDS); done

.PHONY: oracle
oracle: setup ## Let Kubernetes' own code judge N=10000 random cases of each oracle from SEED=1
	@command -v go >/dev/null || { echo "the oracle is a Go program: install Go, then run this again" >&2; exit 1; }
	$(WITH_CARGO) oracle/run.sh $(N) $(SEED)

.PHONY: conformance
conformance: setup policy.wasm ## Run the behaviour vectors of WorkloadSpread in CASES=folder
	$(CARGO) run --locked --quiet -p conformance -- --cases $(CASES)

policy.wasm: $(POLICY_FILES) | setup ## Build the policy
	scripts/build-wasm.sh spillway-policy $@

$(EMPTY_POLICY): $(EMPTY_POLICY_FILES) | setup
	scripts/build-wasm.sh empty-policy $@

annotated-policy.wasm: policy.wasm metadata.yml README.md ## Build the policy with its metadata, as it is published; needs kwctl
	@command -v kwctl >/dev/null || { echo "kwctl is not installed: see https://docs.kubewarden.io, then run this again" >&2; exit 1; }
	kwctl annotate -m metadata.yml -u README.md -o $@ policy.wasm

.PHONY: e2e-tests
e2e-tests: ## Run the annotated policy in kwctl with recorded sessions; needs kwctl and bats
	@if command -v kwctl >/dev/null && command -v bats >/dev/null; then \
	  $(MAKE) --no-print-directory annotated-policy.wasm && bats e2e/policy.bats; \
	else \
	  echo "skipped: the end-to-end tests need kwctl and bats"; \
	fi

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf target fuzz/target oracle/bin out policy.wasm annotated-policy.wasm
