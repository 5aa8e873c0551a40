// SPDX-License-Identifier: GPL-2.0-or-later
/* A device becomes a swap area. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "harness/vm/guest.h"

/* The first page of a swap area: a header, and this word at the end. */
#define MAGIC "SWAPSPACE2"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define HEADER_AT 1024
#define VERSION 1
#define KB_PER_PAGE (ZLT_PAGE_SIZE / 1024)

int swap_on(const char *device, unsigned long kb, struct err *err)
{
	uint32_t header[] = { VERSION, (uint32_t)(kb / KB_PER_PAGE - 1) };
	static char page[ZLT_PAGE_SIZE] __attribute__((aligned(ZLT_PAGE_SIZE)));
	int fd, ret = 0;
	size_t i;

	memcpy(page + HEADER_AT, header, sizeof(header));
	for (i = 0; i < MAGIC_LEN; i++)
		page[sizeof(page) - MAGIC_LEN + i] = MAGIC[i];
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", device, strerror(errno));
	if (write(fd, page, sizeof(page)) != sizeof(page) || fsync(fd))
		ret = err_set(err, -EIO, "%s: %s", device, strerror(errno));
	close(fd);
	if (!ret && swapon(device, 0))
		ret = err_set(err, -errno, "swap to %s: %s", device,
			      strerror(errno));
	return ret;
}
