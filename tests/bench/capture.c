// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a capture costs each store of a zram device, and how many events it
 * loses: the same pages are written with and without it, in turns, by one
 * thread and by as many as there are CPUs. Needs root, tracefs and zram. What
 * needs none of them comes first: how many events of a text are read in a second.
 *
 * WAY is a way of capturing, and then the text is left out; or "text", and then
 * it is all. NOISE is the most bytes of a page that do not compress.
 *
 *	tests/bench/capture [ROUNDS [PAGES [WAY [NOISE]]]]
 *	tests/bench/capture write DEVICE THREADS PAGES NOISE	(used by itself)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/capture/capture.h"
#include "lib/process.h"
#include "lib/random.h"
#include "lib/self.h"

#define PAGE 4096
#define DEVICE_PAGES 16384
#define ROUNDS 5
#define PAGES 50000
#define NOISE (PAGE - 64)
#define TEXT_STORES 200000
#define TEXT_LIVE 4096
#define THREADS_MAX 64

struct writer {
	pthread_t thread;
	const char *device;
	unsigned long pages, nr, of, noise;
	bool failed;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Noise of many lengths, so that every store has an object of its own size. */
static void fill(char *page, unsigned long most, uint64_t *state)
{
	size_t noise = random_splitmix(state) % most;

	memset(page, 'a', PAGE);
	random_fill(page, noise & ~7ull, state);
}

static void *write_pages(void *arg)
{
	struct writer *w = arg;
	int fd = open(w->device, O_WRONLY | O_DIRECT | O_CLOEXEC);
	char *pages = aligned_alloc(PAGE, 64 * PAGE);
	uint64_t state = w->nr + 1;
	unsigned long i;
	off_t at;

	w->failed = fd < 0 || !pages;
	for (i = 0; pages && i < 64; i++)
		fill(pages + i * PAGE, w->noise, &state);
	for (i = 0; !w->failed && i < w->pages; i++) {
		at = (off_t)((i * w->of + w->nr) % DEVICE_PAGES) * PAGE;
		w->failed = pwrite(fd, pages + i % 64 * PAGE, PAGE, at) != PAGE;
	}
	free(pages);
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Prints wall and CPU time of the stores, in ns. */
static int write_all(const char *device, unsigned long threads,
		     unsigned long pages, unsigned long noise)
{
	static struct writer w[THREADS_MAX];
	uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu;
	unsigned long i;
	bool failed = false;

	for (i = 0; i < threads; i++) {
		w[i] = (struct writer){ .device = device,
					.pages = pages / threads,
					.nr = i,
					.noise = noise,
					.of = threads };
		pthread_create(&w[i].thread, NULL, write_pages, &w[i]);
	}
	for (i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		failed |= w[i].failed;
	}
	wall = clock_ns(CLOCK_MONOTONIC) - wall;
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	printf("%" PRIu64 " %" PRIu64 "\n", wall, cpu);
	return failed;
}

/* ---- the device --------------------------------------------------------- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool bad = fd < 0 || write(fd, text, strlen(text)) < 0;

	if (fd >= 0)
		close(fd);
	return bad ? -errno : 0;
}

/* A device that nobody else has. Return: its number, or -1. */
static int add_device(void)
{
	char text[64];
	FILE *f = fopen("/sys/class/zram-control/hot_add", "re");
	int nr = -1;

	if (f && fscanf(f, "%d", &nr) != 1)
		nr = -1;
	if (f)
		fclose(f);
	if (nr < 0)
		return -1;
	snprintf(text, sizeof(text), "/sys/block/zram%d/disksize", nr);
	return put(text, "64M") ? -1 : nr;
}

static void remove_device(int nr)
{
	char text[64];

	snprintf(text, sizeof(text), "/sys/block/zram%d/reset", nr);
	put(text, "1");
	snprintf(text, sizeof(text), "%d", nr);
	put("/sys/class/zram-control/hot_remove", text);
}

/* ---- a text ------------------------------------------------------------- */

/*
 * As 6.12 writes it: each store allocates, writes the object, and frees the one
 * that the page had before. Return: the number of events.
 */
static uint64_t write_text(FILE *f)
{
	const char *const who = "              dd-150     [000] ...1. ";
	const uint64_t pool = 0xff17772ac1aa6000, handles = 0xff17772af9f00000;
	uint64_t i, at, us = 1000000, events = 0, state = 1;
	unsigned size;

	for (i = 0; i < TEXT_STORES; i++, us += 8) {
		at = handles + i * 8;
		size = 64 + (unsigned)(random_splitmix(&state) % 3000);
		events += 4;
		fprintf(f,
			"%s%" PRIu64 ".%06" PRIu64
			": zs_malloc: (zs_malloc+0x4/0x570) pool=%#" PRIx64
			" size=%#x pages=%#" PRIx64 "\n",
			who, us / 1000000, us % 1000000, pool, size, i / 4);
		fprintf(f,
			"%s%" PRIu64 ".%06" PRIu64
			": zs_malloc__ret: (zram_submit_bio+0x7da/0x860 [zram] "
			"<- zs_malloc) ret=%#" PRIx64 " place=%#" PRIx64 "\n",
			who, us / 1000000, us % 1000000, at, i << 24);
		fprintf(f,
			"%s%" PRIu64 ".%06" PRIu64
			": zs_map_object: (zs_map_object+0x4/0x2b0) "
			"pool=%#" PRIx64 " handle=%#" PRIx64 " place=%#" PRIx64
			" mm=0x2\n",
			who, us / 1000000, us % 1000000, pool, at, i << 24);
		fprintf(f,
			"%s%" PRIu64 ".%06" PRIu64
			": zram_free_page: (zram_free_page+0x0/0x120 [zram]) "
			"zram=0xff17772affa48e00 index=%#" PRIx64 "\n",
			who, us / 1000000, us % 1000000, i % TEXT_LIVE);
		if (i < TEXT_LIVE)
			continue;
		events++;
		fprintf(f,
			"%s%" PRIu64 ".%06" PRIu64
			": zs_free: (zs_free+0x4/0x1f0) pool=%#" PRIx64
			" handle=%#" PRIx64 " pages=%#" PRIx64 "\n",
			who, us / 1000000, us % 1000000, pool,
			at - 8 * TEXT_LIVE, i / 4);
	}
	return events;
}

static uint64_t children_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) *
		       1000000000ull +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ull;
}

