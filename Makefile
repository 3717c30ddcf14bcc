# The tasks of developers and of the CI workflow. `make` lists them.
#
# Targets that need a container engine set one up if there is none (.ci/engine).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

# Builds are reproducible: the program contains no paths and no build time, but the commit's date. The version of a
# tree with uncommitted changes ends in -dirty.
commit := $(shell git rev-parse HEAD 2>/dev/null)
version := $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo devel))
export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
date := $(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r $(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ)

cli := sdev/cmd/internal/cli
ldflags := -s -w \
	-X $(cli).buildVersion=$(version) -X $(cli).buildCommit=$(commit) -X $(cli).buildDate=$(date)
gobuild := CGO_ENABLED=0 go build -tags embedgateway -trimpath -buildvcs=false -ldflags '$(ldflags)'

# Tools run at fixed versions and outside go.mod, so that they never influence the versions of sdev's dependencies.
golangci := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
actionlint := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The gateways are for the container engine's machine, and the program that builds them runs on this one, whatever GOOS
# and GOARCH are for sdev.
.PHONY: gateways
gateways: ## build the gateways that sdev contains
	GOOS= GOARCH= go run ./.ci/gateways

.PHONY: build
build: gateways ## build ./bin/sdev: static, and identical for the same commit
	$(gobuild) -o bin/sdev ./cmd/sdev

.PHONY: install
install: gateways ## build sdev into GOBIN
	$(gobuild) -o "$$(go env GOBIN | grep . || echo "$$(go env GOPATH)/bin")/sdev" ./cmd/sdev

.PHONY: test
test: ## run all tests with the race detector, including those with a real engine
	.ci/test

.PHONY: test-engines
test-engines: ## do a day's work with sdev on each kind of container engine
	.ci/test-engines

.PHONY: check
check: lint systems vuln test reproducible ## run everything that must be green before a commit

# The second build is in another directory, so that a path in the program makes a difference.
.PHONY: reproducible
reproducible: build ## check that two builds are byte-identical
	copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT
	git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$$copy"
	$(MAKE) --no-print-directory -C "$$copy" build version=$(version) commit=$(commit) date=$(date)
	cmp bin/sdev "$$copy/bin/sdev"

.PHONY: lint
lint: ## check code, formatting and the workflow
	go vet ./... ./.ci/picture ./.ci/failures ./.ci/gateways
	go vet -tags wine ./cmd/sdev
	$(golangci) run
	$(actionlint)

.PHONY: systems
systems: ## compile and check the code for macOS and Windows
	.ci/systems

.PHONY: vuln
vuln: ## look for known vulnerabilities in the code that sdev calls
	.ci/vuln

.PHONY: fmt
fmt: ## format all code
	$(golangci) fmt

.PHONY: golden
golden: ## renew the expected output of tests; read the diff before you commit it
	SDEV_GOLDEN=write go test ./...

.PHONY: bench
bench: ## run the benchmarks of packages, then of the whole program
	.ci/engine
	go test -run '^$$' -bench . -benchmem ./...
	go test -tags docker -run '^$$' -bench . -benchtime 10x -timeout 30m ./cmd/sdev

.PHONY: dist
dist: ## build everything that a release consists of into ./dist
	.ci/dist

.PHONY: dist-test
dist-test: ## install and run what `make dist` has built, and build it once more to compare
	.ci/dist-test

.PHONY: demo
demo: ## create a project and run it
	.ci/demo

.PHONY: picture
picture: build ## renew the pictures in the README
	.ci/engine
	go run ./.ci/picture bin/sdev .github

.PHONY: clean
clean: ## remove build and test results
	rm -rf bin dist dev/sidecar/built
	go clean -testcache
