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
#include <unistd.h>

#include "backends/zpool.h"
#include "harness/explore/explore.h"
#include "lib/process.h"
#include "lib/self.h"

extern char __executable_start[], etext[];

/* In a place's number: of the loaded object. */
#define LOADED (1ull << 48)

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

	if (at - text < text_end - text)
		return (at - base) | LOADED;
	if (at - (uintptr_t)__executable_start <
	    (uintptr_t)(etext - __executable_start))
		return at - (uintptr_t)__executable_start;
	return 0;
}

/* What addr2line says of an address: pairs of lines, a function and file:line. */
static FILE *start_asking(uint64_t id, pid_t *pid)
{
	/* A return address is behind the call. */
	uint64_t at = (id & ~LOADED) - 1;
	const char *file = id & LOADED ? object : self_path();
	char address[32];
	char *argv[] = { "addr2line", "-f",	    "-s",    "-i",
			 "-e",	      (char *)file, address, NULL };
	struct process p = { .argv = argv, .err = PROCESS_NULL };
	FILE *f;
	int fd;

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)at);
	if (process_pipe(&p, pid, &fd))
		return NULL;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		process_wait(*pid, NULL);
	}
	return f;
}

static void end_asking(FILE *f, pid_t pid)
{
	while (fgetc(f) != EOF)
		;
	(void)fclose(f);
	process_wait(pid, NULL);
}

static bool answer(FILE *f, char *name, char *line, size_t len)
{
	if (!fgets(name, (int)len, f) || !fgets(line, (int)len, f))
		return false;
	name[strcspn(name, "\n")] = '\0';
	line[strcspn(line, " \n")] = '\0';
	return name[0] != '?';
}

static bool ask(uint64_t id, char *name, char *line, size_t len)
{
	pid_t pid;
	FILE *f = start_asking(id, &pid);
	bool ok;

	if (!f)
		return false;
	ok = answer(f, name, line, len);
	end_asking(f, pid);
	return ok;
}

void place_functions(const void *pc, char *buf, size_t len)
{
	char name[128], line[128];
	uint64_t id = place_id(pc);
	size_t n = 0;
	pid_t pid;
	FILE *f = id ? start_asking(id, &pid) : NULL;

	*buf = '\0';
	if (!f)
		return;
	while (n < len && answer(f, name, line, sizeof(name))) {
		line[strcspn(line, ":")] = '\0';
		n += (size_t)snprintf(buf + n, len - n, "%s %s\n", name, line);
	}
	end_asking(f, pid);
}

const char *place_name(const void *pc, char *buf, size_t len)
{
	static struct {
		uint64_t id;
		char name[264];
	} cache[256];
	uint64_t id = place_id(pc);
	char name[128], line[128];
	unsigned at = (unsigned)(id * 0x9e3779b97f4a7c15ull >> 56);

	if (!id) {
		snprintf(buf, len, "?");
		return buf;
	}
	if (cache[at].id != id) {
		cache[at].id = id;
		if (ask(id, name, line, sizeof(name)))
			snprintf(cache[at].name, sizeof(cache[at].name),
				 "%s (%s)", name, line);
		else
			snprintf(cache[at].name, sizeof(cache[at].name),
				 "code+0x%llx",
				 (unsigned long long)(id & ~LOADED));
	}
	snprintf(buf, len, "%s", cache[at].name);
	return buf;
}
