# mp-tools.  make            programs in build/bin, the hook in build/lib/mp
#            make demo       install what is missing, build, capture, show
#            make check      install what tests need, run every test
#            make install    PREFIX= DESTDIR= BINDIR= LIBDIR= INCLUDEDIR= MANDIR=
#            make aarch64    the hook and what tests it there, by a cross compiler
# Knobs: CC= DEVELOPER=1 (-Werror) SANITIZE=address,undefined BUILD=dir
VERSION = 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
BUILD ?= build

ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wcast-qual -Wcast-align -Wpointer-arith -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wredundant-decls -Wswitch-enum -Wvla \
	-Wformat=2 -Wwrite-strings -Wno-format-nonliteral
CONVERSION = -Wconversion -Wno-sign-conversion
ifdef DEVELOPER
WARN += -Werror
endif
ifdef SANITIZE
SAN = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ALL_CFLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DMP_VERSION='"$(VERSION)"' -Iformats -Ilib \
	-ffile-prefix-map=$(CURDIR)=. -fno-common -pthread $(CPPFLAGS) $(CFLAGS)
HOOK_CFLAGS = -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-builtin-malloc \
	-fno-stack-protector -fno-omit-frame-pointer -fcf-protection=none
LIBS = -lzstd -lxxhash -lz -lm
SYMBOL_LIBS = -ldw -lelf -liberty -ldl

