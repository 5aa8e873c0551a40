// SPDX-License-Identifier: GPL-2.0-or-later
/* Explores both sides of a patch, and compares what was found. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/sync/clock.h"
#include "backends/sync/explore/machine.h"
#include "harness/cli/progress.h"
#include "harness/kernel/files.h"
#include "harness/kernel/patch_explore.h"
#include "lib/output.h"
#include "lib/process.h"
#include "lib/self.h"
#include "lib/stop.h"
#include "version.h"

#define MAX_ARGS 24
#define SHRINK_ONE 10 /* seconds for a finding */
#define SHRINK_ALL 60 /* and for all of them */
#define OF_ITS_PROGRAM 5000 /* schedules on the other side */
#define FUNCTION 96

static const char *const patch_side_name[] = { "base", "head" };

/* What the JSON of the comparison takes over from the explorer's. */
static const char *const counted[] = { "programs", "schedules", "points",
				       "known" };

struct patch_work {
	const struct patch_search *s;
	char program[PATH_MAX], dir[PATH_MAX], log[2][PATH_MAX + 16];
	char spec[2][PATH_MAX], tree[2][PATH_MAX], known[PATH_MAX],
		stories[PATH_MAX];
	char *argv[MAX_ARGS];
	size_t nr_args;
};

static void add_arg(struct patch_work *w, const char *arg)
{
	if (w->nr_args < MAX_ARGS - 1) {
		w->argv[w->nr_args++] = (char *)arg;
		w->argv[w->nr_args] = NULL;
	}
}

/*
 * Begin a command line of the explorer. It runs where the source of @side lies,
 * whose lines it shows.
 */
static void begin(struct patch_work *w, int side)
{
	w->nr_args = 0;
	add_arg(w, "env");
	add_arg(w, "-C");
	add_arg(w, w->tree[side]);
	add_arg(w, w->program);
	add_arg(w, "explore");
	if (*w->known) {
		add_arg(w, "--known");
		add_arg(w, w->known);
	}
}

static int open_log(const struct patch_work *w, int side)
{
	return open(w->log[side], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0666);
}

/* What the explorer of a side has said last. */
static int said(const struct patch_work *w, int side, struct err *err)
{
	char *text = file_read(w->log[side]), *line = text, *end;

	if (stop_signal())
		err_set(err, -EINTR, "interrupted");
	while (text && (end = strchr(line, '\n')) && end[1])
		line = end + 1;
	if (text)
		line[strcspn(line, "\n")] = '\0';
	if (!stop_signal())
		err_set(err, -EIO, "zlab explore, %s: %s",
			patch_side_name[side],
			text && *line ? line : "it does not run");
	free(text);
	return -EIO;
}

static int start(struct patch_work *w, int side, pid_t *pid, int *fd)
{
	struct process p = { .argv = w->argv, .in = PROCESS_NULL };
	int ret;

	p.err = open_log(w, side);
	if (p.err < 0)
		return -errno;
	ret = process_pipe(&p, pid, fd);
	close(p.err);
	return ret;
}

/* The JSON that an explorer prints; NULL if it found nothing to say. */
static json_t *answer(pid_t pid, int fd, int *status)
{
	FILE *f = fdopen(fd, "r");
	json_t *o = f ? json_loadf(f, 0, NULL) : NULL;

	if (f)
		(void)fclose(f);
	else
		close(fd);
	*status = process_wait(pid, NULL);
	return o;
}

/* Both sides at once. */
static int explore_both(struct patch_work *w, struct patch_found *found,
			struct err *err)
{
	char number[24], seed[24];
	int fd[2] = { -1, -1 }, status, side, ret = 0, started;
	pid_t pid[2] = { -1, -1 };

