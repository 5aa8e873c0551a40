// SPDX-License-Identifier: GPL-2.0-or-later
/* The file for pages written back; bypasses the page cache where possible. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/sync.h"
#include "harness/swap/swapfile.h"

struct swapfile {
	int fd;
	bool direct;
	char *remove;
	atomic_long_t fail_in;
	long fail_every;
};

static int open_direct(const char *path, int flags, bool *direct)
{
	int fd = open(path, flags | O_DIRECT, 0600);

	*direct = fd >= 0;
	if (fd < 0 && errno == EINVAL)
		fd = open(path, flags, 0600);
	return fd;
}

static int open_temporary(struct swapfile *f, const char *dir, struct err *err)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/zlab-swap-XXXXXX", dir);
	fd = mkstemp(path);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a swap file in %s: %s",
			       dir, strerror(errno));
	close(fd);
	f->fd = open_direct(path, O_RDWR | O_CLOEXEC, &f->direct);
	unlink(path);
	if (f->fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", path,
			       strerror(errno));
	return 0;
}

static int open_named(struct swapfile *f, const char *path, struct err *err)
{
	struct stat st;
	bool there = !stat(path, &st);

	if (there && (!S_ISREG(st.st_mode) || st.st_size))
		return err_set(err, -EEXIST,
			       "swap file %s holds data; name a new or an "
			       "empty file",
			       path);
	f->fd = open_direct(path, O_RDWR | O_CREAT | O_CLOEXEC, &f->direct);
	if (f->fd < 0)
		return err_set(err, -errno, "cannot open swap file %s: %s",
			       path, strerror(errno));
	f->remove = strdup(path);
	if (!f->remove) {
		close(f->fd);
		return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

struct swapfile *swapfile_open(const char *path, const char *dir,
			       struct err *err)
{
	struct swapfile *f = calloc(1, sizeof(*f));
	int ret;

	if (!f) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	ret = path ? open_named(f, path, err) : open_temporary(f, dir, err);
	if (ret) {
		free(f);
		return NULL;
	}
	return f;
}

void swapfile_close(struct swapfile *f)
{
	if (!f)
		return;
	close(f->fd);
	if (f->remove)
		unlink(f->remove);
	free(f->remove);
	free(f);
}

bool swapfile_direct(const struct swapfile *f)
{
	return f->direct;
}

void swapfile_fail(struct swapfile *f, long nth, long every)
{
	WRITE_ONCE(f->fail_every, every);
	atomic_long_set(&f->fail_in, nth);
}

static bool chosen_to_fail(struct swapfile *f)
{
	if (!atomic_long_read(&f->fail_in))
		return false;
	/* Relaxed: the counter orders no other memory accesses. */
	if (atomic_long_add_return_relaxed(-1, &f->fail_in))
		return false;
	atomic_long_set(&f->fail_in, READ_ONCE(f->fail_every));
	return true;
}

int swapfile_write(struct swapfile *f, uint64_t slot, const void *page)
{
	ssize_t n;

	if (chosen_to_fail(f))
		return -EIO;
	do {
		n = pwrite(f->fd, page, SWAP_PAGE_SIZE, slot * SWAP_PAGE_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == SWAP_PAGE_SIZE ? 0 : -ENOSPC;
}

int swapfile_read(struct swapfile *f, uint64_t slot, void *page)
{
	ssize_t n;

	do {
		n = pread(f->fd, page, SWAP_PAGE_SIZE, slot * SWAP_PAGE_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == SWAP_PAGE_SIZE ? 0 : -EIO;
}
