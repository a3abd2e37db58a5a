/* test_text.c - the text twin, folded lines and JSON lines: escapes, frames, and
 * that text -> binary -> text gives the same text.
 */
#include "tap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "encode.h"
#include "folded.h"
#include "json.h"
#include "mp.h"
#include "tree.h"
#include "tsv.h"
#include "utf8.h"

struct text { char *s; size_t n; };

/* ---- escapes ------------------------------------------------------------------- */

static bool back_and_forth(const char *in, size_t n, enum mp_tsv_what what)
{
	char *out = malloc(n * MP_TSV_GROWTH + 1);
	struct mp_slice f = { out, mp_tsv_escape(out, in, n, what) };
	bool good = true;

	for (size_t i = 0; i < f.n; i++)
		good &= (unsigned char)out[i] >= 0x20 && out[i] != 0x7f;
	good &= mp_tsv_unescape(&f, NULL) && f.n == n && !memcmp(f.s, in, n);
	free(out);
	return good;
}

static bool escapes_to(const char *in, size_t n, enum mp_tsv_what what, const char *want)
{
	char out[256];
	size_t len = mp_tsv_escape(out, in, n, what);

	return len == strlen(want) && !memcmp(out, want, len) && back_and_forth(in, n, what);
}

static void test_escapes(void)
{
	static const char *const bad[] = { "\\", "a\\", "\\q", "\\x", "\\x1", "\\xg0", "\\~" };
	char noise[64], text[8];
	uint32_t seed = 1;
	bool cut, good = true;

	ok(escapes_to("a\tb\nc\rd\\e", 9, MP_TSV_FIELD, "a\\tb\\nc\\rd\\\\e"));
	ok(escapes_to("\0\x1b[31m\x7f", 7, MP_TSV_FIELD, "\\x00\\x1b[31m\\x7f"));
	ok(escapes_to("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, MP_TSV_FIELD,
			"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	ok(escapes_to("\xc2\x9b\xff\xc3", 4, MP_TSV_FIELD, "\\xc2\\x9b\\xff\\xc3"));
	ok(escapes_to("\xed\xa0\x80\xc0\x80", 5, MP_TSV_FIELD, "\\xed\\xa0\\x80\\xc0\\x80"));
	ok(escapes_to("a;b", 3, MP_TSV_FIELD, "a;b"));
	ok(escapes_to("a;b", 3, MP_TSV_NAME, "a\\;b"));
	ok(escapes_to("f(x) (y) [z] {w}", 16, MP_TSV_NAME, "f(x) \\(y) \\[z] \\{w}"));
	ok(escapes_to("a=b", 3, MP_TSV_KEY, "a\\x3db"));
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)(rand_r(&seed) % 64);

		for (size_t k = 0; k < n; k++)
			noise[k] = rand_r(&seed) & 1 ? " ()[]{};\\\tx:~="[rand_r(&seed) % 14] :
				(char)rand_r(&seed);
		good &= back_and_forth(noise, n, (enum mp_tsv_what)(rand_r(&seed) % 3));
	}
	ok(good);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mp_slice f = { text, strlen(bad[i]) };

		memcpy(text, bad[i], f.n);
		ok(!mp_tsv_unescape(&f, NULL));
	}
	memcpy(text, "ab\\~", 4);
	ok(mp_tsv_unescape(&(struct mp_slice){ text, 4 }, &cut) && cut);
}

static void test_numbers(void)
{
	char out[MP_DECIMAL_MAX + 1];
	uint64_t u;
	int64_t i;

	ok(mp_tsv_u64("18446744073709551615", 20, &u) && u == UINT64_MAX);
	ok(!mp_tsv_u64("18446744073709551616", 20, &u));
	ok(!mp_tsv_u64("", 0, &u) && !mp_tsv_u64("1 ", 2, &u) && !mp_tsv_u64("-1", 2, &u));
	ok(mp_tsv_i64("-9223372036854775808", 20, &i) && i == INT64_MIN);
	ok(mp_tsv_i64("9223372036854775807", 19, &i) && i == INT64_MAX);
	ok(!mp_tsv_i64("9223372036854775808", 19, &i) && !mp_tsv_i64("-", 1, &i));
	ok(mp_tsv_hex("ffffffffffffffff", 16, &u) && u == UINT64_MAX);
	ok(!mp_tsv_hex("10000000000000000", 17, &u) && !mp_tsv_hex("", 0, &u));
	out[mp_put_u64(out, UINT64_MAX)] = 0;
	ok(!strcmp(out, "18446744073709551615"));
	out[mp_put_i64(out, INT64_MIN)] = 0;
	ok(!strcmp(out, "-9223372036854775808"));
	out[mp_put_hex(out, 0)] = 0;
	ok(!strcmp(out, "0x0"));
	out[mp_put_hex(out, UINT64_MAX)] = 0;
	ok(!strcmp(out, "0xffffffffffffffff"));
}

/* ---- frames --------------------------------------------------------------------- */