	snprintf(number, sizeof(number), "%lld", w->s->schedules);
	snprintf(seed, sizeof(seed), "%d", PATCH_EXPLORE_SEED);
	for (started = 0; started < 2; started++) {
		begin(w, started);
		add_arg(w, "--backend");
		add_arg(w, w->spec[started]);
		add_arg(w, "--schedules");
		add_arg(w, number);
		add_arg(w, "--seed");
		add_arg(w, seed);
		add_arg(w, "--keep-going");
		add_arg(w, "--json");
		add_arg(w, "-");
		if (start(w, started, &pid[started], &fd[started]))
			break;
	}
	if (started < 2)
		ret = said(w, started, err);
	for (side = 0; side < started; side++) {
		found->result[side] = answer(pid[side], fd[side], &status);
		if (!ret && (status < 0 || status > 1 || !found->result[side]))
			ret = said(w, side, err);
	}
	return ret;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static bool is_header(const char *file, size_t len)
{
	return len > 2 && !strncmp(file + len - 2, ".h", 2);
}

/*
 * The function of a place, of the lines "function file" from the inside: the
 * first that is not of a header. What the compiler has put into what does not
 * matter.
 */
static const char *function(const char *lines, char *buf)
{
	size_t len, name;

	*buf = '\0';
	for (; *lines; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		name = strcspn(lines, " \n");
		snprintf(buf, FUNCTION, "%.*s", (int)name, lines);
		if (!is_header(lines, len))
			break;
	}
	return buf;
}

/* Without its numbers, which are lines, addresses and counts. */
static void plain_words(const char *text, char *buf, size_t len)
{
	size_t n = 0;

	while (*text && n + 1 < len) {
		if (!strncmp(text, "0x", 2)) {
			text += 2 + strspn(text + 2, "0123456789abcdef");
			buf[n++] = '#';
		} else if (isdigit((unsigned char)*text)) {
			text += strspn(text, "0123456789");
			buf[n++] = '#';
		} else {
			buf[n++] = *text++;
		}
	}
	buf[n] = '\0';
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The locks of a deadlock or of a wrong order, which are the words before a
 * "(place)", sorted: who waits for which of them where differs from schedule to
 * schedule.
 */
static void locks_of(const char *text, char *buf, size_t len)
{
	char copy[1024], *name[2 * XCPU_MAX], *at = copy;
	size_t nr = 0, n = 0, i;

	snprintf(copy, sizeof(copy), "%s", text);
	*buf = '\0';
	while (nr < sizeof(name) / sizeof(*name) && (at = strstr(at, " ("))) {
		*at = '\0';
		name[nr] = strrchr(copy, ' ');
		name[nr] = name[nr] ? name[nr] + 1 : copy;
		nr += strcmp(name[nr], "holds") != 0;
		*at++ = '\n';
	}
	for (i = 0; i < nr; i++)
		name[i][strcspn(name[i], "\n")] = '\0';
	qsort(name, nr, sizeof(*name), by_name);
	for (i = 0; i < nr && n < len; i++)
		if (!i || strcmp(name[i], name[i - 1]) != 0)
			n += (size_t)snprintf(buf + n, len - n, "%s%s",
					      n ? " and " : "", name[i]);
}

/* What makes two findings one, apart from their kinds. */
static void name_of(const json_t *f, char *buf, size_t len)
{
	static const char *const placed[] = {
		"race",		"use after free", "double free",
		"wrong unlock", "crash",	  "long atomic section",
	};
	static const char *const locked[] = { "deadlock", "lost wake-up",
					      "lock order" };
	const char *kind = text_of(f, "kind"), *a, *b;
	char one[FUNCTION], two[FUNCTION];
	size_t i;

	*buf = '\0';
	a = function(text_of(f, "functions"), one);
	b = function(text_of(f, "other_functions"), two);
	for (i = 0; i < sizeof(placed) / sizeof(*placed); i++) {
		if (strcmp(kind, placed[i]) != 0)
			continue;
		if (*a && *b)
			snprintf(buf, len, "%s and %s",
				 strcmp(a, b) < 0 ? a : b,
				 strcmp(a, b) < 0 ? b : a);
		else
			snprintf(buf, len, "%s", a);
	}
	for (i = 0; i < sizeof(locked) / sizeof(*locked); i++)
		if (!strcmp(kind, locked[i]))
			locks_of(text_of(f, "text"), buf, len);
	if (!*buf)
		plain_words(text_of(f, "text"), buf, len);
}

static bool is_that(const struct patch_finding *p, const json_t *f)
{
	char name[sizeof(p->name)];

	name_of(f, name, sizeof(name));
	return !strcmp(p->kind, text_of(f, "kind")) && !strcmp(p->name, name);
}

static struct patch_finding *find(struct patch_found *found, const json_t *f)
{
	struct patch_finding *p = found->at;

	while (p < found->at + found->nr && !is_that(p, f))
		p++;
	if (p == found->at + found->nr) {
		snprintf(p->kind, sizeof(p->kind), "%s", text_of(f, "kind"));
		name_of(f, p->name, sizeof(p->name));
		found->nr++;
	}
	return p;
}

static int sort_out(struct patch_found *found, struct err *err)
{
	struct patch_finding *p;
	json_t *list[2], *f;
	size_t i;
	int side;

	for (side = 0; side < 2; side++)
		list[side] = json_object_get(found->result[side], "found");
	found->at =
		calloc(json_array_size(list[0]) + json_array_size(list[1]) + 1,
		       sizeof(*found->at));
	if (!found->at)
		return err_set(err, -ENOMEM, "out of memory");
	for (side = 0; side < 2; side++)
		json_array_foreach (list[side], i, f) {
			p = find(found, f);
			p->times[side] += (uint64_t)json_integer_value(
				json_object_get(f, "times"));
			if (!p->json[side])
				p->json[side] = f;
		}
	return 0;
}

static int write_finding(const char *path, const json_t *f, struct err *err)
{
	FILE *out;
	struct output *o = output_stream(path, &out, err);

	if (!o)
		return -errno;
	json_dumpf(f, out, JSON_COMPACT);
	fputc('\n', out);
	return output_end(o, out, err);
}

/*
 * Run the explorer for what it prints and writes. Status 0 is "gone", 1 a
 * finding.
 */
static int run(struct patch_work *w, int side, int out, struct err *err)
{
	struct process p = { .argv = w->argv, .in = PROCESS_NULL, .out = out };
	int status;

	p.err = out == PROCESS_NULL ? open_log(w, side) : out;
	if (p.err < 0)
		return said(w, side, err);
	status = process_run(&p);
	if (p.err != out)
		close(p.err);
	return status == 0 || status == 1 ? 0 : said(w, side, err);
}

/*
 * A finding with few operations and switches, which other code can follow. One
 * that does not repeat by itself, as what two schedules show together, stays as
 * it is.
 */
static int shrink(struct patch_work *w, struct patch_finding *p, double left,
		  struct err *err)
{
	char one[PATH_MAX + 16], two[PATH_MAX + 16], seconds[24];
	int side = p->json[1] ? 1 : 0, ret;
	json_t *o;

	snprintf(one, sizeof(one), "%s/one.json", w->dir);
	snprintf(two, sizeof(two), "%s/two.json", w->dir);
	snprintf(seconds, sizeof(seconds), "%.0f",
		 left > SHRINK_ONE ? SHRINK_ONE
		 : left > 0	   ? left
				   : 0);
	ret = write_finding(one, p->json[side], err);
	if (ret)
		return ret;
	(void)unlink(two);
	begin(w, side);
	add_arg(w, "--replay");
	add_arg(w, one);
	add_arg(w, "--output");
	add_arg(w, two);
	add_arg(w, "--shrink");
	add_arg(w, seconds);
	ret = run(w, side, PROCESS_NULL, err);
	if (ret)
		return ret;
	o = json_load_file(two, 0, NULL);
	p->shrunk = o && is_that(p, o) ? json_incref(o)
				       : json_incref(p->json[side]);
	json_decref(o);
	return 0;
}

/*
 * Whether the other side shows a finding: in the very same schedule, which code
 * that differs may not follow, or in others of its program.
 */
static int repeats(struct patch_work *w, const struct patch_finding *p,
		   bool *does, struct err *err)
{
	int other = p->json[0] ? 1 : 0, status, fd = -1, ret;
	char path[PATH_MAX + 16], number[24];
	json_t *o, *f;
	pid_t pid = -1;
	size_t i;

	*does = false;
	snprintf(path, sizeof(path), "%s/one.json", w->dir);
	snprintf(number, sizeof(number), "%d", OF_ITS_PROGRAM);
	ret = write_finding(path, p->shrunk, err);
	if (ret)
		return ret;
	begin(w, other);
	add_arg(w, "--replay");
	add_arg(w, path);
	add_arg(w, "--backend");
	add_arg(w, w->spec[other]);
	add_arg(w, "--schedules");
	add_arg(w, number);
	add_arg(w, "--json");
	add_arg(w, "-");
	if (start(w, other, &pid, &fd))
		return said(w, other, err);
	o = answer(pid, fd, &status);
	if (status < 0 || status > 1 || (status && !o))
		ret = said(w, other, err);
	else
		json_array_foreach (json_object_get(o, "found"), i, f)
			*does |= is_that(p, f);
	json_decref(o);
	return ret;
}

static int by_side(const void *a, const void *b)
{
	const struct patch_finding *x = a, *y = b;

	return x->side != y->side ? (int)x->side - (int)y->side
				  : (int)x->number - (int)y->number;
}

static int compare(struct patch_work *w, struct patch_found *found,
		   struct err *err)
{
	uint64_t begin_ns = clock_wall_ns();
	struct patch_finding *p;
	int ret = 0;
	bool alone, does;
	size_t i;

	for (i = 0; i < found->nr && !ret; i++) {
		p = &found->at[i];
		/* As they came, until they are sorted. */
		p->number = (unsigned)i;
		p->side = PATCH_BOTH;
		alone = !p->json[0] || !p->json[1];
		if (alone || w->s->dir)
			ret = shrink(w, p,
				     SHRINK_ALL - (double)(clock_wall_ns() -
							   begin_ns) *
							  1e-9,
				     err);
		if (ret || !alone)
			continue;
		ret = repeats(w, p, &does, err);
		if (!does)
			p->side = p->json[0] ? PATCH_MENDED : PATCH_ADDED;
	}
	if (found->nr)
		qsort(found->at, found->nr, sizeof(*found->at), by_side);
	for (i = 0; i < found->nr; i++) {
		found->at[i].number = (unsigned)i + 1;
		found->count[found->at[i].side]++;
	}
	return ret;
}

/* A finding's file, and its story. */
static int tell(struct patch_work *w, const struct patch_finding *p,
		struct err *err)
{
	char path[PATH_MAX + 16], text[PATH_MAX + 16];
	int side = p->json[1] ? 1 : 0, ret, out;

	snprintf(path, sizeof(path), "%s/%u.json", w->stories, p->number);
	snprintf(text, sizeof(text), "%s/%u.txt", w->stories, p->number);
	ret = write_finding(path, p->shrunk, err);
	if (ret)
		return ret;
	out = open(text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out < 0)
		return err_set(err, -errno, "%s: %s", text, strerror(errno));
	begin(w, side);
	add_arg(w, "--replay");
	add_arg(w, path);
	ret = run(w, side, out, err);
	close(out);
	return ret;
}

/* The explorer runs in another folder, so all paths are from the root. */
static int whole(const char *path, char *to, struct err *err)
{
	if (realpath(path, to))
		return 0;
	return err_set(err, -errno, "%s: %s", path, strerror(errno));
}

static int prepare(struct patch_work *w, struct err *err)
{
	const struct patch_search *s = w->s;
	const char *tmp = getenv("TMPDIR");
	int side, ret;

	ret = data_path(w->program, sizeof(w->program), "zlab-explore", err);
	for (side = 0; side < 2 && !ret; side++) {
		ret = whole(s->obj[side].path, w->spec[side], err);
		if (!ret)
			ret = whole(s->tree[side], w->tree[side], err);
	}
	if (!ret && s->known)
		ret = whole(s->known, w->known, err);
	if (!ret && s->dir)
		ret = whole(s->dir, w->stories, err);
	if (ret)
		return ret;
	snprintf(w->dir, sizeof(w->dir), "%.3000s/zlab-explore.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(w->dir)) {
		ret = err_set(err, -errno, "cannot make %s: %s", w->dir,
			      strerror(errno));
		w->dir[0] = '\0';
		return ret;
	}
	for (side = 0; side < 2; side++)
		snprintf(w->log[side], sizeof(w->log[side]), "%s/%s.log",
			 w->dir, patch_side_name[side]);
	return 0;
}

int patch_explore(const struct patch_search *s, struct patch_found *found,
		  struct err *err)
{
	struct patch_work *w = calloc(1, sizeof(*w));
	struct progress progress;
	size_t i;
	int ret;

	memset(found, 0, sizeof(*found));
	if (!w)
		return err_set(err, -ENOMEM, "out of memory");
	w->s = s;
	progress_step(&progress, "patch-test, exploring");
	ret = prepare(w, err);
	if (!ret)
		ret = explore_both(w, found, err);
	if (!ret)
		ret = sort_out(found, err);
	if (!ret)
		ret = compare(w, found, err);
	for (i = 0; s->dir && i < found->nr && !ret; i++)
		ret = tell(w, &found->at[i], err);
	progress_end(&progress);
	if (*w->dir)
		process_remove(w->dir);
	free(w);
	return ret;
}

static json_t *finding_json(const struct patch_finding *p, bool stories)
{
	const json_t *f = p->json[1] ? p->json[1] : p->json[0];
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[I, I]}", "kind",
			      p->kind, "name", p->name, "text",
			      text_of(f, "text"), "place", text_of(f, "place"),
			      "other_place", text_of(f, "other_place"), "times",
			      (json_int_t)p->times[0], (json_int_t)p->times[1]);
	char name[32];

