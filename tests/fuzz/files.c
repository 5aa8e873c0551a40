// SPDX-License-Identifier: GPL-2.0-or-later
/* Files in memory, for all targets. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/fuzz/fuzz.h"

enum {
	FILE_HEAD = 24,
	BLOCK_HEAD = 32,
	CHECKSUM = 8,
	TRAILER = 24
};

void must(int ok)
{
	if (!ok)
		abort();
}

void must_say(const struct err *err)
{
	must(err->text[0] && !strchr(err->text, '\n'));
}

int memory_file(const uint8_t *data, size_t len, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0);
	must(write(fd, data, len) == (ssize_t)len);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

void same_bytes(int a, int b)
{
	off_t len = lseek(a, 0, SEEK_END);
	void *x, *y;

	must(len > 0 && lseek(b, 0, SEEK_END) == len);
	x = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, a, 0);
	y = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, b, 0);
	must(x != MAP_FAILED && y != MAP_FAILED);
	must(!memcmp(x, y, (size_t)len));
	munmap(x, (size_t)len);
	munmap(y, (size_t)len);
}

static void put_checksum(uint8_t *data, size_t len)
{
	uint64_t sum = htole64(XXH3_64bits(data, len));

	memcpy(data + len, &sum, sizeof(sum));
}

void fix_checksums(uint8_t *data, size_t len)
{
	size_t pos = FILE_HEAD;
	uint32_t length;

	if (len < FILE_HEAD)
		return;
	put_checksum(data, FILE_HEAD - CHECKSUM);
	while (len - pos >= BLOCK_HEAD + CHECKSUM) {
		memcpy(&length, data + pos + 8, sizeof(length));
		length = le32toh(length);
		if (length > len - pos - BLOCK_HEAD - CHECKSUM)
			return;
		put_checksum(data + pos, BLOCK_HEAD + length);
		pos += BLOCK_HEAD + length + CHECKSUM;
	}
	if (len - pos == TRAILER)
		put_checksum(data + pos, TRAILER - CHECKSUM);
}
