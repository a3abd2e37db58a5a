/* import_pprof.c - pprof's profile.proto as a profile: a column for every type of
 * sample, the one shown by default first.
 * Fields may come in any order, so the message is held as a whole and gone through
 * once for each kind; what refers to something is read after it.
 */
#include "import_pprof.h"

#include "import.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Numbers may come first.  Then a message or a string, of which as much is looked at
 * as tells it from text. */
bool mp_like_pprof(const uint8_t *data, size_t n)
{
	struct mp_pb_in in = { data, data + n, false };
	const uint8_t *at = data;
	struct mp_pb_field x;

	do {
		at = in.at;
		if (in.end - at < 3)
			return false;
	} while (!(*at & 7) && *at >> 3 >= PPROF_TIME_NANOS && *at >> 3 <= PPROF_DOC_URL &&
		 mp_pb_next(&in, &x));
	switch (*at) {
	case PPROF_SAMPLE_TYPE << 3 | MP_PB_LENGTH:
	case PPROF_PERIOD_TYPE << 3 | MP_PB_LENGTH:
		return at[1] && at[1] < 24 && (at[2] == 0x08 || at[2] == 0x10);
	case PPROF_SAMPLE << 3 | MP_PB_LENGTH:
		return at[2] == 0x08 || at[2] == 0x0a || at[2] == 0x12 || at[2] == 0x1a;
	case PPROF_MAPPING << 3 | MP_PB_LENGTH:
	case PPROF_LOCATION << 3 | MP_PB_LENGTH:
	case PPROF_FUNCTION << 3 | MP_PB_LENGTH:
		return at[2] == 0x08;
	case PPROF_STRING_TABLE << 3 | MP_PB_LENGTH:
		return at[1] == 0;
	default:
		return false;
	}
}

/* ---- columns ----------------------------------------------------------------------------- */

static int value_type(struct pprof_in *f, const struct mp_pb_field *field,
		struct pprof_type *type)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	uint64_t number[3] = { 0 };

	while (mp_pb_next(&in, &x))
		if (x.number <= PPROF_UNIT)
			number[x.number] = x.value;
	if (in.bad)
		return mp_pprof_in_fail(f, "not a type of values");
	return mp_pprof_in_string(f, number[PPROF_TYPE], &type->type) ||
		mp_pprof_in_string(f, number[PPROF_UNIT], &type->unit) ? -1 : 0;
}

static int sample_type(struct pprof_in *f, const struct mp_pb_field *field)
{
	if (!mp_pprof_in_room(f, &f->type, &f->type_room, f->types, sizeof(*f->type)))
		return -1;
	return value_type(f, field, &f->type[f->types++]);
}

static int period_type(struct pprof_in *f, const struct mp_pb_field *field)
{
	return value_type(f, field, &f->period_type);
}

static bool is(const char *s, const char *const *list)
{
	while (*list && strcmp(s, *list) != 0)
		list++;
	return *list != NULL;
}

static const char *view_of(const char *type)
{
	static const char *const samples[] = {
		"samples", "cpu", "wall", "time", "contentions", "delay", NULL,
	};

	return !strncmp(type, "alloc_", 6) ? "total" : !strncmp(type, "inuse_", 6) ? "live" :
		is(type, samples) ? "samples" : "";
}

static int add_column(struct pprof_in *f, size_t i)
{
	const char *type = mp_str(f->p->tree, f->type[i].type);
	const char *unit = mp_str(f->p->tree, f->type[i].unit);
	size_t before = f->p->columns;
	struct mp_column c = {
		.name = *type ? type : "value", .view = view_of(type), .combine = MP_SUM,
		.unit = !strcmp(unit, "bytes") ? "B" : !strcmp(unit, "nanoseconds") ? "ns" :
			*unit ? unit : "count",
	};

	f->column[i] = mp_profile_column(f->p, &c);
	if (f->column[i] < 0)
		return mp_pprof_in_fail(f, NULL);
	return f->p->columns == before ? mp_pprof_in_fail(f, "two types of samples with one name") : 0;
}