static uint64_t of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

/* Reads the text with "zlab capture --from"; -1 when it is not read whole. */
static int read_text(char *zlab, char *text, char *json, uint64_t events,
		     int rounds)
{
	char *const argv[] = { zlab, "capture",	  "-q",	    "--from", text,
			       "-o", "/dev/null", "--json", json,     NULL };
	uint64_t wall, cpu = children_cpu_ns(), good;
	char line[128];
	json_t *o;
	int i;

	wall = clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < rounds; i++) {
		if (process_line(argv, line, sizeof(line)))
			return -1;
		o = json_load_file(json, 0, NULL);
		good = of(o, "lines") - of(o, "bad_lines") - of(o, "cut_calls");
		if (of(o, "stores") != TEXT_STORES)
			good = 0;
		json_decref(o);
		if (good != events)
			return -1;
	}
	wall = clock_ns(CLOCK_MONOTONIC) - wall;
	cpu = children_cpu_ns() - cpu;
	events *= (uint64_t)rounds;
	printf("{\"bench\": \"capture_text\", \"events\": %" PRIu64
	       ", \"stores\": %d, \"events_per_s\": %.0f, "
	       "\"stores_per_s\": %.0f, \"cpu_ns_per_event\": %.0f}\n",
	       events, rounds * TEXT_STORES,
	       (double)events * 1e9 / (double)wall,
	       (double)rounds * TEXT_STORES * 1e9 / (double)wall,
	       (double)cpu / (double)events);
	return 0;
}

static int bench_text(int rounds)
{
	char text[] = "/tmp/zlab-bench-XXXXXX",
	     json[] = "/tmp/zlab-bench-XXXXXX", zlab[4096];
	int fd = mkstemp(text), fd2 = mkstemp(json), ret = -1;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	uint64_t events = 0;

	snprintf(zlab, sizeof(zlab), "%s/zlab", self_dir());
	if (f) {
		events = write_text(f);
		if (!fclose(f) && fd2 >= 0)
			ret = read_text(zlab, text, json, events, rounds);
	}
	if (fd2 >= 0)
		close(fd2);
	unlink(text);
	unlink(json);
	return ret;
}

/* ---- rounds ------------------------------------------------------------- */

/* What is written, by how many, and how it is captured. */
struct work {
	const char *device, *way;
	unsigned long pages, noise;
	long threads;
};

struct sums {
	uint64_t wall, cpu, stores;
};

/* Runs the writers, captured or not, and adds up. */
static int round_of(const struct work *work, const char *json,
		    struct sums *sums)
{
	char zlab[4096], self[4096], count[32], many[32], noise[32], line[128];
	/* What is captured begins after "--". */
	char *argv[] = { zlab, "capture", "-q",	 "-o",	"/dev/null", "--with",
			 NULL, "--json",  NULL,	 "--",	self,	     "write",
			 NULL, many,	  count, noise, NULL };
	uint64_t wall, cpu;

