// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The environment of a measurement: the machine and the build.
 */
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <lz4.h>
#include <sched.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "harness/replay/result.h"
#include "traces/source.h"
#include "version.h"

static void chomp(char *s)
{
	s[strcspn(s, "\n")] = 0;
}

/* Read the first line of a file, or "" when there is none. */
static void first_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");

	buf[0] = 0;
	if (!f)
		return;
	if (!fgets(buf, (int)len, f))
		buf[0] = 0;
	fclose(f);
	chomp(buf);
}

static void cpu_model(char *buf, size_t len)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *at;

	snprintf(buf, len, "unknown");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) &&
		    strncmp(line, "Model", 5))
			continue;
		at = strchr(line, ':');
		if (!at)
			continue;
		chomp(line);
		snprintf(buf, len, "%s", at + 1 + strspn(at + 1, " "));
		break;
	}
	fclose(f);
}

/* Read the word in brackets of a file such as "always [madvise] never". */
static void bracketed(const char *path, char *buf, size_t len)
{
	char line[128], *from, *to;

	first_line(path, line, sizeof(line));
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		*to = 0;
	snprintf(buf, len, "%s", to ? from + 1 : line);
}

static json_t *libraries(void)
{
	const char *jemalloc = "unknown";
	size_t len = sizeof(const char *);
	unsigned xx = XXH_versionNumber();
	char xxhash[32];

	snprintf(xxhash, sizeof(xxhash), "%u.%u.%u", xx / 10000, xx / 100 % 100,
		 xx % 100);
	mallctl("version", &jemalloc, &len, NULL, 0);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "lz4",
			 LZ4_versionString(), "zstd", ZSTD_versionString(),
			 "jemalloc", jemalloc, "jansson", jansson_version_str(),
			 "xxhash", xxhash);
}

/* The malloc() that this process really uses. */
static const char *active_malloc(void)
{
	static const char *const others[] = { "mimalloc", "tcmalloc", "scudo",
					      "hoard" };
	const char *found = "libc";
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	size_t i;

	if (!f)
		return "unknown";
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "libjemalloc"))
			found = "jemalloc";
		for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (strstr(line, others[i])) {
				fclose(f);
				return others[i];
			}
	}
	fclose(f);
	return found;
}

static void now(char *buf, size_t len)
{
	time_t t = time(NULL);
	struct tm tm;

	strftime(buf, len, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}

json_t *result_env(void)
{
	char model[128], thp[128], quota[64], governor[32], aslr[8], date[32];
	char commit[] = ZLAB_VERSION;
	char *dirty = strstr(commit, "-dirty");
	struct utsname u;
	double load[3] = { 0 };
	bool random;

	cpu_model(model, sizeof(model));
	bracketed("/sys/kernel/mm/transparent_hugepage/enabled", thp,
		  sizeof(thp));
	first_line("/sys/fs/cgroup/cpu.max", quota, sizeof(quota));
	first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
		   governor, sizeof(governor));
	first_line("/proc/sys/kernel/randomize_va_space", aslr, sizeof(aslr));
	random = strcmp(aslr, "0") &&
		 !(personality(0xffffffff) & ADDR_NO_RANDOMIZE);
	now(date, sizeof(date));
	if (dirty)
		*dirty = 0;
	uname(&u);
	if (getloadavg(load, 3) < 0)
		load[0] = -1;
	return json_pack(
		"{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:s, s:s, "
		"s:s, s:s, s:s, s:b, s:[f,f,f], s:s, s:i}",
		"cpu", model, "cores", (int)sysconf(_SC_NPROCESSORS_ONLN),
		"allowed_cores", (int)replay_cpus(), "kernel", u.release,
		"machine", u.machine, "compiler", __VERSION__, "flags",
		ZLAB_CFLAGS, "commit", commit, "dirty", dirty != NULL,
		"libraries", libraries(), "malloc", active_malloc(), "date",
		date, "thp", thp, "cpu_quota", quota[0] ? quota : "none",
		"governor", governor[0] ? governor : "none", "aslr", random,
		"load", load[0], load[1], load[2], "clock",
		zclock.tsc ? "tsc" : "monotonic", "page_size",
		(int)sysconf(_SC_PAGESIZE));
}

void result_put_load(json_t *env, double others)
{
	if (others >= 0)
		json_object_set_new(env, "other_cpus", json_real(others));
}

double result_load(const json_t *record)
{
	const json_t *time = json_object_get(record, "time");
	const json_t *v =
		json_object_get(json_object_get(record, "env"), "other_cpus");

	if (!json_is_number(v) ||
	    json_is_true(json_object_get(time, "virtual")))
		return -1;
	return json_number_value(v);
}

int result_sha256(const char *path, char hex[65], struct err *err)
{
	char *text;

	if (source_is_stream(path)) {
		text = source_identity(path, err);
		if (!text)
			return -EINVAL;
		SHA256Data((const uint8_t *)text, strlen(text), hex);
		free(text);
		return 0;
	}
	if (!SHA256File(path, hex))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}
