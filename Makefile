# Everything that people and the workflow do with this repository. `make` lists it.
#
# The engine-backed parts of `test` and `demo` get themselves a container engine (.ci/engine).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

# The same commit gives the same bytes: no paths, no build time, and the commit's own date. A tree
# with uncommitted changes says so in its version.
commit := $(shell git rev-parse HEAD 2>/dev/null)
version := $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo devel))
export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
date := $(shell date -u -d @$(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r $(SOURCE_DATE_EPOCH) +%Y-%m-%dT%H:%M:%SZ)

cli := sdev/cmd/internal/cli
ldflags := -s -w \
	-X $(cli).buildVersion=$(version) -X $(cli).buildCommit=$(commit) -X $(cli).buildDate=$(date)
gobuild := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(ldflags)'

# Tools run at a fixed version and outside go.mod, so that they never decide what sdev is built from.
golangci := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
actionlint := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## ./bin/sdev, static; two builds of one commit are identical
	$(gobuild) -o bin/sdev ./cmd/sdev

.PHONY: install
install: ## the same into GOBIN
	$(gobuild) -o "$$(go env GOBIN | grep . || echo "$$(go env GOPATH)/bin")/sdev" ./cmd/sdev

.PHONY: test
test: ## all tests with the race detector, those with a real engine included
	.ci/test

.PHONY: check
check: lint vuln test reproducible ## what must be green before a commit

# Builds a copy of the tree in another directory, because paths are what builds leak first.
.PHONY: reproducible
reproducible: build ## that two builds are byte-identical
	copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT
	git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$$copy"
	$(MAKE) --no-print-directory -C "$$copy" build version=$(version) commit=$(commit) date=$(date)
	cmp bin/sdev "$$copy/bin/sdev"

.PHONY: lint
lint: ## vet, linters, formatting, the workflow
	go vet ./...
	$(golangci) run
	$(actionlint)

.PHONY: vuln
vuln: ## known vulnerabilities in what is called, where Go's database of them answers
	.ci/vuln

.PHONY: fmt
fmt: ## format all code
	$(golangci) fmt

.PHONY: golden
golden: ## renew the expected output that tests compare with; read the diff before you commit it
	SDEV_GOLDEN=write go test ./...

.PHONY: bench
bench: ## benchmarks: parts, then the whole program against the plain way
	.ci/engine
	go test -run '^$$' -bench . -benchmem ./...
	go test -tags docker -run '^$$' -bench . -benchtime 10x -timeout 30m ./cmd/sdev

.PHONY: demo
demo: ## a project from nothing to live reload, in a terminal
	.ci/demo

.PHONY: picture
picture: build ## the pictures in README, of the program as it runs
	.ci/engine
	go run ./.ci/picture bin/sdev .github

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf bin
	go clean -testcache