	snprintf(self, sizeof(self), "%s", self_path());
	snprintf(zlab, sizeof(zlab), "%s/zlab", self_dir());
	snprintf(count, sizeof(count), "%lu", work->pages);
	snprintf(many, sizeof(many), "%ld", work->threads);
	snprintf(noise, sizeof(noise), "%lu", work->noise);
	argv[6] = (char *)work->way;
	argv[8] = (char *)json;
	argv[12] = (char *)work->device;
	if (process_line(json ? argv : argv + 10, line, sizeof(line)) ||
	    sscanf(line, "%" SCNu64 " %" SCNu64, &wall, &cpu) != 2)
		return -1;
	sums->wall += wall;
	sums->cpu += cpu;
	sums->stores += work->pages;
	return 0;
}

static int bench(const struct work *work, int rounds)
{
	char json[] = "/tmp/zlab-bench-XXXXXX";
	struct sums plain = { 0 }, captured = { 0 };
	uint64_t lines = 0, lost = 0, stores = 0, reader = 0;
	json_t *o;
	int i, ret = 0, fd = mkstemp(json);

	if (fd < 0)
		return -1;
	close(fd);
	for (i = 0; i < rounds && !ret; i++) {
		ret = round_of(work, NULL, &plain);
		ret |= round_of(work, json, &captured);
		o = json_load_file(json, 0, NULL);
		lines += of(o, "lines");
		lost += of(o, "lost_events");
		stores += of(o, "stores");
		reader += of(o, "reader_cpu_ns");
		json_decref(o);
	}
	unlink(json);
	if (ret || !plain.stores)
		return -1;
	printf("{\"bench\": \"capture\", \"way\": \"%s\", "
	       "\"noise\": %lu, \"threads\": %ld, \"stores\": %" PRIu64
	       ", \"plain_wall_ns\": %.0f, \"captured_wall_ns\": %.0f, "
	       "\"plain_cpu_ns\": %.0f, \"captured_cpu_ns\": %.0f, "
	       "\"stores_per_s\": %.0f, \"events_per_s\": %.0f, "
	       "\"reader_ns_per_event\": %.0f, \"captured_stores\": %" PRIu64
	       ", \"lost_events\": %" PRIu64 "}\n",
	       work->way, work->noise, work->threads, plain.stores,
	       (double)plain.wall / (double)plain.stores,
	       (double)captured.wall / (double)captured.stores,
	       (double)plain.cpu / (double)plain.stores,
	       (double)captured.cpu / (double)captured.stores,
	       (double)captured.stores * 1e9 / (double)captured.wall,
	       (double)lines * 1e9 / (double)captured.wall,
	       lines ? (double)reader / (double)lines : 0, stores, lost);
	return 0;
}

static const char *const ways[] = { "kprobe", "fprobe", "function" };

static int bench_kernel(const struct work *asked, int rounds,
			const struct capture_options *opts)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct work work = *asked;
	struct err err = { "" };
	char device[32];
	struct plan plan;
	int nr, ret;

	if (capture_plan(opts, &plan, &err)) {
		printf("capture: not measured: %s\n", err.text);
		return 0;
	}
	nr = add_device();
	if (nr < 0) {
		printf("capture: not measured: no zram device can be added\n");
		return 0;
	}
	snprintf(device, sizeof(device), "/dev/zram%d", nr);
	work.device = device;
	work.way = ways[plan.way];
	work.threads = 1;
	ret = bench(&work, rounds);
	work.threads = cpus;
	if (!ret && cpus > 1 && cpus <= THREADS_MAX)
		ret = bench(&work, rounds);
	remove_device(nr);
	if (ret)
		fprintf(stderr, "capture: the pages cannot be written\n");
	return ret;
}

/* Return: a way by its name, or -1. */
static int way_named(const char *name)
{
	int i;

	for (i = 0; i < 3; i++)
		if (!strcmp(name, ways[i]))
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	const struct work work = {
		.pages = argc > 2 ? strtoul(argv[2], NULL, 10) : PAGES,
		.noise = argc > 4 ? strtoul(argv[4], NULL, 10) : NOISE,
	};
	int named = argc > 3 ? way_named(argv[3]) : -1;
	const enum plan_way way =
		named < 0 ? PLAN_KPROBE : (enum plan_way)named;
	const struct capture_options opts = {
		.output = "",
		.way = named < 0 ? NULL : &way,
	};

	if (argc == 6 && !strcmp(argv[1], "write"))
		return write_all(argv[2], strtoul(argv[3], NULL, 10),
				 strtoul(argv[4], NULL, 10),
				 strtoul(argv[5], NULL, 10));
	if (!work.noise || work.noise > PAGE) {
		fprintf(stderr, "capture: NOISE is 1 to %d bytes\n", PAGE);
		return 2;
	}
	if (named < 0 && bench_text(rounds)) {
		fprintf(stderr, "capture: the text is not read as it should\n");
		return 1;
	}
	if (argc > 3 && named < 0)
		return 0;
	return bench_kernel(&work, rounds, &opts) ? 1 : 0;
}
