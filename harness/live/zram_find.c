// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding a zram device, and whether anybody uses it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "harness/live/internal.h"
#include "harness/live/zram.h"

#define MAKE_ONE \
	"\"cat /sys/class/zram-control/hot_add\" makes a free one, zramN"

static int attr_open(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX + ZRAM_WORD];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC);
}

int attr_read(const char *dir, const char *name, char *text, size_t len)
{
	int fd = attr_open(dir, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int attr_write(const char *dir, const char *name, const char *word)
{
	int fd = attr_open(dir, name, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/*
 * As swap, the device must not get half full: then the kernel frees slots early.
 * Each CPU keeps a cluster of slots for itself.
 */
static uint64_t swap_blocks(uint64_t keys)
{
	return 1 + 2 * (keys > ZRAM_PROBES ? keys : ZRAM_PROBES) +
	       2048 * (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
}

int zram_blocks(uint64_t keys, bool swap, uint64_t *bytes, struct err *err)
{
	uint64_t blocks = swap ? swap_blocks(keys) : keys ? keys : 1;

	/* The kernel numbers pages of a device by 32 bits. */
	if (blocks > UINT32_MAX)
		return err_set(err, -EFBIG,
			       "%llu keys: a zram device has at most %u pages",
			       (unsigned long long)keys, UINT32_MAX);
	*bytes = blocks * MM_STAT_PAGE;
	return 0;
}

int zram_fits(const char *path, uint64_t bytes, struct err *err)
{
	unsigned long long kib, available = ULLONG_MAX;
	FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			available = kib;
	if (f)
		fclose(f);
	if (bytes >> 10 < available)
		return 0;
	return err_set(err, -ENOMEM,
		       "the pool of this trace takes %llu MiB, and the machine "
		       "has %llu MiB to spare; take a shorter trace",
		       (unsigned long long)bytes >> 20, available >> 10);
}

bool zram_mounted(const char *path, const char *number)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, at[32];
	size_t room = 0;
	bool is = false;

	if (!f)
		return false;
	while (!is && getline(&line, &room, f) > 0)
		is = sscanf(line, "%*s %*s %31s", at) == 1 &&
		     !strcmp(at, number);
	free(line);
	fclose(f);
	return is;
}

bool zram_swapped(const char *path, dev_t dev, struct zram_swaps *swaps)
{
	FILE *f = fopen(path, "re");
	unsigned long long used;
	struct zram_swaps none;
	char *line = NULL;
	size_t room = 0;
	struct stat st;
	int priority;
	bool is = false;

	if (!swaps)
		swaps = &none;
	*swaps = (struct zram_swaps){ 0, INT_MIN };
	while (f && getline(&line, &room, f) > 0) {
		if (sscanf(line, "%*s %*s %*s %llu %d", &used, &priority) != 2)
			continue;
		line[strcspn(line, " \t\n")] = '\0';
		if (!stat(line, &st) && S_ISBLK(st.st_mode) &&
		    st.st_rdev == dev) {
			swaps->pages = (used << 10) / MM_STAT_PAGE;
			is = true;
		} else if (priority > swaps->highest) {
			swaps->highest = priority;
		}
	}
	free(line);
	if (f)
		fclose(f);
	return is;
}

bool zram_algorithms(const char *text, const char *want, char *now, size_t len)
{
	char copy[ZRAM_LINE], *rest = copy, *word;
	bool has = false;

	snprintf(copy, sizeof(copy), "%s", text);
	*now = '\0';
	while ((word = strsep(&rest, " \n"))) {
		if (*word == '[') {
			word++;
			word[strcspn(word, "]")] = '\0';
			snprintf(now, len, "%s", word);
		}
		has |= !strcmp(word, want);
	}
	return has;
}

/* The device's folder in sysfs, and that it is zram. */
static int place(struct zram_place *p, const char *path, struct err *err)
{
	char link[64], text[ZRAM_LINE];
	struct stat st;

	if (stat(path, &st))
		return err_set(
			err, -errno, "--device %s: %s%s", path, strerror(errno),
			access("/sys/class/zram-control", F_OK)
				? "; this kernel has no zram, \"modprobe "
				  "zram\" loads it where it is a module"
				: "; " MAKE_ONE);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!S_ISBLK(st.st_mode) || !realpath(link, p->dir) ||
	    attr_read(p->dir, "mm_stat", text, sizeof(text)))
		return err_set(err, -EINVAL,
			       "--device %s: this is no zram device", path);
	snprintf(p->path, sizeof(p->path), "%s", path);
	snprintf(p->name, sizeof(p->name), "%.63s", strrchr(p->dir, '/') + 1);
	p->dev = st.st_rdev;
	return 0;
}

static bool has_holders(const struct zram_place *p)
{
	char path[PATH_MAX + ZRAM_WORD];
	struct dirent *e;
	bool has = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/holders", p->dir);
	d = opendir(path);
	if (!d)
		return false;
	while (!has && (e = readdir(d)))
		has = e->d_name[0] != '.';
	closedir(d);
	return has;
}

/* Opening it exclusively fails where anybody else has done so. */
static bool is_claimed(const struct zram_place *p)
{
	int fd = open(p->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	bool busy = fd < 0 && errno == EBUSY;

	if (fd >= 0)
		close(fd);
	return busy;
}

static int in_use(const struct zram_place *p, struct err *err)
{
	char number[32], size[ZRAM_LINE] = "", file[ZRAM_LINE];
	const char *how = NULL;

	snprintf(number, sizeof(number), "%u:%u", major(p->dev), minor(p->dev));
	if (zram_swapped("/proc/swaps", p->dev, NULL))
		how = "swap";
	else if (zram_mounted("/proc/self/mountinfo", number))
		how = "mounted";
	else if (has_holders(p))
		how = "part of another device";
	else if (is_claimed(p))
		how = "opened by another program";
	if (how)
		return err_set(err, -EBUSY, "%s is in use: it is %s; " MAKE_ONE,
			       p->path, how);
	attr_read(p->dir, "disksize", size, sizeof(size));
	if (strcmp(size, "0"))
		return err_set(err, -EBUSY,
			       "%s is in use: it is set up with %s bytes; if "
			       "nobody needs what is in it, \"echo 1 > "
			       "/sys/block/%s/reset\" frees it, or " MAKE_ONE,
			       p->path, size, p->name);
	if (!attr_read(p->dir, "backing_dev", file, sizeof(file)) &&
	    strcmp(file, "none"))
		return err_set(
			err, -EBUSY,
			"%s is in use: its backing device is %s; " MAKE_ONE,
			p->path, file);
	return 0;
}

int zram_find(struct zram_place *p, const char *path, const char *algorithm,
	      struct err *err)
{
	char text[ZRAM_LINE];
	int ret;

	if (geteuid())
		return err_set(err, -EPERM,
			       "%s needs root: a zram device is set up and "
			       "reset; use sudo",
			       path);
	if (sysconf(_SC_PAGESIZE) != MM_STAT_PAGE)
		return err_set(err, -EINVAL,
			       "this kernel's pages have %ld bytes, a trace's "
			       "have %u",
			       sysconf(_SC_PAGESIZE), MM_STAT_PAGE);
	ret = place(p, path, err);
	if (!ret)
		ret = in_use(p, err);
	if (ret)
		return ret;
	ret = attr_read(p->dir, "comp_algorithm", text, sizeof(text));
	if (ret)
		return err_set(err, ret, "%s/comp_algorithm: %s", p->dir,
			       strerror(-ret));
	if (!zram_algorithms(text, algorithm, p->before, sizeof(p->before)))
		return err_set(err, -EINVAL,
			       "%s has no algorithm %s; it has %s", p->path,
			       algorithm, text);
	return 0;
}
