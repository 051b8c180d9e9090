# Everything one does with Parley. Needs Go, make and git; `make test` installs
# or names what else it needs (Chromium, PostgreSQL, a C compiler for the race detector).

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := $(CURDIR)/.bin

# Flags of the server for `make serve`, as in ARGS="-listen 127.0.0.1:9000".
ARGS =
# Where `make cluster` keeps its data.
CLUSTER = ./data-cluster
# How long `make fuzz` stays at each target.
FUZZTIME = 10s
# What `make bench` runs, a regular expression.
BENCH = .
# How many worlds `make sim` plays.
SEEDS = 2000
# How much `make chaos` does, and what chance begins with: 0 is another one each time.
MESSAGES = 10000
FAULTS = 220
SEED = 0
# From which commit `make test-upgrade` upgrades, which `make past` records, and what else strikes meanwhile: no
# half-open lines to the database, which that version did not notice.
BEFORE = 093e7dd
UPGRADE_FAULTS = ^(node|balancer|database|page|tab|second|first|one|connections cut)

# Builds, vets and tests are alike in everything that what is compiled depends on, so that each
# package is compiled once for all of them, and for every clone.
export GOFLAGS := $(shell go env GOFLAGS) -trimpath
# -buildvcs=false: the same source gives the same bytes, commit or not.
GO_BUILD = go build -buildvcs=false
# What makes the browser's program small. Without inlining in protobuf it takes 90 kB less on the
# way, and reads a sync answer no slower that one could measure; in those of Go's, of which a
# browser runs little or nothing, 73 kB; in what is generated for the bridge to the page, and what
# is around it, about 40 kB, and messages cross it no slower; in the store and what it uses of Go's
# library, 22 kB, and 10,000 messages are written and read in the same time within the noise, with
# their terms 5 % slower (4 runs each); in the engine, and what the runtime, sync and syscall/js are made of, 40 kB.
# How bytes come to lie makes a difference of up to 8 kB. In net/http it would take 100 kB more: what is set at the start
# for what is not used could not be left out.
NOT_INLINED = google.golang.org/protobuf/... github.com/eclipse/... crypto/... encoding/asn1 encoding/base64 \
	encoding/json encoding/pem fmt math/big reflect parley/proto parley/wasm/bridge parley/wasm/link parley/wasm/idb \
	parley/wasm/chat time slices context strings sort log sync internal/sync syscall syscall/js compress/... hash/... \
	unique runtime internal/abi internal/bisect internal/godebug internal/reflectlite internal/runtime/...
SMALL = -ldflags='-s -w' $(patsubst %,-gcflags='%=-l',$(NOT_INLINED))

# The race detector watches everything but SQLite itself, which is C translated to Go,
# with locks of its own: watched, tests of the history take three times as long. Not the
# rest of modernc.org: code that is generated for a type in a package that is not watched
# may stand for the same in all others, as sync.Map's, and what it orders would go unseen.
RACE = -race -gcflags='modernc.org/sqlite/lib=-race=false' -gcflags='modernc.org/libc/...=-race=false'

# The packages whose tests need a browser: some test file is for js alone.
JS_PACKAGES = $(shell { find wasm -name '*_js_test.go'; grep -rlE --include='*_test.go' '^//go:build (js|wasm)\b' wasm; } | xargs -r -n1 dirname | sort -u | sed 's,^,./,')
# Builds for the browser with little in the environment: wasmbrowsertest passes
# all of it to the page, and has room for 8 KiB.
HEADLESS = env -i PATH="$(BIN):$$PATH" HOME="$$HOME" \
	GOCACHE="$$(go env GOCACHE)" GOMODCACHE="$$(go env GOMODCACHE)" GOPROXY="$$(go env GOPROXY)" GOFLAGS="$$(go env GOFLAGS)" GOROOT="$$(go env GOROOT)" \
	GOOS=js GOARCH=wasm