/* The default type, or else the last, is what pprof shows. */
static int columns(struct pprof_in *f, uint32_t chosen)
{
	size_t first = f->types - 1;

	if (!f->types)
		return mp_pprof_in_fail(f, "no types of samples");
	if (f->types > MP_VALUE_COLUMNS)
		return mp_pprof_in_fail(f, "more than 128 types of samples");
	f->column = calloc(f->types, sizeof(*f->column));
	f->row = calloc(f->types, sizeof(*f->row));
	if (!f->column || !f->row)
		return mp_pprof_in_fail(f, NULL);
	for (size_t i = 0; chosen && i < f->types; i++)
		if (f->type[i].type == chosen)
			first = i;
	if (add_column(f, first))
		return -1;
	for (size_t i = 0; i < f->types; i++)
		if (i != first && add_column(f, i))
			return -1;
	return 0;
}

/* ---- samples ------------------------------------------------------------------------------ */

static int label(struct pprof_in *f, const struct mp_pb_field *field, struct mp_ids *ids)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	uint64_t key = 0, text = 0, number = 0;
	uint32_t name, value;
	const char *s;

	while (mp_pb_next(&in, &x)) {
		if (x.number == PPROF_LABEL_KEY)
			key = x.value;
		else if (x.number == PPROF_LABEL_STR)
			text = x.value;
		else if (x.number == PPROF_LABEL_NUM)
			number = x.value;
	}
	if (in.bad || field->wire != MP_PB_LENGTH)
		return mp_pprof_in_fail(f, "not a label");
	if (mp_pprof_in_string(f, key, &name) || mp_pprof_in_string(f, text, &value))
		return -1;
	s = mp_str(f->p->tree, name);
	if (!strcmp(s, "process"))
		ids->process = value;
	else if (!strcmp(s, "thread"))
		ids->thread = value;
	else if (!strcmp(s, "type"))
		ids->type = value;
	else if (!strcmp(s, "kind"))
		ids->kind = mp_alloc_by_name(mp_str(f->p->tree, value));
	else if (!strcmp(s, "pid") && number <= UINT32_MAX)
		ids->pid = (uint32_t)number;
	else if (!strcmp(s, "tid") && number <= UINT32_MAX)
		ids->tid = (uint32_t)number;
	return 0;
}

static int add_numbers(struct pprof_in *f, struct mp_pb_field *x, struct pprof_numbers *to)
{
	uint64_t n;

	while (mp_pb_repeated(x, &n)) {
		if (!mp_pprof_in_room(f, &to->x, &to->room, to->n, sizeof(*to->x)))
			return -1;
		to->x[to->n++] = n;
	}
	return x->bytes.bad ? mp_pprof_in_fail(f, "not numbers") : 0;
}

/* Innermost first. */
static int stack(struct pprof_in *f, uint32_t *node)
{
	*node = 0;
	for (size_t i = f->stack.n; i; i--) {
		const struct pprof_entry *l = mp_pprof_in_find(&f->location, f->stack.x[i - 1]);

		if (!l)
			return mp_pprof_in_fail(f, "no such location");
		/* beyond the deepest stack nothing comes to it */
		if (f->p->tree->node.x[*node].depth > MP_DEPTH_MAX)
			break;
		for (size_t k = 0; k < l->location.n; k++) {
			*node = mp_def_node(f->p->tree, *node, f->frame[l->location.at + k]);
			if (!*node)
				return mp_pprof_in_fail(f, NULL);
		}
	}
	return 0;
}