static bool slice_is(struct mp_slice f, const char *want)
{
	return f.n == strlen(want) && !memcmp(f.s, want, f.n);
}

static struct mp_frame_text frame(const char *text, bool bare)
{
	static char copy[256];
	struct mp_frame_text f;

	snprintf(copy, sizeof(copy), "%s", text);
	mp_frame_parse(copy, strlen(copy), bare, &f);
	return f;
}

static void test_frames(void)
{
	struct mp_frame_text f = frame("operator()(int) (a b.cc:3) [/lib/x.so+0x10]", false);

	ok(f.tag == MP_TAG_NATIVE && slice_is(f.name, "operator()(int)") && f.line == 3);
	ok(slice_is(f.file, "a b.cc") && slice_is(f.module, "/lib/x.so") && f.offset == 16);
	f = frame(" [/lib/x.so {ab12}+0x10?]", false);
	ok(f.tag == MP_TAG_NATIVE && f.asked && f.braced && slice_is(f.build_id, "ab12"));
	ok(slice_is(f.name, "") && !f.placed && slice_is(f.module, "/lib/x.so"));
	f = frame(" [+0x7f]", false);
	ok(f.tag == MP_TAG_NATIVE && !f.module.n && f.offset == 0x7f && !f.braced);
	f = frame("<lambda \\(x)> (m.py:7) [py:5]", false);
	ok(f.tag == MP_TAG_PYTHON && slice_is(f.name, "<lambda \\(x)>") && f.first == 5);
	f = frame("[rest] [note]", false);
	ok(f.tag == MP_TAG_NOTE && slice_is(f.name, "[rest]") && !f.placed);
	f = frame("f (x.c) [inlined]", false);
	ok(f.tag == MP_TAG_INLINED && f.placed && slice_is(f.file, "x.c") && !f.line);
	f = frame("f (x:12:0) [:9]", false);
	ok(f.tag == MP_TAG_NONE && slice_is(f.file, "x:12") && !f.line && f.first == 9);
	f = frame("foo [clone .cold]", false);
	ok(f.tag == MP_TAG_NONE && slice_is(f.name, "foo [clone .cold]"));
	f = frame("x [a+0x11111111111111111]", false);
	ok(f.tag == MP_TAG_NONE && slice_is(f.name, "x [a+0x11111111111111111]"));
	f = frame(" ()", false);
	ok(f.placed && !f.name.n && !f.file.n);
	f = frame("std::function<void (int)>", true);
	ok(!f.placed && slice_is(f.name, "std::function<void (int)>"));
	f = frame("g (libc.so) [x+0x1]", true);
	ok(!f.placed && f.tag == MP_TAG_NONE && slice_is(f.name, "g (libc.so) [x+0x1]"));
	f = frame("load (C:\\a.py:4)", true);
	ok(f.placed && slice_is(f.file, "C:\\a.py") && f.line == 4);
	ok(mp_frame_span("a\\;b;c", 6, false) == 4 && mp_frame_span("a\\;b", 4, true) == 2);
}

static void test_folded(void)
{
	int64_t v[2];
	size_t at[2];
	char out[64];
	size_t n;

	ok(mp_folded_numbers("a;b 12", 6, v, at) == 1 && v[0] == 12 && at[0] == 3);
	ok(mp_folded_numbers("a b 3 -4 \t", 10, v, at) == 2 && v[0] == -4 && v[1] == 3);
	ok(at[0] == 5 && at[1] == 3);
	ok(mp_folded_numbers("a;b", 3, v, at) == 0);
	ok(mp_folded_numbers("a;b 1.5", 7, v, at) == 0);
	ok(mp_folded_numbers("12", 2, v, at) == 0 && mp_folded_numbers("", 0, v, at) == 0);
	n = mp_folded_escape(out, "a;b\x1b\t 12", 8);
	ok(n == 12 && !memcmp(out, "a:b\\x1b\\t_12", n));
	n = mp_folded_escape(out, "wait 12", 7);
	ok(n == 7 && !memcmp(out, "wait_12", 7));
}

static void test_json(void)
{
	static const char want[] = "\\\"\\\\\\n\\t\\u0000\\u001b\\u007f\\u009b"
			"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd";
	char out[128];
	size_t n = mp_json_escape(out, "\"\\\n\t\0\x1b\x7f\xc2\x9b\xc3\xa9\xff\xc3", 13);

	ok(n == sizeof(want) - 1 && !memcmp(out, want, n));
}

/* ---- whole files ------------------------------------------------------------------ */

static struct text slurp(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct text t = { calloc((size_t)size + 1, 1), (size_t)size };

	if (pread(fd, t.s, t.n, 0) != size)
		perror("read");
	close(fd);
	return t;
}

static struct text load(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "tests/data/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return slurp(fd);
}