	snprintf(name, sizeof(name), "%u.json", p->number);
	if (stories)
		json_object_set_new(o, "story", json_string(name));
	return o;
}

json_t *patch_found_json(const struct patch_search *s,
			 const struct patch_found *found)
{
	static const char *const lists[] = { "added", "mended", "both" };
	json_t *o =
		json_pack("{s:s, s:I, s:i}", "build", ZLAB_VERSION, "schedules",
			  (json_int_t)s->schedules, "seed", PATCH_EXPLORE_SEED);
	json_t *side, *list;
	size_t i, k;

	for (i = 0; i < 2; i++) {
		side = json_pack("{s:s, s:s, s:s, s:s}", "source",
				 s->obj[i].source, "sha256", s->obj[i].sha256,
				 "git", s->obj[i].git, "settings",
				 s->obj[i].settings);
		for (k = 0; k < sizeof(counted) / sizeof(counted[0]); k++)
			json_object_set(side, counted[k],
					json_object_get(found->result[i],
							counted[k]));
		json_object_set_new(o, patch_side_name[i], side);
	}
	for (k = 0; k < PATCH_SIDES; k++) {
		list = json_array();
		for (i = 0; i < found->nr; i++)
			if (found->at[i].side == k)
				json_array_append_new(
					list,
					finding_json(&found->at[i], s->dir));
		json_object_set_new(o, lists[k], list);
	}
	return o;
}

void patch_found_free(struct patch_found *found)
{
	size_t i;

	for (i = 0; i < found->nr; i++)
		json_decref(found->at[i].shrunk);
	json_decref(found->result[0]);
	json_decref(found->result[1]);
	free(found->at);
}
