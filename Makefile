# make test    installs what the tests need (as root; else says what to install) and runs all of them
# make bench   boots the benchmark guest on goemu and on QEMU's TCG in turn and prints ratios
# make difftest  runs CASES (default 10000) cases of each instruction on the host's CPU and on both engines, and makes docs/coverage.md
# make pages   makes docs/devices.md, the listings of docs/journey.md and the pictures anew
# make guests  prepares Debian's kernel, an initramfs and media to boot from, in a cache outside the checkout
# make media   boots every medium on every combination of board, engine and firmware; make test does a choice
# make fuzz    fuzzes each target for FUZZTIME (default 10m)

GO       ?= go
RUNS     ?= 3
FUZZTIME ?= 10m
CASES    ?= 10000

export CGO_ENABLED = 0

.PHONY: build test bench pages difftest guests media fuzz check cross setup

build:
	$(GO) build -o goemu ./cmd/goemu

setup:
	tests/setup

guests: setup
	tests/guests/prepare
	tests/media/prepare

# The packages whose tests take longest are named first, as go test begins them in this order: so no core has nothing to do at the end.
LONG = ./tests/media ./tests/boot ./tests/disks ./tests/system ./emu

test: guests
	$(GO) run ./cmd/goemu doctor # among others which KVM the tests have
	$(GO) test -timeout 40m $(LONG) ./...

media: guests
	GOEMU_MEDIA=all $(GO) test -count=1 -timeout 4h -v ./tests/media

bench: guests
	$(GO) run ./tests/bench -runs $(RUNS) -o docs/performance.md

pages: setup
	$(GO) run ./tests/pages

difftest:
	GOEMU_ROW_CASES=$(CASES) GOEMU_ROWS_RECORD=testdata/rows.txt $(GO) test -count=1 -timeout 4h -v -run TestRows ./tests/difftest/rows
	$(GO) run ./tests/coverage

fuzz:
	tests/fuzz $(FUZZTIME)

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt: the files above need formatting'; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

cross:
	for t in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		echo "build $$t" && GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/goemu || exit 1; \
	done
