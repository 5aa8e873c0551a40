/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs, and with which kernels and rights, can be recorded. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "traces/record/internal.h"

#define SHEBANG_DEPTH 5
#define FEATURE_MOVE (1ull << 16)

static int try_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

int record_find_program(const char *name, char *path, size_t len,
			struct err *err)
{
	const char *dirs = getenv("PATH"), *end;
	int ret, denied = 0;

	if (!*name)
		return err_set(err, -ENOENT, "the command is an empty word");
	if (strchr(name, '/')) {
		if ((size_t)snprintf(path, len, "%s", name) >= len)
			return err_set(err, -ENAMETOOLONG,
				       "the command's path is too long");
		ret = try_program(path);
		if (ret)
			return err_set(err, ret, "cannot run %s: %s", name,
				       strerror(-ret));
		return 0;
	}
	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	for (;; dirs = end + 1) {
		int n;

		end = strchrnul(dirs, ':');
		n = (int)(end - dirs);
		if ((size_t)snprintf(path, len, "%.*s/%s", n ? n : 1,
				     n ? dirs : ".", name) < len) {
			ret = try_program(path);
			if (!ret)
				return 0;
			if (ret == -EACCES)
				denied = 1;
		}
		if (!*end)
			break;
	}
	if (denied)
		return err_set(err, -EACCES, "cannot run %s: %s", name,
			       strerror(EACCES));
	return err_set(err, -ENOENT,
		       "cannot run %s: there is no such program in PATH", name);
}

static bool has_interpreter(int fd, const Elf64_Ehdr *h)
{
	Elf64_Phdr ph;
	unsigned int i;

	for (i = 0; i < h->e_phnum; i++) {
		off_t at = (off_t)(h->e_phoff + (Elf64_Off)i * h->e_phentsize);

		if (pread(fd, &ph, sizeof(ph), at) == sizeof(ph) &&
		    ph.p_type == PT_INTERP)
			return true;
	}
	return false;
}

static int check_elf(int fd, const char *path, const Elf64_Ehdr *h,
		     struct err *err)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64)
		return err_set(err, -ENOEXEC,
			       "%s is not an x86-64 program; only those can be "
			       "recorded",
			       path);
	if (!has_interpreter(fd, h))
		return err_set(err, -ENOEXEC,
			       "%s is statically linked (as Go programs are); "
			       "only dynamically linked programs can be "
			       "recorded",
			       path);
	return 0;
}

static int check_rights(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return err_set(err, -errno, "cannot run %s: %s", path,
			       strerror(errno));
	if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	    ((st.st_mode & S_ISGID) && st.st_gid != getegid()))
		return err_set(
			err, -EPERM,
			"%s is set-user-id or set-group-id: the loader "
			"lets nothing be preloaded into it, so it cannot "
			"be recorded",
			path);
	return 0;
}

/*
 * Get the interpreter of a script, "#! /path/to/interpreter argument": it is the
 * program that runs. Return: false if @head is not the start of a script.
 */
static bool shebang(const char *head, size_t len, char *path, size_t max)
{
	size_t i = 2, n = 0;

	if (len < 3 || memcmp(head, "#!", 2) != 0)
		return false;
	while (i < len && (head[i] == ' ' || head[i] == '\t'))
		i++;
	while (i < len && !strchr(" \t\r\n", head[i]) && n + 1 < max)
		path[n++] = head[i++];
	path[n] = 0;
	return n > 0;
}

int record_check_program(const char *path, struct err *err)
{
	char now[4096], next[4096];
	union {
		Elf64_Ehdr elf;
		char text[256];
	} head;
	int depth, fd, ret;
	ssize_t len;

	snprintf(now, sizeof(now), "%s", path);
	for (depth = 0; depth < SHEBANG_DEPTH; depth++) {
		ret = check_rights(now, err);
		if (ret)
			return ret;
		fd = open(now, O_RDONLY | O_CLOEXEC);
		/* Executable but not readable: it cannot be checked here. */
		if (fd < 0)
			return 0;
		len = read(fd, &head, sizeof(head));
		ret = 0;
		if (len >= (ssize_t)sizeof(head.elf) &&
		    !memcmp(head.elf.e_ident, ELFMAG, SELFMAG))
			ret = check_elf(fd, now, &head.elf, err);
		close(fd);
		if (ret || len < 2 ||
		    !shebang(head.text, (size_t)len, next, sizeof(next)))
			return ret;
		memcpy(now, next, sizeof(now));
	}
	return 0;
}

static int open_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), dev, why = errno;

	if (fd >= 0)
		return fd;
	dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (dev >= 0) {
		fd = ioctl(dev, _IO(0xAA, 0x00), O_CLOEXEC);
		close(dev);
	}
	if (fd < 0)
		errno = why;
	return fd;
}

int record_check_kernel(struct err *err)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = open_userfaultfd();

	if (fd < 0 && errno == ENOSYS)
		return err_set(
			err, -ENOSYS,
			"this kernel has no userfaultfd "
			"(CONFIG_USERFAULTFD); recording needs Linux 6.8 "
			"or later with it");
	if (fd < 0)
		return err_set(
			err, -EPERM,
			"userfaultfd is not permitted (%s): run as root, "
			"or once \"sysctl vm.unprivileged_userfaultfd=1\", "
			"or give yourself access to /dev/userfaultfd",
			strerror(errno));
	if (ioctl(fd, UFFDIO_API, &api) || !(api.features & FEATURE_MOVE)) {
		close(fd);
		return err_set(err, -ENOSYS,
			       "this kernel's userfaultfd cannot move pages "
			       "(UFFDIO_MOVE); recording needs Linux 6.8 or "
			       "later");
	}
	close(fd);
	return 0;
}
