# Postern. `make help` lists the targets.

MODE ?= release
BUILD ?= build/$(MODE)
CC ?= cc
Q = @
comma := ,

PARTS := $(shell sed -n 's/^\([a-z0-9_]*\):.*/\1/p' deps)
# What part $(1) may include, from the deps file.
uses = $(shell sed -n 's/^$(1)://p' deps)

# The settings file that commands read when they are told of none; packages name theirs.
CONFIG ?=
VERSION := $(shell sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md 2>/dev/null | head -1)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wswitch-enum -Werror
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_debug := -O0 -g3 -DDEBUG
CFLAGS_asan := -O1 -g -DDEBUG -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g -DDEBUG -fsanitize=thread
CFLAGS_cover := -O0 -g --coverage
# gcc judges what is written; clang has warnings of its own (casts of enums, & between bools on purpose).
CFLAGS_harness := -O1 -g -DDEBUG -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wno-error
CFLAGS_fuzz := $(CFLAGS_harness) -fsanitize=fuzzer-no-link
LDFLAGS_release := -Wl,-z,relro,-z,now
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_cover := --coverage $(patsubst %,-Wl$(comma)--wrap=%,_exit kill seccomp_load)
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
ifneq ($(shell $(CC) --version 2>/dev/null | grep -ci clang),1)
CFLAGS_release += -ftrivial-auto-var-init=zero
endif

