# Bare `make` lists what there is to do. What takes more than a line is a script
# in scripts/, which may also be called by itself.

.DEFAULT_GOAL := help
.PHONY: help run build test test-clean check fuzz chaos bench mutants generate

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start the service in this directory, on http://127.0.0.1:8400
	@exec bin/portaria serve

build: ## make bin/portaria, one static binary
	CGO_ENABLED=0 go build -trimpath -o bin/portaria ./cmd/portaria

test: ## run every test on SQLite and PostgreSQL, with the race detector
	./scripts/test

test-clean: ## as root: the same on a new Debian 12 that has only Go, git, make and gcc
	./scripts/test-clean

check: ## format, vet, staticcheck, tidy modules, fresh generated files
	./scripts/check

fuzz: ## run every fuzz target for FUZZTIME (1m)
	./scripts/fuzz

chaos: ## ten minutes (CHAOS=10m) of kill -9 and bad networks: is every revocation refused in time?
	PORTARIA_TEST_CHAOS=$(or $(CHAOS),10m) go test -count=1 -timeout 1h -run '^TestChaos$$' -v ./internal/chaos

bench: ## measure the real server and each algorithm, beside targets and bare crypto
	go run ./internal/bench
	go test -run '^$$' -bench '(Sign|Verify|Mint)' -benchtime 200ms ./internal/jose ./internal/token

mutants: ## break single lines on purpose and print how many breaks a test notices (takes about an hour)
	go run ./internal/mutants

generate: ## make all generated files anew
	go generate ./...