/* All parts of IN in another form.  ERROR (256 bytes) is the reader's or empty. */
static struct text convert(struct text in, enum mp_form form, char *error)
{
	int fd = memfd_create("out", 0);
	struct mp_reader *r = mp_open_mem(in.s, in.n);
	struct mp_writer *w;
	char path[64];
	int more;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w = mp_create(path, form, 0);
	while ((more = mp_next_part(r)) > 0)
		if (mp_copy_part(w, r) < 0)
			break;
	snprintf(error, 256, "%s%s", mp_error(r) ? mp_error(r) : "",
			mp_writer_error(w) ? mp_writer_error(w) : "");
	if (!*error && more < 0)
		snprintf(error, 256, "failed without a word");
	if (mp_close(r) && !*error)
		snprintf(error, 256, "close failed");
	if (mp_finish(w) && !*error)
		snprintf(error, 256, "finish failed");
	return slurp(fd);
}

static struct text from(const char *s)
{
	return (struct text){ strdup(s), strlen(s) };
}

static struct text copy_of(struct text t)
{
	struct text copy = { malloc(t.n + 1), t.n };

	memcpy(copy.s, t.s, t.n + 1);
	return copy;
}

static bool same(struct text a, struct text b)
{
	return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

/* The text of TEXT's binary; frees TEXT. */
static struct text twice(struct text text, char *error)
{
	struct text binary = convert(text, MP_BINARY, error), again = { NULL, 0 };

	free(text.s);
	if (*error)
		return binary;
	again = convert(binary, MP_TEXT, error);
	free(binary.s);
	return again;
}

static bool becomes(const char *in, const char *want)
{
	char error[256];
	struct text out = twice(from(in), error);
	bool good = !*error && out.n == strlen(want) && !memcmp(out.s, want, out.n);

	if (!good)
		printf("# error: %s\n# got:\n%s\n# wanted:\n%s\n", error, out.s, want);
	free(out.s);
	return good;
}

static bool refused(const char *in, const char *why)
{
	char error[256];
	struct text out = twice(from(in), error);
	bool good = strstr(error, why) != NULL;

	if (!good)
		printf("# error: %s\n# wanted: %s\n", error, why);
	free(out.s);
	return good;
}

/* Lines of objects: strings end, braces match, no control byte, valid UTF-8. */
static bool json_lines(struct text t)
{
	bool quoted = false;
	int depth = 0;
	uint32_t code;
	unsigned len;

	for (size_t i = 0; i < t.n; i += len) {
		len = mp_utf8(t.s + i, t.n - i, &code);
		if (!len || (code < 0x20 && (code != '\n' || quoted || depth)))
			return false;
		if (quoted && code == '\\')
			len += 1;
		else if (code == '"')
			quoted = !quoted;
		else if (!quoted && strchr("{[", (int)code))
			depth++;
		else if (!quoted && strchr("}]", (int)code))
			depth--;
		if (depth < 0 || (!depth && code != '\n' && code != '}'))
			return false;
	}
	return !depth && !quoted && t.n && t.s[t.n - 1] == '\n';
}

static bool json_good(struct text in)
{
	char error[256];
	struct text out = convert(in, MP_JSON, error);
	bool good = !*error && json_lines(out);

	if (!good)
		printf("# %s\n%s\n", error, out.s);
	free(out.s);
	return good;
}

static bool json_becomes(const char *in, const char *want)
{
	char error[256];
	struct text source = from(in), out = convert(source, MP_JSON, error);
	bool good = !*error && !strcmp(out.s, want);

	if (!good)
		printf("# %s\n%s\n", error, out.s);
	free(source.s);
	free(out.s);
	return good;
}

static void test_json_files(void)
{
	ok(json_becomes("##mp=profile 1\n#bytes\tkind\ttid\tstack\n"
			"9223372036854775807\tmalloc\t4\tf \"x\" (a.c:1) [+0x1];g [inlined];h\n"
			"-1\t\t0\t\n##loss=lost_events 18446744073709551615\n",
			"{\"bytes\":9223372036854775807,\"process\":\"\",\"thread\":\"\","
			"\"kind\":\"malloc\",\"type\":\"\",\"tid\":4,\"stack\":["
			"{\"func\":\"f \\\"x\\\"\",\"file\":\"a.c\",\"line\":1,\"offset\":1,"
			"\"lang\":\"native\"},{\"func\":\"g\",\"offset\":1,\"lang\":\"native\","
			"\"inlined\":true},{\"func\":\"h\"}]}\n"
			"{\"bytes\":-1,\"process\":\"\",\"thread\":\"\",\"kind\":\"\","
			"\"type\":\"\",\"tid\":0,\"stack\":[]}\n"
			"{\"op\":\"loss\",\"lost_events\":18446744073709551615,\"lost_bytes\":0,"
			"\"damaged_blocks\":0,\"truncated\":0,\"sample_interval\":0}\n"));
	ok(json_becomes("##mp=trace 1\n##k=v\nP\t1\t7\t\t\tp\nT\t1\t1\t8\t\tt\n"
			"alloc\t5\t1\t1\t18446744073709551615\tmalloc\tf\nfree\t6\t1\t1\n"
			"mark\t7\t1\t1\tgc\t-2\n",
			"{\"op\":\"head\",\"kind\":\"trace\",\"meta\":{\"k\":\"v\"}}\n"
			"{\"op\":\"alloc\",\"time\":5,\"process\":\"p\",\"pid\":7,"
			"\"thread\":\"t\",\"tid\":8,\"block\":1,\"size\":18446744073709551615,"
			"\"kind\":\"malloc\",\"type\":\"\",\"stack\":[{\"func\":\"f\"}]}\n"
			"{\"op\":\"free\",\"time\":6,\"process\":\"p\",\"pid\":7,"
			"\"thread\":\"t\",\"tid\":8,\"block\":1,\"size\":18446744073709551615,"
			"\"kind\":\"malloc\",\"type\":\"\"}\n"
			"{\"op\":\"mark\",\"time\":7,\"process\":\"p\",\"pid\":7,"
			"\"thread\":\"t\",\"tid\":8,\"name\":\"gc\",\"value\":-2}\n"
			"{\"op\":\"end\",\"lost_events\":0,\"lost_bytes\":0,"
			"\"damaged_blocks\":0,\"truncated\":1,\"sample_interval\":0}\n"));
}

static void test_identity(void)
{
	static const char *const file[] = {
		"trace.tsv", "profile.tsv", "trace-inline.tsv", "stacks.folded", "diff.folded",
	};
	struct text first, second, third;
	char error[256];

	for (size_t i = 0; i < sizeof(file) / sizeof(*file); i++) {
		first = load(file[i]);
		second = twice(copy_of(first), error);
		ok(!*error);
		if (*error)
			printf("# %s: %s\n", file[i], error);
		if (i < 2 && !ok(same(first, second)))
			printf("# %s became\n%s\n", file[i], second.s);
		third = twice(copy_of(second), error);
		ok(!*error && same(second, third));
		ok(json_good(first));
		free(first.s);
		free(second.s);
		free(third.s);
	}
}

#define HEAD "##mp=profile 1\n##column=bytes\tB\tlive\tsum\n"
#define TAIL "#bytes\tprocess\tthread\tkind\ttype\tstack\n"
#define TRACE "##mp=trace 1\nP\t1\t7\nT\t1\t1\t7\n"

static void test_profiles(void)
{
	const char *plain = HEAD TAIL "30\t\t\t\t\ta;b\n20\t\t\t\t\ta;c\n";

	ok(becomes(plain, plain));
	ok(becomes(HEAD TAIL, HEAD TAIL));
	/* CR LF, no last line end, comments, labels in another order and left out */
	ok(becomes(HEAD "# comment\r\n\r\n#bytes\tkind\tprocess\tstack\r\n30\tmalloc\tp\ta;b",
			HEAD TAIL "30\tp\t\tmalloc\t\ta;b\n"));
	/* after sort -rn, after sort -n */
	ok(becomes("30\t\t\t\t\ta;b\n20\t\t\t\t\ta;c\n" TAIL
			"##mp=profile 1\n##column=bytes\tB\tlive\tsum\n-5\t\t\t\t\td\n",
			HEAD TAIL "30\t\t\t\t\ta;b\n20\t\t\t\t\ta;c\n-5\t\t\t\t\td\n"));
	ok(becomes("##column=bytes\tB\tlive\tsum\n##mp=profile 1\n" TAIL "20\t\t\t\t\ta;c\n",
			HEAD TAIL "20\t\t\t\t\ta;c\n"));
	/* two parts */
	ok(becomes(HEAD TAIL "1\t\t\t\t\ta\n" HEAD TAIL "2\t\t\t\t\tb\n",
			HEAD TAIL "1\t\t\t\t\ta\n" HEAD TAIL "2\t\t\t\t\tb\n"));
	/* columns nobody describes; extremes of values; a column with a label's name */
	ok(becomes("##mp=profile 1\n#bytes\tns\tn\t\\x70id\tstack\n"
			"9223372036854775807\t-9223372036854775808\t0\t1\ta\n",
			"##mp=profile 1\n##column=bytes\tB\t\tsum\n##column=ns\tns\t\tsum\n"
			"##column=n\tcount\t\tsum\n##column=pid\tcount\t\tsum\n"
			"#bytes\tns\tn\t\\x70id\tprocess\tthread\tkind\ttype\tstack\n"
			"9223372036854775807\t-9223372036854775808\t0\t1\t\t\t\t\ta\n"));
	/* pid and tid only where there are some; an allocator nobody knows */
	ok(becomes("##mp=profile 1\n#bytes\tpid\ttid\tkind\tstack\n1\t0\t5\t63\ta\n",
			"##mp=profile 1\n##column=bytes\tB\t\tsum\n"
			"#bytes\tprocess\tthread\tkind\ttype\ttid\tstack\n"
			"1\t\t\t63\t\t5\ta\n"));
	ok(becomes(HEAD "##loss=lost_events 3 lost_bytes 9\n##loss=lost_events 1 truncated 2\n"
			TAIL "1\t\t\t\t\ta\n",
			HEAD "##loss=lost_events 4 lost_bytes 9 truncated 2\n" TAIL
			"1\t\t\t\t\ta\n"));
	/* one address has one set of lines */
	ok(becomes(HEAD TAIL "2\t\t\t\t\tf (a.c:1) [/x+0x1];g [inlined]\n"
			"1\t\t\t\t\t [/x+0x1]\n",
			HEAD TAIL "2\t\t\t\t\tf (a.c:1) [/x+0x1];g [inlined]\n"
			"1\t\t\t\t\tf (a.c:1) [/x+0x1];g [inlined]\n"));
	ok(becomes("##mp=profile 1\n##k\\x3dk=v=w\\nx\n" TAIL "1\t\t\t\t\ta\n",
			"##mp=profile 1\n##k\\x3dk=v=w\\nx\n##column=bytes\tB\t\tsum\n" TAIL
			"1\t\t\t\t\ta\n"));
	/* an allocator of a later version */
	ok(becomes("##mp=profile 1\n" TAIL "1\t\t\t4000000000\t\ta\n",
			"##mp=profile 1\n##column=bytes\tB\t\tsum\n" TAIL
			"1\t\t\t4000000000\t\ta\n"));
}

static void test_folded_files(void)
{
	ok(becomes("a;b (x.py:3) 5\na;c 9 7\n",
			"##mp=profile 1\n##column=samples\tcount\tsamples\tsum\n"
			"#samples\tprocess\tthread\tkind\ttype\tstack\n"
			"5\t\t\t\t\ta;b (x.py:3)\n7\t\t\t\t\ta;c 9\n"));
	ok(becomes("a;b 5 6\n# x\n;;c\\d 9 7",
			"##mp=profile 1\n##column=old\tcount\tsamples\tsum\n"
			"##column=new\tcount\tsamples\tsum\n"
			"#old\tnew\tprocess\tthread\tkind\ttype\tstack\n"
			"5\t6\t\t\t\t\ta;b\n9\t7\t\t\t\t\t (); ();c\\\\d\n"));
	ok(becomes("a (x.py:5000000000) 5\n",
			"##mp=profile 1\n##column=samples\tcount\tsamples\tsum\n"
			"#samples\tprocess\tthread\tkind\ttype\tstack\n"
			"5\t\t\t\t\ta \\(x.py:5000000000)\n"));
	ok(refused("a;b 5\na;b\n", "byte 6: line 2: no whole number"));
	ok(refused("a;b 5\na;b 1.5\n", "line 2: no whole number"));
	ok(refused("a;b 5\na;b 99999999999999999999\n", "line 2: no whole number"));
}

static void test_traces(void)
{
	const char *tail = "N\t1\t0\t1\nS\t1\t1\t1\t8\tmalloc\n";
	char in[512], want[1024];

	/* defined twice under two numbers; a lasting name; cut: no end line */
	ok(becomes("##mp=trace 1\nend\n", "##mp=trace 1\nend\n"));
	ok(becomes("##mp=trace 1\n##tick=1000\n##objects=1\n", "##mp=trace 1\n##objects=1\n"
			"##tick=1000\n"));
	snprintf(in, sizeof(in), "%sC\t1\ta\nC\t2\ta\nF\t1\tnamed\t2\n%s%s", TRACE, tail,
			"t\t1\tmain\nalloc\t5\t1\t70\t8\tmalloc\t@1\nfree\t6\t1\t70\n");
	snprintf(want, sizeof(want), "%s%sC\t1\ta\t\t0\nF\t1\tnamed\t1\t0\n%s%s",
			"##mp=trace 1\nP\t1\t7\t0\t0\t\t\t\t0\n", "T\t1\t1\t7\t0\tmain\n", tail,
			"alloc\t5\t1\t1\t8\tmalloc\t@1\nfree\t6\t1\t1\t8\tmalloc\t@1\n");
	ok(becomes(in, want));
	/* samples and series do not go back, also where a block ends between them */
	ok(becomes(TRACE "series\t5\t1\trss\t7\nC\t1\ta\nseries\t3\t1\trss\t8\nend\n",
			"##mp=trace 1\nP\t1\t7\t0\t0\t\t\t\t0\nT\t1\t1\t7\t0\n"
			"series\t5\t1\trss\t7\nC\t1\ta\t\t0\nseries\t5\t1\trss\t8\nend\n"));
	ok(becomes("##mp=trace 1\n##loss=lost_events 18446744073709551615\n"
			"##loss=lost_events 2\nend\n", "##mp=trace 1\n"
			"##loss=lost_events 18446744073709551615\nend\n"));
}

static void test_refused(void)
{
	static const struct { const char *in, *why; } bad[] = {
		{ "\n\n# only\n", "not a trace or profile" },
		{ "hello world\n", "not a trace or profile" },
		{ "a\x01;b 5\n", "not a trace or profile" },
		{ "##mp=profile 2\n", "newer version" },
		{ "##mp=thing 1\n", "line 1: neither" },
		{ "##mp\n", "without =" },
		{ "5\t\t\t\t\ta\n", "no header line" },
		{ HEAD "#bytes\tstack\tkind\n", "not stack" },
		{ HEAD "#bytes\tbytes\tstack\n1\t2\ta\n", "two columns of one name" },
		{ HEAD "#bytes\tkind\tkind\tstack\n", "label twice" },
		{ HEAD TAIL "#bytes\tstack\n", "second header" },
		{ HEAD TAIL "1\ta\n", "line 4: a row without the fields" },
		{ HEAD TAIL "1x\t\t\t\t\ta\n", "byte 79: line 4: not a whole number" },
		{ HEAD TAIL "\t\t\t\t\ta\n", "a value is missing" },
		{ HEAD TAIL "1\t\t\tmallock\t\ta\n", "no such allocator" },
		{ HEAD TAIL "1\t\t\t\t\ta\\qb\n", "begins no escape" },
		{ HEAD TAIL "1\t\t\t\t\tg [inlined]\n", "needs a named native frame" },
		{ HEAD TAIL "1\t\t\t\t\tg (a:5000000000) [+0x1]\n", "over 32 bits" },
		{ HEAD TAIL "1\t\t\t\t\tg (a:5000000000) [py]\n", "over 32 bits" },
		{ HEAD TAIL "1\t\t\t5000000000\t\ta\n", "no such allocator" },
		{ TRACE "C\t1\ta\nF\t1\tpython\t1\t5000000000\n", "over 32 bits" },
		{ HEAD TAIL "1\t\t\t\t\ta\n##late=1\n", "metadata behind" },
		{ HEAD "##loss=lost 1\n" TAIL, "##loss line" },
		{ TRACE "alloc\t1\t2\t1\t8\tmalloc\ta\n", "line 4: no such thread" },
		{ TRACE "alloc\t1\t1\t1\t8\tmalloc\t@1\n", "no such site" },
		{ TRACE "S\t1\t1\t0\t8\tmalloc\nalloc\t1\t1\t1\t9\tmalloc\t@1\n",
			"not those of" },
		{ TRACE "S\t1\t1\t0\t8\tmalloc\t\t2\n", "weight without a ##loss" },
		{ TRACE "##loss=sample_interval 9\nS\t1\t1\t0\t8\tmalloc\t\t3000000000\n",
			"over 31 bits" },
		{ TRACE "##loss=sample_interval 9\nS\t1\t1\t0\t9223372036854775807\tmalloc\t\t2\n",
			"stands for too much" },
		{ TRACE "##loss=sample_interval 9\nS\t1\t1\t0\t8\tmalloc\t\t3\n"
			"alloc\t1\t1\t1\t8\tmalloc\t@1\n", "not those of" },
		{ TRACE "base\t1\t1\t1\t8\tmalloc\ta\trealloc\n", "replaces nothing" },
		{ TRACE "S\t2\t1\t0\t8\tmalloc\n", "not the next number" },
		{ TRACE "N\t1\t1\t1\n", "no such node" },
		{ TRACE "F\t1\tnative\t0\t17\n", "not a hexadecimal" },
		{ TRACE "F\t1\tjava\t0\t17\n", "a frame is native" },
		{ TRACE "f\t1\t2\n", "no such frame" },
		{ TRACE "alloc\t1\t1\t0\t8\tmalloc\ta\n", "a block has a number" },
		{ TRACE "alloc\t1\t1\t1\t8\tmalloc\ta\tmoved:1\n", "a replacement is" },
		{ TRACE "alloc\t1\t1\t1\t8\tmalloc\ta\trealloc\n", "without its free" },
		{ TRACE "free\t1\t1\t0\t\t\t\tbrk\nalloc\t1\t1\t1\t8\tmalloc\ta\n",
			"without its alloc" },
		{ TRACE "free\t1\t1\t0\t\t\t\tbrk\nalloc\t1\t1\t1\t8\tmalloc\ta\trealloc\n",
			"without its alloc" },
		{ TRACE "alloc\t1\t1\t1\t8\tmalloc\ta\t\t\t\n", "too many fields" },
		{ TRACE "frobnicate\t1\n", "neither a definition nor an event" },
		{ TRACE "alloc\t1\t1\t1\t8\tmalloc\ta\nfree\t2\t1\t2\n",
			"line 5: no such block" },
		{ TRACE "sample\t1\t1\t9223372036854775808\n", "line 4: a number over 63 bits" },
		{ TRACE "end\nend\n", "behind the end" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(refused(bad[i].in, bad[i].why));
}

/* One more than the format has room for. */
static void test_limits(void)
{
	static char text[65536];
	size_t n = (size_t)snprintf(text, sizeof(text), "##mp=profile 1\n#");

	for (unsigned i = 0; i < 129; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "c%u\t", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "process\tstack\n");
	for (unsigned i = 0; i < 129; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "1\t");
	snprintf(text + n, sizeof(text) - n, "\ta\n");
	ok(refused(text, "line 2: more than 128 columns"));
	n = (size_t)snprintf(text, sizeof(text), TRACE "L\t1\tf\nF\t1\tnative\t0\t0x1\nf\t1");
	for (unsigned i = 0; i < 4097; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\t1");
	snprintf(text + n, sizeof(text) - n, "\nend\n");
	ok(refused(text, "line 6: out of memory, or over a limit"));
}

/* A line of several MB, frames of a node deeper than the limit. */
static void test_huge(void)
{
	size_t frames = 40000, n;
	struct text in = { malloc(frames * 64), 0 }, out;
	char error[256];

	in.n = (size_t)snprintf(in.s, 256, "%s", HEAD TAIL "1\t\t\t\t\t");
	for (size_t i = 0; i < frames; i++)
		in.n += (size_t)snprintf(in.s + in.n, 64, "%sframe_number_%zu_of_a_long_stack",
				i ? ";" : "", i);
	out = twice(in, error);
	ok(!*error);
	n = strlen("[deeper] [note]\n");
	ok(out.n > n && !strcmp(out.s + out.n - n, "[deeper] [note]\n"));
	ok(strstr(out.s, "frame_number_16383_of") && !strstr(out.s, "frame_number_16384_of"));
	free(out.s);
}

/* ---- random models ------------------------------------------------------------------- */

static uint32_t pick(uint32_t *seed, uint32_t n)
{
	return (uint32_t)rand_r(seed) % n;
}

static uint32_t any_string(struct mp_tree *t, uint32_t *seed)
{
	static const char *const piece[] = {
		"main", " (", " [", "[py]", ")", "]", ";", "\\", "a.c:12", " {", "}", "\t",
		"\n", "@", "+0x12", "\x1b", "\xff", "\xc3\xa9", " ", "#", "", "[inlined]", "=",
		"\r", "x",
	};
	char text[128];
	size_t n = 0;

	for (uint32_t i = pick(seed, 5); i; i--)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
				piece[pick(seed, sizeof(piece) / sizeof(*piece))]);
	return mp_def_string(t, text, n);
}

/* Definitions of every kind; the last node. */
static uint32_t any_stacks(struct mp_tree *t, uint32_t *seed)
{
	uint32_t node = 0, line[4];

	for (uint32_t i = 0; i < 4; i++)
		mp_def_module(t, any_string(t, seed), any_string(t, seed));
	for (uint32_t i = 0; i < 30; i++) {
		uint32_t kind = 1 + pick(seed, 4), n = pick(seed, 4), at, name;

		name = any_string(t, seed);
		if (kind == MP_LOC_NATIVE)
			at = mp_def_location(t, MP_LOC_NATIVE, pick(seed, t->module.n + 1),
					pick(seed, 50));
		else
			at = mp_def_location(t, (enum mp_loc)kind, mp_def_code(t, name,
					any_string(t, seed), pick(seed, 3)), pick(seed, 3));
		for (uint32_t k = 0; k < n; k++) {
			name = any_string(t, seed);
			line[k] = mp_def_line(t, name, any_string(t, seed), pick(seed, 3));
		}
		if (kind == MP_LOC_NATIVE && pick(seed, 2) && !t->location.x[at].resolved)
			mp_set_lines(t, at, line, n);
		node = mp_def_node(t, pick(seed, t->node.n + 1), at);
	}
	return node;
}

static void any_trace(struct mp_writer *w, uint32_t *seed)
{
	struct mp_tree *t = mp_writer_tree(w);
	uint64_t time = 0, block = 0, live[64] = { 0 };
	uint32_t replace = 0, pace = *seed & 2 ? 1000 : 20000000;       /* blocks span 1 s */

	any_stacks(t, seed);
	for (uint32_t i = 0; i < 3; i++) {
		struct mp_process p = { .pid = 100 + i, .parent = i, .page = 4096,
			.name = any_string(t, seed), .command = any_string(t, seed) };
		struct mp_thread thread = { .process = mp_def_process(t, &p), .tid = 100 + i,
			.name = any_string(t, seed) };

		mp_def_thread(t, &thread);
	}
	for (uint32_t i = 0; i < 500; i++) {
		struct mp_event e = { .op = MP_OP_ALLOC, .time = time += pick(seed, pace) };
		uint64_t *slot = &live[pick(seed, 64)];
		uint32_t what = pick(seed, 100);

		e.thread = 1 + pick(seed, 3);
		e.process = e.thread;
		if (what < 5) {
			e.op = what < 3 ? MP_OP_SERIES : MP_OP_MARK;
			e.name = mp_str(t, any_string(t, seed));
			e.value = (int64_t)pick(seed, 1000) - 500;
		} else if (*slot && (e.block = *slot)) {
			e.op = MP_OP_FREE;
			*slot = 0;
			if (what > 80) {
				e.replace = 1 + pick(seed, 5);
				e.replace_number = ++replace;
			}
		} else if (what < 10) {
			e.op = MP_OP_FREE;
		} else if (what < 13) {
			e.op = MP_OP_SAMPLE;
			e.node = pick(seed, t->node.n + 1);
			e.weight = pick(seed, 100);
		}
		if (e.op == MP_OP_FREE)
			mp_put_event(w, t, &e);
		if (e.replace || e.op == MP_OP_ALLOC) {
			struct mp_site site = { .process = e.thread, .size = pick(seed, 100),
				.node = pick(seed, t->node.n + 1),
				.kind = MP_ALLOC_MALLOC + pick(seed, 3) };

			e.op = MP_OP_ALLOC;
			e.block = *slot = ++block;
			e.site = mp_def_site(t, &site);
			e.node = site.node, e.size = site.size, e.kind = site.kind;
			mp_put_event(w, t, &e);
		} else if (e.op != MP_OP_FREE) {
			mp_put_event(w, t, &e);
		}
		if (what == 99)
			any_stacks(t, seed);
	}
	mp_put_event(w, t, &(struct mp_event){ .op = MP_OP_PROCEND, .time = time,
			.process = 2 });
}

static void any_profile(struct mp_writer *w, uint32_t *seed)
{
	static const struct mp_column column[] = {
		{ "bytes", "B", "live", MP_SUM }, { "tid", "a\tb", "", MP_MAX },
	};
	struct mp_profile *p = mp_profile_new(column, 2);
	struct mp_tree *t = mp_profile_tree(p);

	any_stacks(t, seed);
	for (uint32_t i = 0; i < 60; i++) {
		struct mp_key key = { .node = pick(seed, t->node.n + 1),
			.process = mp_str(t, any_string(t, seed)),
			.thread = mp_str(t, any_string(t, seed)), .type = "",
			.kind = pick(seed, 5), .pid = *seed & 512 ? pick(seed, 5) : 0 };
		int64_t value[2] = { (int64_t)pick(seed, 1000) - 100, -1 };

		mp_add(p, NULL, &key, value);
	}
	ok(!mp_put_profile(w, p));
	mp_profile_free(p);
}

static void test_random(void)
{
	char error[256], path[64];
	struct text binary, first, second;

	for (uint32_t round = 0; round < 60; round++) {
		int fd = memfd_create("model", 0);
		uint32_t seed = round + 1;
		struct mp_writer *w;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		w = mp_create(path, MP_BINARY, 0);
		if (round & 1) {
			any_profile(w, &seed);
		} else {
			mp_begin(w, MP_TRACE);
			mp_put_meta(w, "key=x", "a\tvalue");
			any_trace(w, &seed);
			mp_end(w);
		}
		ok(!mp_finish(w));
		binary = slurp(fd);
		first = convert(binary, MP_TEXT, error);
		if (!ok(!*error))
			printf("# %s\n", error);
		ok(json_good(binary));
		free(binary.s);
		second = twice(copy_of(first), error);
		if (!ok(!*error && first.n > 1000 && same(first, second)))
			printf("# round %u: %s\n", round, error);
		free(first.s);
		free(second.s);
	}
}

/* ---- hostile input: read to the end or refused, never worse ---------------------------- */

static void test_mutants(void)
{
	static const char *const file[] = { "trace.tsv", "profile.tsv", "trace-inline.tsv",
		"stacks.folded" };
	static const char grit[] = "\t\n;()[]{}\\#@:+-0129x \0\xff";
	uint32_t seed = 7, accepted = 0, rejected = 0;
	char error[256];

	for (uint32_t round = 0; round < 4000; round++) {
		struct text in = load(file[round % 4]), out, again;

		for (uint32_t i = 1 + pick(&seed, 4); i; i--) {
			size_t at = pick(&seed, (uint32_t)in.n), n = pick(&seed, 20);

			if (pick(&seed, 3)) {
				in.s[at] = grit[pick(&seed, sizeof(grit) - 1)];
			} else {
				n = n < in.n - at ? n : in.n - at;
				memmove(in.s + at, in.s + at + n, in.n - at - n);
				in.n -= n;
			}
		}
		out = twice(in, error);
		if (*error) {
			rejected++;
			free(out.s);
			continue;
		}
		accepted++;
		again = twice(copy_of(out), error);
		if (*error || !same(out, again)) {
			ok(!"what was read comes back the same");
			printf("# round %u: %s\n%s\n# ----\n%s\n", round, error, out.s,
					again.s);
		}
		free(out.s);
		free(again.s);
	}
	printf("# of 4000 mutants %u read, %u refused\n", accepted, rejected);
	ok(accepted > 100 && rejected > 100);
}

int main(void)
{
	test_escapes();
	test_numbers();
	test_frames();
	test_folded();
	test_json();
	test_identity();
	test_json_files();
	test_profiles();
	test_folded_files();
	test_traces();
	test_refused();
	test_limits();
	test_huge();
	test_random();
	test_mutants();
	return tap_done();
}