# Tests from outside are a module of their own, with dependencies of their own: the
# simulation brings both sides together under the race detector, the others run the
# server or a browser. The longest are in the folder itself, and begin first.
E2E = server/e2e
# What make test leaves to make test-long: whole packages, and of the page's tests a few that
# take long: of what browsers do seldom, and of whatever a page may say.
LONG_PACKAGES = ./chaos ./firefox ./startup
LONG_TESTS = SiteData|TheBrowserKeepsNothing|NoStateOfThePage|NoDialogOfThePage|TheServersEnd|WhoWaitsIsAsThePlainScenariosSayOnThePage|$\
	AReloadShowsAtOnce|ReallyFull|WithoutItsServer|KeepingThePage|NoTextOfOthers|ClocksAnHourApart|ABackgroundTab
PAGE_PACKAGES = . ./abuse ./bridge ./cluster ./s3 ./slowline

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: build ## build and run on http://127.0.0.1:8080, data in ./data; flags by ARGS="..."
	@exec $(BIN)/parley $(ARGS)

.PHONY: cluster
cluster: build ## run three nodes over one PostgreSQL behind nginx on http://127.0.0.1:8080, data in CLUSTER; ARGS as for serve
	.tools/setup $(BIN) cluster
	@exec .tools/cluster $(BIN) $(CLUSTER) $(ARGS)

.PHONY: build
build: assets ## build the server, with the page and its program inside: .bin/parley
	$(GO_BUILD) -o $(BIN)/parley ./server

# What the browser loads: the Go program, Go's runtime for it, and both with
# the page's files compressed and named by content for the server to embed.
.PHONY: assets
assets:
	GOOS=js GOARCH=wasm $(GO_BUILD) $(SMALL) -o static/parley.wasm ./wasm
	@runtime="$$(go env GOROOT)/lib/wasm/wasm_exec.js"; \
		cmp -s "$$runtime" static/wasm_exec.js || cp "$$runtime" static/wasm_exec.js
	go run ./server/web/pack -in static -out server/web/dist

# The tests' own programs, at the versions that .tools/go.mod pins.
.PHONY: tools
tools:
	@mkdir -p $(BIN)
	go build -C .tools -o $(BIN)/ ./tally ./sizes github.com/agnivade/wasmbrowsertest

# A program that the race detector watches need not wait a second at its end.
test test-long: export GORACE = atexit_sleep_ms=0

# What embeds no page can be checked and compiled in the half minute for which one
# processor compresses it.
WITHOUT_PAGE = $$(go list ./... | grep -vE '/server(/web)?$$')

.PHONY: test-early
test-early: tools
	go vet $(WITHOUT_PAGE)
	go build $(RACE) $(WITHOUT_PAGE)

# ready gets and makes all that tests run, and checks the code.
.PHONY: ready
ready:
	.tools/setup $(BIN) $(BROWSERS)
	@$(MAKE) --no-print-directory -j2 build test-early
	@$(MAKE) --no-print-directory check
	go build $(RACE) -buildvcs=false -o $(BIN)/parley-race ./server

# Whatever is tested was vetted by check.
TEST = -json -count=1 -vet=off -timeout=30m
TEST_PAGE = CHROME=$(BIN)/chromium HEADLESS_SHELL=$(BIN)/headless-shell PARLEY_BIN=$(BIN)/parley-race \
	go test -C $(E2E) $(TEST) -p=2 -parallel=4 -artifacts -outputdir=$(BIN)
TALLY = $(BIN)/tally $(if $(CI),-strict) -at-once 2

.PHONY: test
test: ready ## run the tests: native, headless in Chromium, end to end
	@# Side by side: native tests compute, those in browsers wait much, and some of either kind.
	@$(TALLY) \
		-- 'native, race detector on' go test $(TEST) $(RACE) -p=4 ./... \
		-- 'end to end' env $(TEST_PAGE) -skip='$(LONG_TESTS)' $(PAGE_PACKAGES) \
		-- 'headless in Chromium' $(HEADLESS) go test $(TEST) -p=1 -exec $(BIN)/wasmbrowsertest $(JS_PACKAGES) \
		-- 'tools' go test -C .tools $(TEST) ./...