static int sample(struct pprof_in *f, const struct mp_pb_field *field)
{
	struct mp_pb_in in = field->bytes;
	struct mp_pb_field x;
	struct mp_ids ids = { 0 };
	int status = 0;

	f->stack.n = f->value.n = 0;
	while (!status && mp_pb_next(&in, &x)) {
		if (x.number == PPROF_SAMPLE_LOCATION)
			status = add_numbers(f, &x, &f->stack);
		else if (x.number == PPROF_SAMPLE_VALUE)
			status = add_numbers(f, &x, &f->value);
		else if (x.number == PPROF_SAMPLE_LABEL)
			status = label(f, &x, &ids);
	}
	if (status)
		return -1;
	if (in.bad)
		return mp_pprof_in_fail(f, "not a sample");
	if (f->value.n != f->types)
		return mp_pprof_in_fail(f, "a sample without a value of each type");
	for (size_t i = 0; i < f->types; i++)
		f->row[f->column[i]] = (int64_t)f->value.x[i];
	if (stack(f, &ids.node))
		return -1;
	return mp_add_ids(f->p, &ids, f->row) ? mp_pprof_in_fail(f, NULL) : 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* "KEY: VALUE", as mp-pprof writes metadata, or a comment. */
static int comment(struct pprof_in *f, uint64_t number)
{
	struct mp_told told = { .key = "comment" };
	size_t key;
	uint32_t id;

	if (mp_pprof_in_string(f, number, &id) ||
	    !mp_pprof_in_room(f, &f->told, &f->told_room, f->n_told, sizeof(*f->told)))
		return -1;
	told.value = mp_str(f->p->tree, id);
	key = strspn(told.value, "abcdefghijklmnopqrstuvwxyz_");
	if (key && !strncmp(told.value + key, ": ", 2)) {
		id = mp_def_string(f->p->tree, told.value, key);
		told.key = mp_str(f->p->tree, id);
		told.value += key + 2;
	}
	if (f->p->tree->failed)
		return mp_pprof_in_fail(f, NULL);
	f->told[f->n_told] = told;
	f->n_told += *told.value != '\0';
	return 0;
}

static int start(struct pprof_in *f, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[40];

	if (!ns || ns > INT64_MAX || mp_profile_meta(f->p, "start") || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	return mp_profile_set_meta(f->p, "start", text) ? mp_pprof_in_fail(f, NULL) : 0;
}

/* The fields that are numbers; *CHOSEN: the default type. */
static int head(struct pprof_in *f, uint32_t *chosen)
{
	struct mp_pb_in in = f->all;
	struct mp_pb_field x;
	uint64_t began = 0, n;
	int status = 0;

	*chosen = 0;
	for (f->field = in; !status && mp_pb_next(&in, &x); f->field = in) {
		if (x.number == PPROF_COMMENT)
			while (!status && mp_pb_repeated(&x, &n))
				status = comment(f, n);
		else if (x.number == PPROF_TIME_NANOS)
			began = x.value;
		else if (x.number == PPROF_PERIOD)
			f->period = x.value;
		else if (x.number == PPROF_DEFAULT_SAMPLE_TYPE)
			status = mp_pprof_in_string(f, x.value, chosen);
	}
	if (status)
		return -1;
	return mp_profile_union(f->p, f->told, f->n_told) ? mp_pprof_in_fail(f, NULL) :
		start(f, began);
}

static int whole(struct pprof_in *f)
{
	uint32_t chosen;

	if (mp_pprof_in_places(f) || mp_pprof_in_each(f, PPROF_SAMPLE_TYPE, sample_type) ||
	    mp_pprof_in_each(f, PPROF_PERIOD_TYPE, period_type) || head(f, &chosen) ||
	    columns(f, chosen) || mp_pprof_in_each(f, PPROF_SAMPLE, sample))
		return -1;
	/* one allocation in so many bytes was recorded, and stands for the others */
	if (f->period > 1 && !strcmp(mp_str(f->p->tree, f->period_type.unit), "bytes"))
		mp_profile_loss(f->p)->sample_interval = f->period;
	return 0;
}

static int step(struct mp_feed *feed)
{
	struct pprof_in *f = (struct pprof_in *)feed;

	f->p = mp_profile_new(NULL, 0);
	if (!f->p)
		return mp_err_set(&feed->error, "%s: out of memory", feed->name);
	if (mp_stream_want(feed->in, SIZE_MAX / 2))
		return mp_err_set(&feed->error, "%s", feed->in->error.text);
	f->all = (struct mp_pb_in){ feed->in->data, feed->in->data + feed->in->have, false };
	return whole(f) ? -1 : mp_feed_profile(feed, f->p);
}

static void free_state(struct mp_feed *feed)
{
	struct pprof_in *f = (struct pprof_in *)feed;

	mp_profile_free(f->p);
	free(f->string), free(f->function.x), free(f->mapping.x), free(f->location.x);
	free(f->frame), free(f->place), free(f->line), free(f->type), free(f->column);
	free(f->stack.x), free(f->value.x), free(f->row), free(f->told);
}

int mp_pprof_source(struct mp_source *out, struct mp_stream *in, const char *name)
{
	static const struct mp_feed_ops ops = { step, free_state };

	return mp_feed_new(sizeof(struct pprof_in), &ops, out, in, name) ? 0 : -1;
}
