// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages of known contents. The first word says which version it is; then comes a
 * piece of one long pattern, at another start for each.
 */
#include <string.h>

#include "harness/explore/contents.h"
#include "harness/swap/page.h"
#include "lib/random.h"

#define PIECES 1024u

/* CPUs have their own pages; the last is for calls outside of schedules. */
static unsigned char pages[XCPU_MAX + 1][2 * SWAP_PAGE_SIZE]
	__attribute__((aligned(SWAP_PAGE_SIZE)));

static uint64_t pattern[SWAP_PAGE_WORDS + PIECES];

void contents_init(void)
{
	uint64_t random = 1;

	random_fill(pattern, sizeof(pattern), &random);
}

/* Half of the CPUs have pages that are not aligned, and so are copied. */
unsigned char *contents_page(void)
{
	unsigned cpu = xcpu_current();

	return pages[cpu] + (cpu & 1 ? 8 : 0);
}

static uint64_t word(uint32_t version)
{
	return 0x5a00000000000000ull | version;
}

static const void *piece(uint32_t version)
{
	return &pattern[version * 97 % PIECES];
}

uint32_t contents_make(struct contents *c, unsigned what, unsigned size,
		       unsigned char *at)
{
	uint32_t version = ++c->versions;
	uint64_t first = word(version);

	c->page[version].what = what;
	c->page[version].size = size;
	if (size) {
		memcpy(at, &first, sizeof(first));
		memcpy(at + sizeof(first), piece(version),
		       size - sizeof(first));
	} else {
		page_fill(at, first);
	}
	return version;
}

static void compare(unsigned what, const unsigned char *read, size_t from,
		    size_t to, const unsigned char *want)
{
	size_t i;

	if (!memcmp(read + from, want, to - from))
		return;
	for (i = from; read[i] == want[i - from];)
		i++;
	xcpu_report(XFOUND_CONTENTS,
		    "object %u of %zu bytes: byte %zu is 0x%02x and was stored "
		    "as 0x%02x",
		    what, to, i, read[i], want[i - from]);
}

uint32_t contents_recognise(const struct contents *c, unsigned what,
			    const unsigned char *read)
{
	static uint64_t same[SWAP_PAGE_WORDS];
	uint64_t first;
	uint32_t version;

	memcpy(&first, read, sizeof(first));
	version = (uint32_t)first;
	if (first != word(version) || !version || version > c->versions ||
	    c->page[version].what != what) {
		xcpu_report(XFOUND_CONTENTS,
			    "object %u: the load gave a page that begins with "
			    "0x%llx, which was never stored there",
			    what, (unsigned long long)first);
		return 0;
	}
	if (c->page[version].size) {
		compare(what, read, sizeof(first), c->page[version].size,
			piece(version));
		return version;
	}
	page_fill(same, first);
	compare(what, read, 0, SWAP_PAGE_SIZE, (unsigned char *)same);
	return version;
}
