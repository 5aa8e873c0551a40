// SPDX-License-Identifier: GPL-2.0-or-later
/* Small files of proc, sysfs and tracefs, and the plan. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/vm/guest.h"

int file_put(const char *path, const char *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);
	int ret = 0;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (write(fd, text, len) != len)
		ret = err_set(err, -errno, "%s: \"%s\": %s", path, text,
			      strerror(errno));
	close(fd);
	return ret;
}

int file_get(const char *path, char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, text, len - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return n < 0 ? -errno : 0;
}

static int add(char **list, size_t max, const char *value)
{
	size_t i;

	for (i = 0; i < max && list[i]; i++)
		;
	if (i == max)
		return -E2BIG;
	list[i] = strdup(value);
	return list[i] ? 0 : -ENOMEM;
}

static int plan_line(struct guest_plan *p, const char *name, const char *value)
{
	struct {
		const char *name;
		char *to;
	} words[] = {
		{ "user", p->user },	 { "allocator", p->allocator },
		{ "codec", p->codec },	 { "trace", p->trace },
		{ "prefix", p->prefix },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(name, words[i].name))
			continue;
		if (strlen(value) >= GUEST_WORD)
			return -E2BIG;
		memcpy(words[i].to, value, strlen(value) + 1);
		return 0;
	}
	if (!strcmp(name, "module"))
		return add(p->module, GUEST_MODULES, value);
	if (!strcmp(name, "program"))
		return add(p->program, GUEST_PROGRAMS, value);
	if (!strcmp(name, "tool"))
		return add(p->tool, GUEST_PROGRAMS, value);
	if (!strcmp(name, "counter"))
		p->counter = strtol(value, NULL, 10);
	else if (!strcmp(name, "swap_kb"))
		p->swap_kb = strtoul(value, NULL, 10);
	else if (!strcmp(name, "limit_kb"))
		p->limit_kb = strtoul(value, NULL, 10);
	else
		return -EINVAL;
	return 0;
}

int plan_read(const char *path, struct guest_plan *plan, struct err *err)
{
	FILE *f = fopen(path, "re");
	char line[1024], *value;
	int ret = 0;

	if (!f)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	*plan = (struct guest_plan){ .counter = -1 };
	while (!ret && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		ret = value ? plan_line(plan, line, value) : -EINVAL;
		if (ret)
			err_set(err, ret, "%s: \"%s\": %s", path, line,
				strerror(-ret));
	}
	fclose(f);
	return ret;
}
