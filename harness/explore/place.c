// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Places in the code: of this program and of a loaded object. Their names come
 * from addr2line, and only when something is told.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "backends/zpool.h"
#include "harness/cli/cli.h"
#include "harness/explore/explore.h"
#include "lib/process.h"
#include "lib/self.h"

/* In the number of a place: it is in the loaded object. */
#define LOADED (1ull << 48)

extern char __executable_start[], etext[];

/* The loaded object: its path, and where it lies. */
static char object[PATH_MAX];
static uintptr_t base, text, text_end, data, data_end;

static int find_parts(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *p = info->dlpi_phdr;
	const void *symbol = arg;
	uintptr_t from;
	unsigned i;
	bool here = false;

	for (i = 0; i < info->dlpi_phnum; i++) {
		from = info->dlpi_addr + p[i].p_vaddr;
		here |= p[i].p_type == PT_LOAD &&
			(uintptr_t)symbol - from < p[i].p_memsz;
	}
	if (!here)
		return 0;
	base = info->dlpi_addr;
	for (i = 0; i < info->dlpi_phnum; i++) {
		from = base + p[i].p_vaddr;
		if (p[i].p_type != PT_LOAD)
			continue;
		if (p[i].p_flags & PF_X) {
			text = from;
			text_end = from + p[i].p_memsz;
		} else if (p[i].p_flags & PF_W) {
			data = from;
			data_end = from + p[i].p_memsz;
		}
	}
	/* What is bound at load time is read-only from then on. */
	for (i = 0; i < info->dlpi_phnum; i++)
		if (p[i].p_type == PT_GNU_RELRO) {
			from = base + p[i].p_vaddr + p[i].p_memsz;
			from = (from + 4095) & ~4095ul;
			if (from > data && from <= data_end)
				data = from;
		}
	return 1;
}

/* An object that was not compiled with the instrumentation names none of it. */
static bool is_watched(const char *path)
{
	static const char name[] = "__tsan_func_entry";
	FILE *f = fopen(path, "re");
	char *all = NULL;
	size_t len = 0;
	bool found;

	if (!f)
		return false;
	all = malloc(64 << 20);
	len = all ? fread(all, 1, 64 << 20, f) : 0;
	(void)fclose(f);
	found = all && memmem(all, len, name, sizeof(name));
	free(all);
	return found;
}

int place_load(const char *backend, struct err *err)
{
	size_t len = spec_name_len(backend);
	const struct zpool_driver *d;

	if (!memchr(backend, '/', len))
		return 0;
	d = zpool_driver_find(backend, err);
	if (!d) {
		if (strstr(err->text, "SYNC_VIRTUAL") ||
		    strstr(err->text, "made for real CPUs"))
			return err_set(err, -EINVAL,
				       "%.*s is not instrumented; build it "
				       "with \"zlab-virtual shim\", or with "
				       "-DSYNC_VIRTUAL -fsanitize=thread",
				       (int)len, backend);
		return -EINVAL;
	}
	snprintf(object, sizeof(object), "%.*s", (int)len, backend);
	if (!is_watched(object))
		return err_set(err, -EINVAL,
			       "%s is for virtual CPUs, but not instrumented; "
			       "compile it with -fsanitize=thread, too",
			       object);
	dl_iterate_phdr(find_parts, (void *)(uintptr_t)d);
	if (!text)
		return err_set(err, -EINVAL, "%s: its code cannot be found",
			       object);
	xcode_add((const void *)text, text_end - text);
	return data < data_end ? xworld_add((void *)data, data_end - data, err)
			       : 0;
}

uint64_t place_id(const void *pc)
{
	uintptr_t at = (uintptr_t)pc;

	if (*object && at - text < text_end - text)
		return (at - base) | LOADED;
	if (at - (uintptr_t)__executable_start <
	    (uintptr_t)(etext - __executable_start))
		return at - (uintptr_t)__executable_start;
	return 0;
}

/* What is known of a place. */
struct known {
	uint64_t id;
	char name[264], function[96], path[PATH_MAX];
	char functions[FUNCTIONS_LEN]; /* lines "function file" */
	unsigned line;
};

static struct known *known;
static size_t nr_known;

static struct known *find(uint64_t id)
{
	size_t i;

	for (i = 0; i < nr_known; i++)
		if (known[i].id == id)
			return &known[i];
	return NULL;
}

static struct known *add(uint64_t id)
{
	struct known *k = realloc(known, (nr_known + 1) * sizeof(*known));

