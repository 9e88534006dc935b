# Everything that a newcomer, a developer and CI call. Go and make are enough for demo, build and test; the tests with
# the official SDKs need Node with npm, and Go's module proxy, those of the ledger in PostgreSQL its Debian package, those of
# the dashboard Chromium, those of completions zsh and fish; they are skipped without.

GO ?= go
FLAGS = -trimpath -ldflags "-s -w -X main.version=$(shell git describe --tags --always 2>/dev/null || echo dev)"
# The race detector watches our code, and not what only works on its own bytes: the standard library's codecs, with which
# the simulated providers draw pictures, and SQLite, which is C. It made them ten times as slow, and nearly all of the tests' time.
UNWATCHED = image/... compress/... hash/... github.com/HugoSmits86/nativewebp modernc.org/sqlite/lib modernc.org/libc/...
RACE = -race $(UNWATCHED:%=-gcflags=%=-race=false)

DIALECTS = $(addprefix ./,$(sort $(dir $(wildcard dialect/*/front.go))))

.PHONY: demo test build lint bench bench-short bench-long profiles benchmarks fuzz update

demo: ## the main job in three acts, with simulated providers
	$(GO) run ./cmd/switchyard demo --exit

test: ## every test, with the race detector; those that count allocations without; and what other processors do for lack of AVX2
	$(GO) vet ./...
	$(GO) test $(RACE) -count=1 -timeout 25m ./...
	$(GO) test -count=1 -run '^TestAllocations$$' ./spool ./dialect/all
	$(GO) test -count=1 -tags purego ./spool

build: ## a static binary in bin/
	CGO_ENABLED=0 $(GO) build $(FLAGS) -o bin/switchyard ./cmd/switchyard

lint: ## formatting and linters, in the versions that CI uses
	sh .ci/lint

bench: ## Switchyard against a bare reverse proxy, with figures and bars; Linux
	$(GO) run ./bench

bench-short: ## whether the measuring works: a twentieth of it, and nothing is judged
	$(GO) run ./bench -short

bench-long: ## a minute of 100 callers, with 128 MiB to live in
	$(GO) run ./bench -long

profiles: ## what processor time and memory are spent on, anew in docs/profiles
	$(GO) run ./bench -profiles docs/profiles

benchmarks: ## of the parts, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## each fuzz target for half a minute
	sh .ci/fuzz

update: ## write each models.json and the checked sections of the recorded exchanges anew; read the diff
	$(GO) test $(DIALECTS) -run TestExchanges/models.json -update
	$(GO) test $(DIALECTS) -update
