# make              the program, ./portplan
# make demo         installs what is missing, builds, runs the main job
# make check        installs what is missing, builds, runs all tests
# make deps         installs what is missing, and nothing else
# make install      into DESTDIR and PREFIX (/usr/local)
# make bench        measurements, as ratios; fails where a target is missed
# make lab          the audit among real services (root; tests/lab/README)
# make bench-audit  the audit's part of it (BENCH_QUICK=1: in a minute)
# make bench-live   the live audit's cost, in namespaces
# make lint         the layering of the folders, and more
# make fuzz         fuzz targets (CC=clang BUILD=fuzz)
# make golden-update  takes what the program writes now as expected
# make clean        removes what was built
#
# BUILD=release|asan|fuzz and CC=gcc|clang choose flags and compiler; each
# combination has its own folder below build/, so they never mix.

MAKEFLAGS += -r
.SUFFIXES:
.DEFAULT_GOAL := all

CC ?= cc
BUILD ?= release
PREFIX ?= /usr/local
DESTDIR ?=
WERROR ?=
O := build/$(notdir $(CC))-$(BUILD)

PKGS := libxml-2.0 libnftnl libmnl zlib libzstd
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
LIBPCAP := -lpcap

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 \
	-Wswitch-enum -Wimplicit-fallthrough $(WERROR)
CFLAGS.release := -O2 -g -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS.asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fPIE
CFLAGS.fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
LDFLAGS.release := -pie
LDFLAGS.asan := -fsanitize=address,undefined
LDFLAGS.fuzz := -fsanitize=address,undefined
CPPFLAGS := -D_GNU_SOURCE -I. -I$(O) $(PKG_CFLAGS)
CFLAGS := -std=c11 $(WARN) -fvisibility=hidden -fstack-protector-strong \
	$(CFLAGS.$(BUILD))
LDFLAGS := $(LDFLAGS.$(BUILD))

