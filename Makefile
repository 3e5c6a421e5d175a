# What people and CI run. Every target is a line or two; what needs more is a script below tools/.

CARGO ?= cargo
PREFIX ?= /usr/local
BINS = opm initializer registry-server configmap-server
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
REVISION = $(shell git rev-parse HEAD 2>/dev/null)
# A named target keeps the flag off build scripts.
STATIC = RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --locked --target $(HOST) --target-dir target/static
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

# What ships says of which commit it is: `opm version`, labels.
build static dist image: export GIT_COMMIT = $(REVISION)

.PHONY: all build demo try test follow interop lint fmt doc bench bench-compare soak fuzz deny image static install ci dist clean

# The binaries, optimised, in bin/.
all: build
	mkdir -p bin && cp $(addprefix target/release/,$(BINS)) bin/

build:
	$(CARGO) build --release --locked

# The main job on sample operators: bundles into an index, the index served, a question answered.
demo:
	$(CARGO) build --locked
	tools/demo

# A shell with the sample operators in a registry of its own, where the commands of README.md and docs/ work as they stand.
try:
	$(CARGO) build --locked
	tools/try

test:
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --locked --no-fail-fast
else
	$(CARGO) test --workspace --locked --no-fail-fast --lib --bins --tests
endif
	$(CARGO) test --workspace --locked --doc

# Whether skopeo, podman, buildah and docker-registry read what opm builds.
interop:
	$(CARGO) build --locked --bin opm
	tools/interop
	OPM_TEST_REQUIRES=docker-registry $(CARGO) test --locked --test it with_real_registries

# Runs every command of README.md and docs/.
follow:
	$(CARGO) build --locked
	tools/try --docs

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Measures the release binaries; see the head of the script for what is measured and how to compare.
bench: build
	tools/bench --markdown docs/performance.md

# The same work with another opm, side by side: make bench-compare OPM=/path/to/other/opm
bench-compare: build
	tools/bench --against $(if $(OPM),$(OPM),$(error say which other opm: make bench-compare OPM=/path/to/opm))

# Wears servers out for so many minutes: nothing of them may grow.
MINUTES ?= 15
soak: build
	tools/soak --minutes $(MINUTES)

# Looks for input that breaks what reads it, so many seconds for each target; needs a nightly compiler and cargo-fuzz.
FUZZ_SECONDS ?= 60
fuzz:
	tools/fuzz $(FUZZ_SECONDS)

# Advisories, licences and sources of all dependencies, as deny.toml has them; needs cargo-deny, and a network for the advisories.
deny:
	$(CARGO) deny check

# What ships: smaller and slower to build than `build`.
dist:
	$(CARGO) build --profile dist --locked

# Binaries that need nothing of the machine they run on, in bin/static/.
static:
	$(STATIC) --release --bins
	mkdir -p bin/static && cp $(addprefix target/static/$(HOST)/release/,$(BINS)) bin/static/

# The image of the programs, built without a container tool: bin/opm-image.tar, an OCI archive. `Dockerfile` says the same to tools.
image:
	$(STATIC) --profile dist --bin opm
	mkdir -p bin
	target/static/$(HOST)/dist/opm image --output oci-archive:bin/opm-image.tar:latest

# Binaries, man pages, and completions for bash, zsh and fish. DESTDIR is put before PREFIX, for packagers.
install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(addprefix bin/,$(BINS)) $(DESTDIR)$(PREFIX)/bin/
	ln -sf opm $(DESTDIR)$(PREFIX)/bin/grpc_health_probe
	umask 022 && for bin in $(BINS) grpc_health_probe; do $(DESTDIR)$(PREFIX)/bin/$$bin --write-share $(DESTDIR)$(PREFIX)/share || exit; done

ci:
	.ci/run

clean:
	$(CARGO) clean && rm -rf bin