PQ_CFLAGS := -isystem $(or $(shell pg_config --includedir 2>/dev/null),/usr/include/postgresql)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -fPIE $(CFLAGS_$(MODE)) \
	-DPOSTERN_VERSION='"$(or $(VERSION),0)"' -DPOSTERN_CONFIG_FILE='"$(CONFIG)"' -Isrc -I$(BUILD)/gen \
	$(PQ_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie $(LDFLAGS_$(MODE)) $(LDFLAGS)
LIBS := -lssl -lcrypto -lsqlite3 -lpq -ljansson -lyaml -largon2 -lcrypt -lutf8proc -lseccomp -lpthread -lm

sources = $(sort $(shell find src/$(1) -name '*.c'))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
ARCHIVES := $(foreach part,$(PARTS),$(BUILD)/lib$(part).a)
UNIT := $(sort $(wildcard test/unit/*.c))
UNIT_BINARIES := $(UNIT:test/unit/%.c=$(BUILD)/unit/%)

.PHONY: all check lint fuzz cover help clean unit fault bench torture install deb
all: $(BUILD)/postern ## the server (default); MODE=release|debug|asan|tsan

$(BUILD)/postern: $(BUILD)/src/main.o $(ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

# Counted coverage survives ways to end a process that gcov does not see.
COVER := $(if $(filter cover,$(MODE)),$(BUILD)/test/cover/flush.o)
define part_rules
$(BUILD)/lib$(1).a: $(call objects,$(1)) $(if $(filter base,$(1)),$(COVER)) \
	$(if $(filter db,$(1)),$(BUILD)/gen/migrations.o) \
	$(if $(filter admin,$(1)),$(BUILD)/gen/docs.o) $(if $(filter ui,$(1)),$(BUILD)/gen/ui.o)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach part,$(PARTS),$(eval $(call part_rules,$(part))))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The schema files become one array (db/migrate.h).
$(BUILD)/gen/migrations.c: script/gen-migrations $(sort $(wildcard src/db/schema/*.sql))
	@mkdir -p $(@D)
	$(Q)script/gen-migrations src/db/schema >$@

$(BUILD)/gen/migrations.o: $(BUILD)/gen/migrations.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The files of the page at /docs become strings (admin/docs.h).
$(BUILD)/gen/docs.c: script/gen-docs $(sort $(wildcard src/admin/docs/docs.*))
	@mkdir -p $(@D)
	$(Q)script/gen-docs src/admin/docs >$@

$(BUILD)/gen/docs.o: $(BUILD)/gen/docs.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Templates, messages and assets of the pages become one array (ui/embedded.h).
UI_FILES := $(sort $(wildcard src/ui/templates/* src/ui/messages/* src/ui/assets/*))
$(BUILD)/gen/ui.c: script/gen-files $(UI_FILES)
	@mkdir -p $(@D)
	$(Q)script/gen-files embedded_files ui/embedded.h $(UI_FILES) >$@

$(BUILD)/gen/ui.o: $(BUILD)/gen/ui.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# test/unit/PART_WHAT.c is linked with PART and what PART may include.
test_part = $(firstword $(subst _, ,$(notdir $(1))))
test_libs = $(foreach part,$(call test_part,$(1)) $(call uses,$(call test_part,$(1))),$(BUILD)/lib$(part).a)
.SECONDEXPANSION:
$(BUILD)/unit/%: $(BUILD)/test/unit/%.o $$(call test_libs,$$*)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

# Programs that script/bench needs beside the server.
BENCH := $(patsubst test/bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard test/bench/*.c)))
$(BUILD)/bench/%: $(BUILD)/test/bench/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

bench: all $(BENCH) ## build what script/bench runs

# Programs of test/fault/ (run by the script of the same name).
FAULT := $(patsubst test/fault/%.c,$(BUILD)/fault/%,$(sort $(wildcard test/fault/*.c)))
fault: $(FAULT) $(BUILD)/postern_lossy $(BUILD)/fault/syscalls.so

$(BUILD)/fault/durability: $(BUILD)/test/fault/lib/lossy_disk.o
$(BUILD)/fault/%: $(BUILD)/test/fault/%.o $$(foreach part,store crypto db codec base,$(BUILD)/lib$$(part).a)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

# Requests while memory or the database fails: the whole engine.
REQUESTS_WRAP := malloc calloc realloc db_open password_hash password_verify password_dummy
$(BUILD)/fault/requests: $(BUILD)/test/fault/requests.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(addprefix -Wl$(comma)--wrap=,$(REQUESTS_WRAP)) \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

# What makes system calls fail (test/fault/syscalls.js).
$(BUILD)/fault/%.so: test/fault/lib/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 -fPIC -shared -o $@ $<

# The server on a disk that forgets what was not synced (test/fault/lib/lossy_disk.h).
$(BUILD)/postern_lossy: $(BUILD)/src/main.o $(BUILD)/test/fault/lib/lossy_server.o \
		$(BUILD)/test/fault/lib/lossy_disk.o $(ARCHIVES)
	@echo "  link  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

# Fuzz targets (script/fuzz: CC=clang MODE=fuzz). Coverage is counted in what they test, not in them.
# The stateful one has no time for real password hashes.
FUZZ_LINK = $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)
$(BUILD)/test/fuzz/%.o: CFLAGS_fuzz = $(CFLAGS_harness)
$(BUILD)/fuzz/oauth $(BUILD)/mutant/%: LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=password_%,hash verify dummy)
$(BUILD)/fuzz/%: $(BUILD)/test/fuzz/%.o $(if $(COVER),$(BUILD)/test/cover/replay.o) $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_LINK)

# The stateful one again, with a rule left out (test/fuzz/oauth.mutants; script/fuzz writes the source).
# Its object stands in front of the archive that has the other.
$(BUILD)/mutant/%.o: $(BUILD)/mutant/%.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/mutant/%: $(BUILD)/mutant/%.o $(BUILD)/test/fuzz/oauth.o $(ARCHIVES)
	$(Q)$(FUZZ_LINK)

# Our reader as a filter, for test/spec/http_corpus.test.js.
$(BUILD)/http_read: $(BUILD)/test/spec/http_read.o $(foreach part,base codec http,$(BUILD)/lib$(part).a)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

# A program as on a kernel without Landlock, for test/spec/sandbox.test.js.
$(BUILD)/without_landlock: $(BUILD)/test/spec/without_landlock.o
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $<

# The server with a switch that leaves out one row of the table of checks, for
# test/spec/check_switch.test.js. Its checks.o stands in front of the archive that has the other.
$(BUILD)/check_switch.o: src/oauth/check/checks.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DCHECK_SWITCH -MMD -MP -c -o $@ $<

$(BUILD)/postern_check_switch: $(BUILD)/src/main.o $(BUILD)/check_switch.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

# What script/torture needs: a server whose single use is none and a timing test with comparisons that
# stop early (both must be caught), what is sent and measured at a fixed rate. The object of such a
# control stands in front of the archive that has the other.
$(BUILD)/postern_no_expectation: $(BUILD)/src/main.o $(BUILD)/test/torture/no_expectation.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

$(BUILD)/torture/%: $(BUILD)/test/torture/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

$(BUILD)/torture/timing_early: $(BUILD)/test/torture/timing.o $(BUILD)/test/torture/ct_early.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS)

TORTURE := $(addprefix $(BUILD)/torture/,timing timing_early attack honest search) $(BUILD)/postern_no_expectation
torture: all $(TORTURE) ## build what script/torture runs

# Servers of versions to come, for test/spec/upgrade.test.js: they know more migrations. Theirs stand
# in front of the archive that has the others.
SCHEMA_next := src/db/schema test/spec/schema_next
SCHEMA_later := $(SCHEMA_next) test/spec/schema_later
$(BUILD)/gen/migrations_%.c: script/gen-migrations $(sort $(wildcard src/db/schema/*.sql test/spec/schema_*/*.sql))
	@mkdir -p $(@D)
	$(Q)script/gen-migrations $(SCHEMA_$*) >$@

$(BUILD)/gen/migrations_%.o: $(BUILD)/gen/migrations_%.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/postern_next $(BUILD)/postern_later: $(BUILD)/postern_%: $(BUILD)/src/main.o \
		$(BUILD)/gen/migrations_%.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

unit: $(UNIT_BINARIES) ## build the unit tests

# ---- installing ----

PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
UNITS ?= $(PREFIX)/lib/systemd/system
# What README and the man pages lead to, beside the page of the settings.
DOCS := $(wildcard docs/*.md docs/*.svg) README.md CHANGELOG.md

install: all ## copy to DESTDIR and PREFIX: program, man pages, completions, units, docs
	install -D -m 755 $(BUILD)/postern $(DESTDIR)$(PREFIX)/bin/postern
	script/gen-man $(BUILD)/postern $(BUILD)/man
	install -d $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/doc/postern
	install -m 644 $(BUILD)/man/*.1 $(SHARE)/man/man1
	install -m 644 $(BUILD)/man/*.5 $(SHARE)/man/man5
	install -m 644 $(DOCS) $(SHARE)/doc/postern
	install -d $(SHARE)/bash-completion/completions $(SHARE)/zsh/vendor-completions \
		$(SHARE)/fish/vendor_completions.d
	$(BUILD)/postern help --completion bash >$(SHARE)/bash-completion/completions/postern
	$(BUILD)/postern help --completion zsh >$(SHARE)/zsh/vendor-completions/_postern
	$(BUILD)/postern help --completion fish >$(SHARE)/fish/vendor_completions.d/postern.fish
	install -d $(DESTDIR)$(UNITS)
	for unit in service socket; do \
		sed 's,/usr/bin/postern,$(PREFIX)/bin/postern,' contrib/systemd/postern.$$unit \
			>$(DESTDIR)$(UNITS)/postern.$$unit; \
	done
	chmod -R u=rwX,go=rX $(SHARE)/bash-completion $(SHARE)/zsh $(SHARE)/fish $(DESTDIR)$(UNITS)/postern.*

deb: ## a Debian package under build/deb (VERSION=X for another version)
	script/deb $(VERSION)

check: ## every test (script/test)
	script/test

lint: ## include direction, sizes, names, banned functions, formatting
	script/lint

fuzz: ## run every fuzz target for a minute (clang)
	script/fuzz

cover: ## line coverage of the unit tests
	script/cover

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