	if (!k)
		return NULL;
	known = k;
	k = &known[nr_known++];
	memset(k, 0, sizeof(*k));
	k->id = id;
	snprintf(k->name, sizeof(k->name), "code+0x%llx",
		 (unsigned long long)(id & ~LOADED));
	return k;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_header(const char *path)
{
	size_t len = strlen(path);

	return len > 2 && !strcmp(path + len - 2, ".h");
}

/*
 * A frame of a place, innermost first: the lines of its function, and of
 * "path:line". What comes from a header says who included it.
 */
static void frame(struct known *k, char *function, char *path)
{
	char *colon;
	size_t n = strlen(k->name), used;
	bool first = !k->function[0];

	function[strcspn(function, "\n")] = '\0';
	path[strcspn(path, " \n")] = '\0';
	colon = strrchr(path, ':');
	if (!colon || function[0] == '?')
		return;
	*colon = '\0';
	used = strlen(k->functions);
	snprintf(k->functions + used, sizeof(k->functions) - used, "%.90s %s\n",
		 function, base_name(path));
	if (!first && !is_header(k->path))
		return;
	if (first)
		snprintf(k->name, sizeof(k->name), "%.90s (%.90s:%.12s)",
			 function, base_name(path), colon + 1);
	else if (!is_header(path))
		snprintf(k->name + n, sizeof(k->name) - n,
			 " in %.90s (%.90s:%.12s)", function, base_name(path),
			 colon + 1);
	snprintf(k->function, sizeof(k->function), "%.90s", function);
	snprintf(k->path, sizeof(k->path), "%s", path);
	k->line = (unsigned)strtoul(colon + 1, NULL, 10);
}

/* addr2line's answer: for each address a line with it, then its frames. */
static void read_answer(FILE *f, const uint64_t *id, size_t nr)
{
	char line[PATH_MAX + 64], function[PATH_MAX];
	struct known *k = NULL;
	size_t at = 0;

	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "0x", 2)) {
			k = at < nr ? find(id[at++]) : NULL;
			continue;
		}
		memcpy(function, line, sizeof(function));
		function[sizeof(function) - 1] = '\0';
		if (!fgets(line, sizeof(line), f))
			break;
		if (k)
			frame(k, function, line);
	}
}

/* Places of one file, which are in the list of those known. */
static void ask(const char *file, const uint64_t *id, size_t nr)
{
	static bool said;
	struct process p = { .err = PROCESS_NULL };
	char(*address)[24] = calloc(nr, sizeof(*address));
	char **argv = calloc(nr + 6, sizeof(*argv));
	pid_t pid;
	FILE *f;
	size_t i;
	int fd;

	if (!address || !argv)
		goto out;
	argv[0] = "addr2line";
	argv[1] = "-afi";
	argv[2] = "-e";
	argv[3] = (char *)file;
	for (i = 0; i < nr; i++) {
		/* A return address is behind the call. */
		snprintf(address[i], sizeof(*address), "0x%llx",
			 (unsigned long long)((id[i] & ~LOADED) - 1));
		argv[4 + i] = address[i];
	}
	p.argv = argv;
	if (process_pipe(&p, &pid, &fd)) {
		if (!said)
			cli_note(
				"addr2line does not run, so places have no names; "
				"install binutils");
		said = true;
		goto out;
	}
	f = fdopen(fd, "r");
	if (f) {
		read_answer(f, id, nr);
		(void)fclose(f);
	}
	process_wait(pid, NULL);
out:
	free(address);
	free(argv);
}

void place_learn(const void *const *pc, size_t nr)
{
	uint64_t *id = calloc(nr ? nr : 1, sizeof(*id)), this;
	uint64_t which[] = { LOADED, 0 };
	size_t i, k, n;

	for (k = 0; id && k < 2; k++) {
		for (n = i = 0; i < nr; i++) {
			this = place_id(pc[i]);
			if (this && (this & LOADED) == which[k] &&
			    !find(this) && add(this))
				id[n++] = this;
		}
		if (n)
			ask(which[k] ? object : self_path(), id, n);
	}
	free(id);
}

static const struct known *know(const void *pc)
{
	uint64_t id = place_id(pc);

	if (id && !find(id))
		place_learn(&pc, 1);
	return id ? find(id) : NULL;
}

const char *place_name(const void *pc, char *buf, size_t len)
{
	const struct known *k = know(pc);

	snprintf(buf, len, "%s", k ? k->name : "?");
	return buf;
}

const char *place_function(const void *pc)
{
	const struct known *k = know(pc);

	return k ? k->function : "";
}

void place_functions(const void *pc, char *buf, size_t len)
{
	const struct known *k = know(pc);

	snprintf(buf, len, "%s", k ? k->functions : "");
}

/* A source that was changed since has other lines. */
static bool is_older(const struct known *k)
{
	struct stat source, made;

	if (stat(k->path, &source) ||
	    stat(k->id & LOADED ? object : self_path(), &made))
		return false;
	return source.st_mtim.tv_sec < made.st_mtim.tv_sec ||
	       (source.st_mtim.tv_sec == made.st_mtim.tv_sec &&
		source.st_mtim.tv_nsec <= made.st_mtim.tv_nsec);
}

const char *place_source(const void *pc, char *buf, size_t len)
{
	const struct known *k = know(pc);
	char line[1024] = "";
	unsigned n = 0;
	FILE *f;

	*buf = '\0';
	f = k && k->line && is_older(k) ? fopen(k->path, "re") : NULL;
	if (!f)
		return buf;
	while (n < k->line && fgets(line, sizeof(line), f))
		n += line[strlen(line) - 1] == '\n';
	(void)fclose(f);
	if (n < k->line)
		return buf;
	line[strcspn(line, "\n")] = '\0';
	snprintf(buf, len, "%s", line + strspn(line, " \t"));
	return buf;
}

/* The code that the backend lies in: no names, lines or versions. */
const char *place_code(char *buf, size_t len)
{
	if (!text)
		dl_iterate_phdr(find_parts, (void *)(uintptr_t)place_code);
	snprintf(buf, len, "%016llx",
		 (unsigned long long)XXH3_64bits((const void *)text,
						 text_end - text));
	return buf;
}