.PHONY: test-long
test-long: BROWSERS = firefox
test-long: ready ## run what make test leaves out for its length: chaos, simulation, Firefox, what browsers do seldom
	@# Whether the simulation catches faults is for make sim to see.
	@$(TALLY) \
		-- 'end to end' env $(TEST_PAGE) -run='$(LONG_TESTS)' $(PAGE_PACKAGES) \
		-- 'both sides in one process' go test -C $(E2E) $(TEST) $(RACE) ./sim ./sim/gateway \
		-- 'chaos, Firefox and the start' env $(TEST_PAGE) $(LONG_PACKAGES)

.PHONY: test-broker
test-broker: ## run the gateway with Mosquitto and three nodes of RabbitMQ, where it can be had
	.tools/setup $(BIN) brokers
	go build $(RACE) -buildvcs=false -o $(BIN)/parley-race ./server
	RABBITMQ_ROOT=$(BIN)/rabbitmq PARLEY_BIN=$(BIN)/parley-race go test -C $(E2E) -count=1 -v -timeout=10m ./gateway

.PHONY: chaos-broker
chaos-broker: FAULTS = 12
chaos-broker: ## let plain clients write through three nodes of RabbitMQ while FAULTS times the gateway's leader, and then a broker's node, ends
	.tools/setup $(BIN) brokers
	go build $(RACE) -buildvcs=false -o $(BIN)/parley-race ./server
	RABBITMQ_ROOT=$(BIN)/rabbitmq PARLEY_BIN=$(BIN)/parley-race go test -C $(E2E) -count=1 -v -timeout=30m ./gateway -run WhileNodesEnd -faults $(FAULTS)

.PHONY: chaos
chaos: tools build ## let three browsers send MESSAGES messages while FAULTS faults strike; SEED=n strikes alike
	.tools/setup $(BIN)
	CHROME=$(BIN)/chromium PARLEY_BIN=$(BIN)/parley go test -C $(E2E) -count=1 -v -timeout=0 -artifacts -outputdir=$(BIN) \
		./chaos -run 'NothingOutOfOrder|Reconnects' -people 3 -messages $(MESSAGES) -faults $(FAULTS) -reconnects 200 -seed $(SEED)

.PHONY: chaos-cluster
chaos-cluster: tools build ## the same with 20 plain clients beside them, at three nodes behind nginx, which fail, too, as PostgreSQL does
	.tools/setup $(BIN)
	CHROME=$(BIN)/chromium PARLEY_BIN=$(BIN)/parley go test -C $(E2E) -count=1 -v -timeout=0 -artifacts -outputdir=$(BIN) \
		./chaos -run Cluster -people 3 -talkers 20 -messages $(MESSAGES) -faults $(FAULTS) -seed $(SEED)

.PHONY: test-upgrade
test-upgrade: tools build ## upgrade a cluster from the version BEFORE, node by node, while people chat and other faults strike
	.tools/setup $(BIN)
	.tools/before $(BIN) $(BEFORE)
	CHROME=$(BIN)/chromium PARLEY_BIN=$(BIN)/parley go test -C $(E2E) -count=1 -v -timeout=0 -artifacts -outputdir=$(BIN) \
		./chaos -run Cluster -people 3 -talkers 10 -messages 1500 -faults 40 -kinds '$(UPGRADE_FAULTS)' -seed $(SEED) -before $(BIN)/parley-$(BEFORE)

.PHONY: past
past: tools ## record what the version BEFORE, a commit, keeps in a browser, to be opened by the tests of wasm/idb
	.tools/setup $(BIN)
	.tools/before $(BIN) $(BEFORE)
	CHROME=$(BIN)/chromium HEADLESS_SHELL=$(BIN)/headless-shell go test -C $(E2E) -count=1 \
		./past -program $(BIN)/parley-$(BEFORE) -into $(CURDIR)/wasm/idb/testdata/past/$(BEFORE).json.gz

.PHONY: abuse
abuse: tools build ## let a crowd misbehave beside ten honest people, who must lose nothing and wait no more than three times as long
	PARLEY_BIN=$(BIN)/parley go test -C $(E2E) -count=1 -v ./abuse -lasting 60s -scale 1 -ratio 3

