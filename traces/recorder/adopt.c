/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the memory that a process has before its recorder starts, with
 * /proc/self/maps and pagemap: after exec the start of the heap and the .bss of
 * the libraries, after fork everything that the parent had.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "traces/recorder/handler.h"
#include "traces/recorder/sys.h"

#define MAPS_BYTES 65536
#define PAGEMAP_ENTRIES 512

#define PM_PRESENT (1ull << 63)
#define PM_EXCLUSIVE (1ull << 56)

/**
 * struct mapping - one line of /proc/self/maps
 * @start: first byte
 * @end: byte after the last
 * @private_anon: readable, writable, not executable, private, no file
 */
struct mapping {
	uint64_t start, end;
	bool private_anon;
};

static const char *hex(const char *s, uint64_t *value)
{
	for (*value = 0;; s++) {
		if (*s >= '0' && *s <= '9')
			*value = *value * 16 + (uint64_t)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			*value = *value * 16 + (uint64_t)(*s - 'a' + 10);
		else
			return s;
	}
}

static bool begins(const char *s, const char *with)
{
	while (*with)
		if (*s++ != *with++)
			return false;
	return true;
}

/* "start-end rw-p offset major:minor inode   name" */
static void parse(const char *line, struct mapping *m)
{
	uint64_t inode;
	const char *s;
	int field;

	s = hex(line, &m->start);
	s = hex(s + 1, &m->end);
	m->private_anon = begins(s, " rw-p ");
	for (field = 0; field < 4; s++)
		field += *s == ' ';
	s = hex(s, &inode);
	while (*s == ' ')
		s++;
	if (inode || (*s && *s != '\n' && !begins(s, "[heap]")))
		m->private_anon = false;
}

static void adopt_pages(struct rec *r, int pagemap, const struct mapping *m)
{
	uint64_t entry[PAGEMAP_ENTRIES], vpn = m->start / REC_PAGE;
	uint64_t end = m->end / REC_PAGE, i, n;

	for (; vpn < end; vpn += n) {
		n = end - vpn < PAGEMAP_ENTRIES ? end - vpn : PAGEMAP_ENTRIES;
		if (sys(SYS_pread64, pagemap, entry, n * 8, vpn * 8, 0, 0) !=
		    (long)(n * 8))
			return;
		for (i = 0; i < n; i++)
			/* NOLINTNEXTLINE(clang-analyzer-core.*): read above */
			if ((entry[i] & PM_PRESENT) &&
			    (entry[i] & PM_EXCLUSIVE))
				rec_adopt(r, vpn + i);
	}
}

static bool is_recorder_memory(const struct rec *r, const struct mapping *m)
{
	return (m->start < r->private_end && m->end > r->private) ||
	       (m->start < r->image_end && m->end > r->image);
}

static void inherit(struct rec *r, const struct mapping *m)
{
	struct inherited *in = &r->inherited[r->inherited_count];

	if (!r->forked || r->inherited_count == INHERITED_MAX)
		return;
	in->start = m->start;
	in->end = m->end;
	r->inherited_count++;
}

static void adopt(struct rec *r, int pagemap, const struct mapping *m)
{
	if (!m->private_anon || is_recorder_memory(r, m))
		return;
	if (rec_register(r, m->start, m->end - m->start) || pagemap < 0)
		return;
	adopt_pages(r, pagemap, m);
	inherit(r, m);
}

void rec_adopt_again(struct rec *r)
{
	long pagemap =
		sys(SYS_openat, r->tasks, "../pagemap", O_RDONLY, 0, 0, 0);
	struct mapping m;
	uint32_t i;

	if (pagemap < 0)
		return;
	for (i = 0; i < r->inherited_count; i++) {
		m.start = r->inherited[i].start;
		m.end = r->inherited[i].end;
		adopt_pages(r, (int)pagemap, &m);
	}
	sys_close((int)pagemap);
}

void rec_forget_inherited(struct rec *r, uint64_t start, uint64_t end)
{
	struct inherited *in;
	uint32_t i;

	for (i = 0; i < r->inherited_count; i++) {
		in = &r->inherited[i];
		if (in->start < end && in->end > start)
			in->end = in->start < start ? start : in->start;
	}
}

void rec_adopt_all(struct rec *r)
{
	long maps = sys(SYS_openat, r->tasks, "../maps", O_RDONLY, 0, 0, 0);
	long pagemap =
		sys(SYS_openat, r->tasks, "../pagemap", O_RDONLY, 0, 0, 0);
	long buf = sys_mmap(NULL, MAPS_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *text = (char *)buf;
	long have = 0, len, at, line;
	struct mapping m;

	if (maps < 0 || (buf < 0 && buf > -4096))
		return;
	while ((len = sys_read((int)maps, text + have,
			       (size_t)(MAPS_BYTES - have))) > 0) {
		have += len;
		for (line = at = 0; at < have; at++) {
			if (text[at] != '\n')
				continue;
			parse(text + line, &m);
			adopt(r, (int)pagemap, &m);
			line = at + 1;
		}
		for (at = 0; line < have; at++)
			text[at] = text[line++];
		have = at;
	}
	sys(SYS_munmap, buf, MAPS_BYTES, 0, 0, 0, 0);
	sys_close((int)maps);
	if (pagemap >= 0)
		sys_close((int)pagemap);
}
