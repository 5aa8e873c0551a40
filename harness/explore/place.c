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

#include "backends/zpool.h"
#include "harness/explore/explore.h"
#include "lib/process.h"
#include "lib/self.h"

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

	if (at - text < text_end - text)
		return (at - base) | 1ull << 48;
	if (at - (uintptr_t)__executable_start <
	    (uintptr_t)(etext - __executable_start))
		return at - (uintptr_t)__executable_start;
	return 0;
}

/* The first two lines that addr2line prints: a function, and file:line. */
static bool ask(const char *file, uint64_t at, char *name, char *line,
		size_t len)
{
	char address[32];
	char *argv[] = { "addr2line",  "-f",	"-s", "-e",
			 (char *)file, address, NULL };
	struct process p = { .argv = argv, .err = PROCESS_NULL };
	bool ok = false;
	pid_t pid;
	FILE *f;
	int fd;

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)at);
	if (process_pipe(&p, &pid, &fd))
		return false;
	f = fdopen(fd, "r");
	if (f) {
		ok = fgets(name, (int)len, f) && fgets(line, (int)len, f);
		(void)fclose(f);
	}
	process_wait(pid, NULL);
	if (!ok)
		return false;
	name[strcspn(name, "\n")] = '\0';
	line[strcspn(line, " \n")] = '\0';
	return name[0] != '?';
}

const char *place_name(const void *pc, char *buf, size_t len)
{
	static struct {
		uint64_t id;
		char name[264];
	} cache[256];
	uint64_t id = place_id(pc);
	bool loaded = id >> 48;
	char name[128], line[128];
	unsigned at = (unsigned)(id * 0x9e3779b97f4a7c15ull >> 56);

	if (!id) {
		snprintf(buf, len, "?");
		return buf;
	}
	if (cache[at].id != id) {
		cache[at].id = id;
		/* A return address is behind the call. */
		id &= ~(1ull << 48);
		if (ask(loaded ? object : self_path(), id - 1, name, line,
			sizeof(name)))
			snprintf(cache[at].name, sizeof(cache[at].name),
				 "%s (%s)", name, line);
		else
			snprintf(cache[at].name, sizeof(cache[at].name),
				 "code+0x%llx", (unsigned long long)id);
	}
	snprintf(buf, len, "%s", cache[at].name);
	return buf;
}