.PHONY: screenshots
screenshots: tools build ## write pictures of every view to .bin/screenshots; Chinese takes a font that has it (Debian: fonts-noto-cjk)
	.tools/setup $(BIN)
	@mkdir -p $(BIN)/screenshots
	CHROME=$(BIN)/chromium HEADLESS_SHELL=$(BIN)/headless-shell PARLEY_BIN=$(BIN)/parley \
		go test -C $(E2E) -tags screenshots -run=TestScreenshots -count=1 . -folder $(BIN)/screenshots

.PHONY: check
check: ## vet for the server and for the browser, and see that gofmt changes nothing
	go vet ./...
	GOOS=js GOARCH=wasm go vet -tags=inbrowser ./wasm/... ./proto/...
	go vet -C $(E2E) -tags screenshots ./...
	go vet -C .tools ./...
	@unformatted="$$(gofmt -l proto server wasm .tools)"; \
		if [ -n "$$unformatted" ]; then echo "run make fmt for:"; echo "$$unformatted"; exit 1; fi

.PHONY: fmt
fmt: ## format the Go code
	gofmt -w proto server wasm .tools

.PHONY: sim
sim: ## play SEEDS worlds in which everything fails, check every promise, and that each planted fault is caught
	go test -C $(E2E) -count=1 -timeout=0 -v -run=TestEveryPromise ./sim -seeds $(SEEDS)
	go test -C $(E2E) -count=1 -timeout=0 -v ./sim/gateway -seeds $$(($(SEEDS) / 20 + 1))
	go test -C $(E2E) -count=1 -timeout=30m ./sim/planted

.PHONY: bench
bench: tools build ## run the benchmarks, native and in Chromium; choose by BENCH=regexp
	.tools/setup $(BIN)
	go test -run='^$$' -bench='$(BENCH)' -benchmem ./...
	$(HEADLESS) go test -p=1 -run='^$$' -bench='$(BENCH)' -exec $(BIN)/wasmbrowsertest $(JS_PACKAGES)
	CHROME=$(BIN)/chromium PARLEY_BIN=$(BIN)/parley go test -C $(E2E) -run='^$$' -bench='$(BENCH)' -benchtime=25x -timeout=0 ./startup

.PHONY: bench-cluster
bench-cluster: ## measure nodes over PostgreSQL against SQLite, plain inserts, one another and a database far away
	.tools/setup $(BIN)
	go test -run='^$$' -bench='AgainstSQLite|Cluster' -benchtime=20000x -timeout=0 ./server/store/postgres

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME each
	@failed=; for package in $$(go list ./...); do \
		for target in $$(go test -list='^Fuzz' $$package | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) $$package || failed="$$failed $$target"; \
		done; \
	done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

.PHONY: size
size: tools assets ## print the browser program's size in bytes: raw, gzip -9, Brotli 11
	@$(BIN)/sizes static/parley.wasm

.PHONY: proto
proto: ## generate proto/chat.pb.go from proto/chat.proto
	go run -C .tools ./protogen -out ../proto ../proto/chat.proto

.PHONY: bridge
bridge: ## generate wasm/bridge/protocol.go from static/bridge.d.ts and static/parley.d.ts
	go run -C .tools ./bridgegen -types ../wasm/chat/types.go -types ../wasm/bridge/events.go \
		../static/parley.d.ts ../static/bridge.d.ts >wasm/bridge/protocol.go.new
	mv wasm/bridge/protocol.go.new wasm/bridge/protocol.go

.PHONY: vendor
vendor: ## generate static/vendor/confusables.js from the Unicode data that .tools/go.mod pins
	go run -C .tools ./confusables >static/vendor/confusables.js.new
	mv static/vendor/confusables.js.new static/vendor/confusables.js

.PHONY: clean
clean: ## remove what was built; ./data stays
	rm -rf $(BIN) static/parley.wasm static/wasm_exec.js
	find server/web/dist -mindepth 1 ! -name .gitkeep -delete
