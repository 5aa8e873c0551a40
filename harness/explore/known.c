// SPDX-License-Identifier: GPL-2.0-or-later
/* Races that are known and harmless: the list, and what of it was met. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/explore/explore.h"
#include "harness/explore/known.h"

#define NAME 64

/* An entry of the list. */
struct entry {
	char file[NAME], function[2][NAME];
	bool has_reason;
	uint64_t times;
};

/* A race that is on it. */
struct race {
	uint64_t key;
	size_t entry;
};

struct known_list {
	struct entry *entry;
	struct race *race;
	size_t nr, nr_races;
	size_t sorted; /* findings that were looked up already */
};

static void *grown(void *array, size_t nr, size_t size)
{
	/* To the next power of 2, when it is full. */
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		abort();
	return array;
}

static int add_entry(struct known_list *k, const char *line, struct err *err)
{
	struct entry e = { .file = "" };
	char more;

	if (sscanf(line, "%63s %63s %63s %c", e.file, e.function[0],
		   e.function[1], &more) != 3)
		return err_set(err, -EINVAL,
			       "an entry is a file and two functions");
	k->entry = grown(k->entry, k->nr, sizeof(e));
	k->entry[k->nr++] = e;
	return 0;
}

static int needs_reason(const struct known_list *k, struct err *err)
{
	const struct entry *last = k->nr ? &k->entry[k->nr - 1] : NULL;

	if (!last || last->has_reason)
		return 0;
	return err_set(err, -EINVAL,
		       "%s and %s of %s: why they are harmless is to be said "
		       "in indented lines below",
		       last->function[0], last->function[1], last->file);
}

static int add_line(struct known_list *k, const char *line, struct err *err)
{
	const char *word = line + strspn(line, " \t\n");

	if (*line == '#' || !*word)
		return 0;
	if (word == line)
		return needs_reason(k, err) ? -EINVAL : add_entry(k, line, err);
	if (!k->nr)
		return err_set(err, -EINVAL, "a reason without an entry");
	k->entry[k->nr - 1].has_reason = true;
	return 0;
}

int known_read(struct explorer *e, const char *path, struct err *err)
{
	struct known_list *k = calloc(1, sizeof(*k));
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	unsigned nr = 0;
	int ret = 0;

	if (!k || !f) {
		ret = err_set(err, -errno, "%s: %s", path, strerror(errno));
		free(k);
		if (f)
			(void)fclose(f);
		return ret;
	}
	while (!ret && getline(&line, &room, f) > 0) {
		nr++;
		ret = add_line(k, line, err);
	}
	if (!ret)
		ret = needs_reason(k, err);
	if (!ret && ferror(f))
		ret = err_set(err, -EIO, "it cannot be read");
	free(line);
	(void)fclose(f);
	if (ret) {
		err_prefix(err, "%s, line %u", path, nr);
		known_free(k);
		return ret;
	}
	e->known = k;
	return 0;
}

bool known_count(struct known_list *known, uint64_t key)
{
	size_t i;

	for (i = 0; known && i < known->nr_races; i++)
		if (known->race[i].key == key) {
			known->entry[known->race[i].entry].times++;
			return true;
		}
	return false;
}

/* Whether one of "function file" in the lines of @chain is @name, at @word. */
static bool has(const char *chain, unsigned word, const char *name)
{
	size_t len = strlen(name), n;
	const char *s;

	while (*chain) {
		s = chain;
		if (word)
			s += strcspn(s, " ") + 1;
		n = strcspn(s, " \n");
		if (n == len && !memcmp(s, name, n))
			return true;
		chain += strcspn(chain, "\n");
		chain += *chain == '\n';
	}
	return false;
}

/* A kernel's source is compiled as a part of another file. */
static bool is_of(const struct entry *e, const char *source, const char *a,
		  const char *b)
{
	return strstr(source, e->file) || has(a, 1, e->file) ||
	       has(b, 1, e->file);
}

static bool is_entry(const struct entry *e, const char *a, const char *b)
{
	return ((has(a, 0, e->function[0]) && has(b, 0, e->function[1])) ||
		(has(a, 0, e->function[1]) && has(b, 0, e->function[0])));
}

static bool is_known(struct known_list *k, const char *backend,
		     const struct found *f)
{
	char a[FUNCTIONS_LEN], b[FUNCTIONS_LEN];
	const struct zpool_driver *d = zpool_driver_find(backend, NULL);
	const char *source = d && d->source ? d->source : "";
	size_t i;

	if (f->f.kind != XFOUND_RACE)
		return false;
	place_functions(f->f.at.pc, a, sizeof(a));
	place_functions(f->f.other_pc, b, sizeof(b));
	for (i = 0; i < k->nr; i++)
		if (is_entry(&k->entry[i], a, b) &&
		    is_of(&k->entry[i], source, a, b))
			break;
	if (i == k->nr)
		return false;
	k->entry[i].times += f->times;
	k->race = grown(k->race, k->nr_races, sizeof(*k->race));
	k->race[k->nr_races++] = (struct race){ f->key, i };
	return true;
}

void known_sort(struct explorer *e)
{
	struct known_list *k = e->known;
	size_t i, to;

	if (!k || k->sorted == e->nr_found)
		return;
	for (i = to = k->sorted; i < e->nr_found; i++) {
		if (is_known(k, e->backend, &e->found[i]))
			choices_free(&e->found[i].choices);
		else
			e->found[to++] = e->found[i];
	}
	k->sorted = e->nr_found = to;
}

void known_print(FILE *out, const struct known_list *known)
{
	const struct entry *e;
	size_t i, met = 0;

	for (i = 0; known && i < known->nr; i++)
		met += known->entry[i].times > 0;
	if (!met)
		return;
	fprintf(out, "%zu known race%s, no findings:\n", met,
		met == 1 ? "" : "s");
	for (i = 0; i < known->nr; i++) {
		e = &known->entry[i];
		if (e->times)
			fprintf(out, "  %s and %s of %s, %llu time%s\n",
				e->function[0], e->function[1], e->file,
				(unsigned long long)e->times,
				e->times == 1 ? "" : "s");
	}
}

json_t *known_json(const struct known_list *known)
{
	json_t *a = json_array();
	const struct entry *e;
	size_t i;

	for (i = 0; known && i < known->nr; i++) {
		e = &known->entry[i];
		if (e->times)
			json_array_append_new(
				a, json_pack("{s:s, s:[s, s], s:I}", "file",
					     e->file, "functions",
					     e->function[0], e->function[1],
					     "times", (json_int_t)e->times));
	}
	return a;
}

void known_free(struct known_list *known)
{
	if (!known)
		return;
	free(known->entry);
	free(known->race);
	free(known);
}
