// SPDX-License-Identifier: GPL-2.0-or-later
/* /init of the virtual machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness/vm/guest.h"

/* The kernel's messages have the first serial port. */
#define LINK "/dev/ttyS1"
#define COUNTERS 1024
#define CLASSES "/sys/kernel/debug/zsmalloc/zram0/classes"

static int mount_all(struct err *err)
{
	static const struct {
		const char *at, *type;
		bool optional;
	} mounts[] = {
		{ "/proc", "proc", false },
		{ "/sys", "sysfs", false },
		{ "/dev", "devtmpfs", false },
		{ "/sys/kernel/debug", "debugfs", true },
		{ "/sys/kernel/tracing", "tracefs", false },
		{ "/sys/fs/cgroup", "cgroup2", true },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].at, 0755);
		if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0,
			  NULL) &&
		    errno != EBUSY && !mounts[i].optional)
			return err_set(err, -errno, "this kernel has no %s: %s",
				       mounts[i].type, strerror(errno));
	}
	return 0;
}

/* @line: the file, and after a space its parameters. */
static int load_module(char *line, struct err *err)
{
	const char *path = strsep(&line, " ");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	ret = syscall(SYS_finit_module, fd, line ? line : "", 0);
	close(fd);
	if (ret && errno != EEXIST)
		return err_set(err, -errno, "module %s: %s", path,
			       strerror(errno));
	return 0;
}

void checkpoint(const struct guest_user *user, const char *label)
{
	char counters[COUNTERS];

	probes_drain();
	user->counters(counters, sizeof(counters));
	link_say("# mark %s%s", label, counters);
	link_flush();
}

/* A kernel with CONFIG_ZSMALLOC_STAT has it. */
static void send_classes(void)
{
	FILE *f = fopen(CLASSES, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		link_say("# classes %s", line);
	}
	if (f)
		fclose(f);
}

static int run(struct err *err)
{
	const struct guest_user *user = &user_zram;
	struct guest_plan plan;
	struct utsname name;
	uint64_t events = 0;
	size_t i;
	int ret;

	uname(&name);
	link_say("# kernel %s", name.release);
	link_flush();
	ret = plan_read("/plan", &plan, err);
	for (i = 0; !ret && i < GUEST_MODULES && plan.module[i]; i++)
		ret = load_module(plan.module[i], err);
	if (ret)
		return ret;
	if (!strcmp(plan.user, user_zswap.name))
		user = &user_zswap;
	if (*plan.tool) {
		ret = play_tools(&plan, err);
		if (!ret)
			link_say("# end 0 0");
		return ret;
	}
	ret = probes_set(&plan, err);
	if (!ret && *plan.program)
		ret = play_programs(user, &plan, err);
	else if (!ret)
		ret = play_trace(user, &plan, &events, err);
	send_classes();
	if (!ret)
		link_say("# end %llu %ld", (unsigned long long)events,
			 probes_missed());
	return ret;
}

int main(void)
{
	struct err err = { "" };
	int ret = mount_all(&err);

	if (!ret)
		ret = link_open(LINK, &err);
	if (!ret)
		ret = run(&err);
	if (ret) {
		/* To the kernel's messages too: there may be no stream. */
		fprintf(stderr, "zlab-guest: %s\n", err.text);
		probes_drain();
		link_say("# error %s", err.text);
	}
	link_close();
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