# The stages, in link order: a folder may use what stands behind it.
LIBDIRS := $(foreach d,bundle machine service draw inventory advice audit apply check gen plan space topology base,\
	$(if $(wildcard $(d)/*.c),$(d)))
lib = $(O)/lib$(1).a
objs = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)/*.c))
ALL_LIBS := $(foreach d,$(LIBDIRS),$(call lib,$(d)))

TEMPLATES := $(sort $(filter-out templates/advice.xml,$(wildcard templates/*.xml)))
BUILTIN := templates/advice.xml templates/plan.xsd \
	$(sort $(wildcard templates/new/*.xml.in))
EXAMPLES := $(sort $(wildcard templates/examples/*.xml))
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: portplan

portplan: $(O)/portplan
	@cp -f $< $@.tmp && mv -f $@.tmp $@

$(O)/portplan: $(call objs,cli) $(ALL_LIBS)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $(call objs,cli) $(ALL_LIBS) $(LIBS) $(LIBPCAP)

define lib_rule
$(call lib,$(1)): $(call objs,$(1)) $(if $(filter topology,$(1)),$(O)/topology/builtin.o) \
		$(if $(filter audit,$(1)),$(O)/audit/wire.o)
	@rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach d,$(LIBDIRS),$(eval $(call lib_rule,$(d))))

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The templates, as C strings, so that the program needs no data files.
$(O)/topology/builtin.c: templates/embed.sh $(TEMPLATES) $(BUILTIN) Makefile
	@mkdir -p $(@D)
	@sh templates/embed.sh $(TEMPLATES) -- $(BUILTIN) > $@.tmp && mv $@.tmp $@

$(O)/topology/builtin.o: $(O)/topology/builtin.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# What is known of services and interfaces on the wire.
WIRE := templates/wire/services templates/wire/rpc-interfaces
$(O)/audit/wire.c: templates/wire/embed.sh $(WIRE) Makefile
	@mkdir -p $(@D)
	@sh templates/wire/embed.sh $(WIRE) > $@.tmp && mv $@.tmp $@

$(O)/audit/wire.o: $(O)/audit/wire.c audit/wire.h
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# ---- tests -----------------------------------------------------------------

$(O)/tests/unit/%: tests/unit/%.c tests/unit/unit.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< tests/unit/unit.c \
		$(ALL_LIBS) $(LIBS) $(LIBPCAP) -lcunit

$(O)/tests/query: tests/oracle/query.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) $(LIBS)

$(O)/tests/judge: tests/check/judge.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) $(LIBS)

$(O)/tests/load: tests/apply/load.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) $(LIBS)

$(O)/tests/machines: tests/bundle/machines.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) $(LIBS)

# A second opinion on sets of packets, where it is installed.
BUDDY := $(wildcard /usr/include/bdd.h)

$(O)/tests/buddy: tests/check/space_buddy.c tests/check/bdd.h $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) -lbdd -lm

$(O)/bench/space: tests/bench/bench_space.c tests/bench/inputs.h \
		tests/bench/clock.h $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS)

$(O)/bench/buddy: tests/bench/bench_buddy.c tests/bench/inputs.h \
		tests/bench/clock.h tests/check/bdd.h
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lbdd -lm

TEST_PROGRAMS := $(UNIT) $(O)/tests/query $(O)/tests/judge $(O)/tests/load \
	$(O)/tests/machines $(if $(BUDDY),$(O)/tests/buddy)

.PHONY: unit
unit: $(UNIT)

.PHONY: tests
tests: $(O)/portplan $(TEST_PROGRAMS)

# What is missing is installed first, and what that brings (pkg-config's
# answers) is only known to a second make.
.PHONY: deps demo check
deps:
	@tests/setup test

demo:
	@tests/setup demo
	@$(MAKE) --no-print-directory portplan
	@tests/demo

check:
	@tests/setup test
	@$(MAKE) --no-print-directory portplan tests
	@tests/run --build $(O)

.PHONY: lab
lab: portplan
	@tests/setup lab
	@tests/lab/run-lab

.PHONY: golden-update
golden-update: portplan
	tests/golden/run-golden --update
	tests/golden/run-bad --update

$(O)/fuzz/%: tests/fuzz/%.c $(ALL_LIBS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -o $@ $< $(ALL_LIBS) \
		$(LIBS) $(LIBPCAP)

.PHONY: fuzz
fuzz: $(FUZZ)

.PHONY: lint
lint:
	@tests/lint

$(O)/bench/audit: tests/bench/bench_audit.c tests/bench/clock.h $(ALL_LIBS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(ALL_LIBS) $(LIBS) \
		$(LIBPCAP)

.PHONY: bench
bench: portplan $(O)/bench/space $(O)/bench/audit $(O)/tests/load \
		$(if $(BUDDY),$(O)/bench/buddy)
	@missed=0; export BUILD_DIR=$(O); for b in gen check audit kernel apply; do \
		tests/bench/bench-$$b || missed=1; done; exit $$missed

.PHONY: bench-audit
bench-audit: portplan $(O)/bench/audit
	BUILD_DIR=$(O) tests/bench/bench-audit

.PHONY: bench-live
bench-live: portplan
	tests/bench/bench-live

# ---- installation ------------------------------------------------------------

BINDIR := $(DESTDIR)$(PREFIX)/bin
MANDIR := $(DESTDIR)$(PREFIX)/share/man
BASHDIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# zsh looks for what Debian's packages bring in one, for all else in the other.
ZSHDIR := $(DESTDIR)$(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
DOCDIR := $(DESTDIR)$(PREFIX)/share/doc/portplan
UNITDIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
SERVICES := $(sort $(wildcard templates/systemd/*.service templates/systemd/*.timer))
COMMANDS = $(shell ./portplan help --names)

.PHONY: install
install: portplan
	install -d $(BINDIR) $(MANDIR)/man1 $(MANDIR)/man5 $(BASHDIR) $(ZSHDIR)
	install -m 755 portplan $(BINDIR)/portplan
	install -d $(DOCDIR)/examples $(DOCDIR)/templates/ci
	install -m 644 README.md DESIGN.md $(DOCDIR)
	install -m 644 templates/ci/* $(DOCDIR)/templates/ci
	install -m 644 $(EXAMPLES) templates/examples/monday.pcap \
		templates/examples/company.py $(DOCDIR)/examples
	./portplan schema > $(DOCDIR)/portplan.xsd
	install -d $(UNITDIR)
	for s in $(SERVICES); do sed 's|/usr/local/bin/|$(PREFIX)/bin/|' $$s \
		> $(UNITDIR)/$${s##*/} || exit 1; done
	./portplan man > $(MANDIR)/man1/portplan.1
	for c in $(COMMANDS); do \
		./portplan man $$c > $(MANDIR)/man1/portplan-$$c.1 || exit 1; done
	./portplan man topology > $(MANDIR)/man5/portplan-topology.5
	./portplan completion bash > $(BASHDIR)/portplan
	./portplan completion zsh > $(ZSHDIR)/_portplan

.PHONY: help
help:
	@sed -n 's/^# make/make/p' Makefile

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build portplan