lib_src = $(sort $(wildcard formats/*.c) $(filter-out lib/cli.c lib/print.c lib/cli_%.c,$(wildcard lib/*.c)))
cli_src = $(sort $(wildcard lib/cli.c lib/print.c lib/cli_*.c))
tool_src = $(sort $(wildcard tools/mp-*.c))
capture_src = $(sort $(filter-out $(sample_only),$(wildcard capture/*.c)))
sample_only = $(patsubst %,capture/%.c,mp-sample sample_group sample_tell)
sample_src = $(sort capture/mp-sample.c $(wildcard capture/sample_*.c) \
	$(patsubst %,capture/%.c,child command output python_debug table trace_out trail $(python_shared)) \
	$(patsubst %,capture/%.c,evalrange last modules stacks symboliser))
python_shared = python_offsets python_line python_string
hook_src = $(sort $(wildcard capture/hook/*.c))
unit_src = $(sort $(wildcard tests/unit/test_*.c))
fuzz_src = $(sort $(wildcard tests/fuzz/fuzz_*.c))
target_src = $(sort $(wildcard tests/targets/*.c))
target_cxx = $(sort $(wildcard tests/targets/*.cc))
bench_src = $(sort $(wildcard tests/bench/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
lib = $(BUILD)/lib/libmp.a
hook = $(BUILD)/lib/mp/libmp-hook.so
tools = $(patsubst tools/%.c,$(BUILD)/bin/%,$(tool_src))
capture = $(BUILD)/bin/mp-capture $(BUILD)/bin/mp-sample
programs = $(tools) $(capture)
units = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(unit_src))
fuzzers = $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(fuzz_src))
targets = $(patsubst tests/targets/%.c,$(BUILD)/targets/%,$(target_src)) \
	$(patsubst tests/targets/%.cc,$(BUILD)/targets/%,$(target_cxx))
bench_bins = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(bench_src))
manpages = $(sort $(wildcard tools/*.1 tools/*.7 capture/*.1))

all: $(programs) $(if $(hook_src),$(hook)) $(BUILD)/mp.pc

# ---- objects ------------------------------------------------------------------
$(BUILD)/obj/formats/%.o $(BUILD)/obj/lib/%.o: ALL_CFLAGS += $(CONVERSION) $(SAN)
$(BUILD)/obj/tools/%.o $(BUILD)/obj/tests/%.o: ALL_CFLAGS += $(SAN)
$(BUILD)/obj/capture/%.o: ALL_CFLAGS += $(SAN)
$(BUILD)/obj/hook/%.o: capture/hook/%.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icapture $(HOOK_CFLAGS) -MMD -MP -c -o $@ $<
# what the hook shares with who reads Python from outside
$(BUILD)/obj/hook/%.o: capture/%.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icapture $(HOOK_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icapture -MMD -MP -c -o $@ $<

# A file beside the sources as text in a program: lib/svg/flame.js is, with a NUL
# behind it, const char mp_lib_svg_flame_js[].
embedded = mp_$(subst .,_,$(subst /,_,$*))
$(BUILD)/obj/%.embed.o: % $(BUILD)/.flags
	@mkdir -p $(@D)
	printf '%s\n' .section\ .rodata '.globl $(embedded)' '$(embedded): .incbin "$<"' \
		'.byte 0' '.section .note.GNU-stack,"",@progbits' | $(CC) -c -x assembler -o $@ -

# Rebuild everything when compiler or flags change.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(SAN) $(WARN)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(SAN) $(WARN)' > $@
FORCE:

# The HTML report's page, style and script become a C file.
report_files = lib/report/report.html lib/report/report.css $(patsubst %,lib/report/%.js,\
	data model growth tree format chart timeline flame tables stacks objects leaks diff page head main)
$(BUILD)/gen/report_html.c: lib/report/embed $(report_files)
	@mkdir -p $(@D)
	lib/report/embed $(report_files) > $@
$(BUILD)/obj/gen/report_html.o: $(BUILD)/gen/report_html.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(lib): $(call obj,$(lib_src)) $(BUILD)/obj/gen/report_html.o
	@mkdir -p $(@D)
	@rm -f $@
	ar rcD $@ $^

# ---- programs -----------------------------------------------------------------
LINK = $(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -pthread -Wl,--as-needed -o $@
$(tools): $(BUILD)/bin/%: $(BUILD)/obj/tools/%.o $(call obj,$(cli_src)) $(lib)
	@mkdir -p $(@D)
	$(LINK) $(filter %.o,$^) $(lib) $(LIBS) $(SYMBOL_LIBS)
svg_obj = $(call obj,$(sort $(wildcard lib/svg/*.c))) \
	$(patsubst %,$(BUILD)/obj/%.embed.o,lib/svg/flame.css lib/svg/flame.js)
$(BUILD)/bin/mp-svg $(BUILD)/bin/mp-time: $(svg_obj)
# the hook's unwinder, as it is for programs
unwind_obj = $(call obj,capture/hook/cfi.c capture/hook/cfi_step.c)
$(BUILD)/bin/mp-capture: $(call obj,$(capture_src)) $(unwind_obj)
$(BUILD)/bin/mp-sample: $(call obj,$(sample_src)) $(unwind_obj)
$(capture): $(call obj,$(cli_src)) $(lib)
	@mkdir -p $(@D)
	$(LINK) $(filter %.o,$^) $(lib) $(LIBS) $(SYMBOL_LIBS) -lm
hook_obj = $(patsubst capture/hook/%.c,$(BUILD)/obj/hook/%.o,$(hook_src)) \
	$(patsubst %,$(BUILD)/obj/hook/%.o,$(python_shared))
-include capture/hook/hook.mk
$(hook): $(hook_obj)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ $(HOOK_LIBS) -Wl,-z,nodelete -Wl,-z,now \
		-Wl,-z,defs -Wl,--exclude-libs,ALL -Wl,-soname,libmp-hook.so -ldl -pthread

$(BUILD)/mp.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: mp' 'Description: read and write memory traces and profiles' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lmp' \
		'Libs.private: -lzstd -lxxhash -lz -ldw -lelf -liberty -pthread' \
		'Requires: libzstd libxxhash zlib' 'Cflags: -I$${includedir}/mp' > $@

$(BUILD)/_mp: tools/completion.zsh $(tool_src) Makefile
	@mkdir -p $(@D)
	@sed '1s/.*/#compdef $(notdir $(programs))/' $< > $@

# ---- tests ----------------------------------------------------------------------
$(units) $(fuzzers): SAN_LINK = $(SAN)
$(units): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(lib) $(unit_extra)
	@mkdir -p $(@D)
	$(LINK) $(filter %.o,$^) $(lib) $(LIBS) $(SYMBOL_LIBS)
$(fuzzers): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/driver.o $(lib)
	@mkdir -p $(@D)
	$(LINK) $^ $(LIBS) $(SYMBOL_LIBS)
# These tests exercise the drain's own code.
$(BUILD)/tests/test_order: $(BUILD)/obj/capture/order.o
$(BUILD)/tests/test_drain: $(call obj,$(filter-out capture/mp-capture.c capture/trace_out.c,$(capture_src)) lib/print.c) $(unwind_obj)
$(BUILD)/tests/test_stacks: $(call obj,$(patsubst %,capture/%.c,stacks last symboliser modules evalrange table trail))
$(BUILD)/tests/test_pyline: $(BUILD)/obj/capture/python_line.o
$(BUILD)/tests/test_python_debug: $(call obj,capture/python_debug.c capture/python_offsets.c)
$(BUILD)/tests/test_sampled_stack: $(call obj,$(patsubst %,capture/%.c,sample_code sample_memory sample_stack python_line python_string table))
$(patsubst tests/targets/%.c,$(BUILD)/targets/%,$(target_src)): $(BUILD)/targets/%: tests/targets/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -fno-builtin -pthread -o $@ $< -ldl
$(BUILD)/targets/marks: capture/mark.h
$(BUILD)/targets/debug_offsets: tests/targets/debug_offsets.h
$(BUILD)/targets/ringrun: capture/ring.h formats/wire.h
$(patsubst tests/targets/%.cc,$(BUILD)/targets/%,$(target_cxx)): $(BUILD)/targets/%: tests/targets/%.cc
	@mkdir -p $(@D)
	$(CXX) -O1 -g -pthread -o $@ $< -ldl
$(bench_bins): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(lib)
	@mkdir -p $(@D)
	$(LINK) $^ $(LIBS) $(SYMBOL_LIBS)

deps:
	tests/deps build
deps-test:
	tests/deps test

# The hook needs nothing but libc, so a cross compiler builds it with its tests.
AARCH64 = aarch64-linux-gnu-
aarch64:
	+$(MAKE) BUILD=$(BUILD)/aarch64 CC=$(AARCH64)gcc CXX=$(AARCH64)g++ hook-and-targets
hook-and-targets: $(hook) $(targets)

demo: deps
	+$(MAKE) all
	tests/demo $(BUILD)

check: deps-test
	+$(MAKE) test

programs-of-tests: all $(units) $(fuzzers) $(targets)
test: programs-of-tests
	tests/run $(BUILD)

bench: all $(bench_bins) $(targets)
	tests/bench/run $(BUILD)

gate: all $(BUILD)/bench/native
	tests/gate $(BUILD)

lint:
	tests/lint $(BUILD)
size:
	tests/size
fuzz:
	tests/fuzz/run $(BUILD)
fmt-check:
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
cov:
	+$(MAKE) BUILD=build-cov CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage test
	gcovr -r . build-cov --exclude tests

# ---- install ----------------------------------------------------------------------
install: all $(BUILD)/_mp
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/mp $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(INCLUDEDIR)/mp $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7 \
		$(DESTDIR)$(BASHCOMPDIR) $(DESTDIR)$(ZSHCOMPDIR)
	install -m 755 $(programs) $(DESTDIR)$(BINDIR)
	install -m 755 $(hook) $(DESTDIR)$(LIBDIR)/mp
	install -m 644 $(lib) $(DESTDIR)$(LIBDIR)
	install -m 644 lib/mp.h formats/wire.h capture/mark.h $(DESTDIR)$(INCLUDEDIR)/mp
	install -m 644 $(BUILD)/mp.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 $(filter %.1,$(manpages)) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(filter %.7,$(manpages)) $(DESTDIR)$(MANDIR)/man7
	install -m 644 tools/completion.bash $(DESTDIR)$(BASHCOMPDIR)/mp-top
	for p in $(notdir $(programs)); do test $$p = mp-top || \
		ln -sf mp-top $(DESTDIR)$(BASHCOMPDIR)/$$p; done
	install -m 644 $(BUILD)/_mp $(DESTDIR)$(ZSHCOMPDIR)

dist:
	git archive --format=tar.gz --prefix=mp-tools-$(VERSION)/ -o mp-tools-$(VERSION).tar.gz HEAD
clean:
	rm -rf $(BUILD)

.PHONY: all aarch64 hook-and-targets programs-of-tests deps deps-test demo check test bench gate lint size fuzz fmt-check cov install dist clean FORCE
.DELETE_ON_ERROR:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
