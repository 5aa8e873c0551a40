// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures a machine's costs and writes them as a profile for virtual CPUs.
 * Each figure is the lower quartile of many short rounds: what else runs on the
 * machine only ever adds time, and a round is shorter than what the scheduler
 * gives at once. Where the quartile and the least are more than a
 * tenth apart nobody should trust the profile.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/sync.h"
#include "harness/cli.h"
#include "harness/clock.h"
#include "harness/codec.h"
#include "version.h"

#define ROUNDS 101
#define LINE 64
#define SPREAD 0.10

#ifndef SYNC_VIRTUAL
struct args {
	const char *out;
	bool noisy;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "The profile to write. Needed.", 0 },
	{ "noisy", 'n', 0, 0,
	  "Write it even when rounds differ by more than 10 %", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		a->out = arg;
		return 0;
	case 'n':
		a->noisy = true;
		return 0;
	case ARGP_KEY_END:
		if (a->out)
			return 0;
		cli_usage("calibrate needs a file: zlab calibrate -o FILE");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Measure what memory, atomics, hand-over of a lock, waking and "
	       "codecs cost on this machine, and write a profile for \"zlab "
	       "replay --vcpus\". Takes a minute; keep the machine quiet.",
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* How far the least and the quartile of a figure are apart, at worst. */
static double worst_spread;
static const char *worst_name = "";

static double quartile_of(const char *name, double (*measure)(void))
{
	double v[ROUNDS], spread;
	int i;

	for (i = 0; i < ROUNDS; i++)
		v[i] = measure();
	qsort(v, ROUNDS, sizeof(*v), by_value);
	spread = v[0] > 0 ? v[ROUNDS / 4] / v[0] - 1 : 0;
	if (spread > worst_spread) {
		worst_spread = spread;
		worst_name = name;
	}
	return v[ROUNDS / 4];
}

static void pin(unsigned nth)
{
	cpu_set_t allowed, one;
	unsigned cpu;

	if (sched_getaffinity(getpid(), sizeof(allowed), &allowed))
		return;
	nth %= (unsigned)CPU_COUNT(&allowed);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !nth--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static double rmw(void)
{
	static atomic_long_t word;
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; i < 100000; i++)
		atomic_long_add_return(1, &word);
	return (double)(clock_wall_ns() - t) / 100000;
}

static double relax(void)
{
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; i < 20000; i++)
		cpu_relax();
	return (double)(clock_wall_ns() - t) / 20000;
}

/* Two threads, each pinned; @fn(0) and @fn(1); the time of the first. */
static struct {
	void (*fn)(int side);
	pthread_barrier_t start;
	double ns;
	int word __attribute__((aligned(128)));
	spinlock_t lock __attribute__((aligned(128)));
	sem_t ping, pong;
} pair;

static void *side(void *arg)
{
	int me = (int)(long)arg;
	uint64_t t;

	sync_cpu_attach();
	pin((unsigned)me);
	pthread_barrier_wait(&pair.start);
	t = clock_wall_ns();
	pair.fn(me);
	if (!me)
		pair.ns = (double)(clock_wall_ns() - t);
	sync_cpu_detach();
	return NULL;
}

static double both(void (*fn)(int side))
{
	pthread_t t[2];
	long i;

	pair.fn = fn;
	pair.word = 0;
	spin_lock_init(&pair.lock);
	sem_init(&pair.ping, 0, 0);
	sem_init(&pair.pong, 0, 0);
	pthread_barrier_init(&pair.start, NULL, 2);
	for (i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, side, (void *)i))
			return 0;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&pair.start);
	return pair.ns;
}

#define PINGS 2000

static void ping(int me)
{
	int i;

	for (i = 0; i < PINGS; i++) {
		while (smp_load_acquire(&pair.word) != 2 * i + me)
			cpu_relax();
		smp_store_release(&pair.word, 2 * i + me + 1);
	}
}

/* One way is an upgrade of the line and a fetch of it: two transfers. */
static double transfer(void)
{
	return both(ping) / PINGS / 2 / 2;
}

static void hammer(int me)
{
	int i;

	for (i = 0; i < PINGS; i++) {
		spin_lock_named(&pair.lock, "calibrate");
		spin_unlock(&pair.lock);
	}
}

static double handover(void)
{
	return both(hammer) / (2 * PINGS);
}

#define WAKES 40

static void wake(int me)
{
	int i;

	for (i = 0; i < WAKES; i++) {
		if (me) {
			sem_wait(&pair.ping);
			sem_post(&pair.pong);
		} else {
			sem_post(&pair.ping);
			sem_wait(&pair.pong);
		}
	}
}

static double wake_latency(void)
{
	return both(wake) / WAKES / 2;
}

static uint32_t *chain;
static size_t chain_lines;

/* A buffer whose lines point to each other in one ring of random order. */
static void chain_make(size_t bytes)
{
	uint64_t random = 88172645463325252ull;
	size_t i, k;
	uint32_t other;
	void *p;

	if (chain)
		munmap(chain, chain_lines * LINE);
	chain_lines = bytes / LINE;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	chain = p == MAP_FAILED ? NULL : p;
	if (!chain)
		return;
	madvise(chain, bytes, MADV_HUGEPAGE);
	for (i = 0; i < chain_lines; i++)
		chain[i * LINE / 4] = (uint32_t)i;
	for (i = chain_lines - 1; i > 0; i--) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		k = random % i;
		other = chain[k * LINE / 4];
		chain[k * LINE / 4] = chain[i * LINE / 4];
		chain[i * LINE / 4] = other;
	}
}

#define STEPS 2000

static double chase(void)
{
	static size_t at;
	uint64_t t = clock_wall_ns();
	int i;

	for (i = 0; chain && i < STEPS; i++)
		at = chain[at % chain_lines * LINE / 4];
	return (double)(clock_wall_ns() - t) / STEPS;
}

static double stream(void)
{
	static size_t at;
	uint64_t t = clock_wall_ns(), sum = 0;
	size_t i;

	for (i = 0; chain && i < 20000; i++, at = (at + 1) % chain_lines)
		sum += *(volatile uint32_t *)((char *)chain + at * LINE);
	t = clock_wall_ns() - t;
	WRITE_ONCE(pair.word, (int)sum);
	return (double)t / 20000;
}

static long cache_bytes(int name, long otherwise)
{
	long n = sysconf(name);

	return n > 0 ? n : otherwise;
}

/* A page of which @share 1/8 is noise. */
static void make_page(char *page, unsigned share, unsigned seed)
{
	unsigned i;

	for (i = 0; i < CODEC_PAGE_SIZE; i++) {
		seed = seed * 1664525u + 1013904223u;
		page[i] = i % 512 < share * 64 ? (char)(seed >> 24)
					       : (char)(i / 64);
	}
}

/* Fixed cost and cost per byte of the object: a line through seven sizes. */
static json_t *codec(const char *spec)
{
	static char page[CODEC_PAGE_SIZE], dst[CODEC_DST_SIZE];
	double x, y[2], n = 0, sx = 0, sxx = 0, sy[2] = { 0 }, sxy[2] = { 0 };
	double slope[2], fixed[2];
	struct codec *c = codec_create(spec, NULL);
	unsigned share, i;
	uint64_t t;
	int len = 0;

	if (!c || codec_attach(c))
		return NULL;
	for (share = 0; share < 7; share++) {
		make_page(page, share, share + 1);
		y[0] = y[1] = 1e9;
		for (i = 0; i < 500; i++) {
			t = clock_wall_ns();
			len = codec_compress(c, page, dst);
			y[0] = fmin(y[0], (double)(clock_wall_ns() - t));
			t = clock_wall_ns();
			if (len > 0)
				codec_decompress(c, dst, (size_t)len, page);
			y[1] = fmin(y[1], (double)(clock_wall_ns() - t));
		}
		if (len <= 0)
			continue;
		x = len;
		n++;
		sx += x;
		sxx += x * x;
		for (i = 0; i < 2; i++) {
			sy[i] += y[i];
			sxy[i] += x * y[i];
		}
	}
	codec_destroy(c);
	for (i = 0; i < 2; i++) {
		slope[i] = (n * sxy[i] - sx * sy[i]) / (n * sxx - sx * sx);
		if (slope[i] < 0)
			slope[i] = 0;
		fixed[i] = (sy[i] - slope[i] * sx) / n;
		if (fixed[i] < 0)
			fixed[i] = 0;
	}
	return json_pack("{s:f, s:f, s:f, s:f}", "compress_ns", fixed[0],
			 "compress_ns_per_byte", slope[0], "expand_ns",
			 fixed[1], "expand_ns_per_byte", slope[1]);
}

/* sys of a replay by another process, ns; 0 when it failed. */
static double sys_of(const char *command)
{
	json_error_t where;
	FILE *p = popen(command, "r"); /* NOLINT: our own program */
	json_t *r = p ? json_loadf(p, JSON_DISABLE_EOF_CHECK, &where) : NULL;
	double ns = json_number_value(
		json_object_get(json_object_get(r, "time"), "sys_ns"));

	json_decref(r);
	if (p)
		pclose(p);
	return ns;
}

static const char *const fits[][2] = {
	{ "uniform:keys=5000,ops=300000,reads=0.5", "zsmalloc:lock=class" },
	{ "uniform:keys=5000,ops=300000,reads=0.5", "zsmalloc:lock=pool" },
	{ "uniform:keys=100000,ops=400000,reads=0.5", "zsmalloc:lock=class" },
	{ "uniform:keys=100000,ops=400000,reads=0.5", "zbud" },
	{ "zipf:keys=50000,ops=300000", "zsmalloc:lock=class-free" },
	{ "uniform:keys=20000,ops=300000,sizes=fixed", "zsmalloc:lock=class" },
	{ "uniform:keys=20000,ops=300000,sizes=uniform", "zbud" },
	{ "zipf:keys=50000,ops=300000,sizes=zstd", "zsmalloc:lock=class" },
};
#define NR_FITS (sizeof(fits) / sizeof(fits[0]))

/*
 * The cost of an access, which is that of a call too, so that one virtual CPU
 * takes the time that native takes: virtual time is linear in it, so two
 * virtual replays of each case say how, and least squares of the relative
 * errors say where.
 */
static int fit_access(const char *profile, double guess, double *access,
		      double *error)
{
	double native, one, two, slope, rest, num = 0, den = 0, e;
	double natives[NR_FITS], slopes[NR_FITS], rests[NR_FITS];
	char dir[] = "/tmp/zlab-calibrate-XXXXXX", self[4096], line[12000];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i, cases = NR_FITS;
	int k;

	if (len < 0 || !mkdtemp(dir))
		return -errno;
	self[len] = '\0';
	for (i = 0; i < NR_FITS; i++) {
		snprintf(line, sizeof(line),
			 "'%s' generate %s -o %s/t.zlt >/dev/null 2>&1", self,
			 fits[i][0], dir);
		if (system(line)) /* NOLINT: our own program */
			return -EIO;
		snprintf(line, sizeof(line),
			 "'%s' replay %s/t.zlt --backend %s --no-verify "
			 "--json -",
			 self, dir, fits[i][1]);
		for (native = 0, k = 0; k < 3; k++) {
			e = sys_of(line);
			if (!k || e < native)
				native = e;
		}
		snprintf(line, sizeof(line),
			 "'%s' replay %s/t.zlt --backend %s --no-verify "
			 "--vcpus 1 --profile '%s' --model overlap --json -",
			 self, dir, fits[i][1], profile);
		one = sys_of(line);
		snprintf(line, sizeof(line),
			 "'%s' replay %s/t.zlt --backend %s --no-verify "
			 "--vcpus 1 --profile '%s' --model overlap --scale "
			 "access_ns=2 --scale call_ns=2 --json -",
			 self, dir, fits[i][1], profile);
		two = sys_of(line);
		if (!(native > 0 && one > 0 && two > one))
			return -EIO;
		slope = (two - one) / guess;
		rest = one - slope * guess;
		natives[i] = native;
		slopes[i] = slope;
		rests[i] = rest;
		num += slope / native * (1 - rest / native);
		den += slope / native * (slope / native);
		snprintf(line, sizeof(line), "%s/t.zlt", dir);
		unlink(line);
	}
	rmdir(dir);
	*access = num / den > 0.05 ? num / den : 0.05;
	*error = 0;
	for (i = 0; i < NR_FITS; i++) {
		e = (rests[i] + slopes[i] * *access) / natives[i] - 1;
		fprintf(stderr,
			"  %-48s %-26s native %6.1f ms, virtual %+.1f %%\n",
			fits[i][0], fits[i][1], natives[i] / 1e6, 100 * e);
		*error += e * e / (double)cases;
	}
	*error = sqrt(*error);
	return 0;
}

static int write_profile(json_t *o, const char *path)
{
	if (!json_dump_file(o, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		return 0;
	return cli_failed("%s: %s", path, strerror(errno));
}

int cmd_calibrate(int argc, char **argv)
{
	struct args a = { 0 };
	long l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
	long l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 16 << 20);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double xfer, hand, latency, l3_ns, dram_ns, access = 0.5, error = 0;
	json_t *o, *cost;
	char host[64] = "this machine", note[160];
	int ret = cli_parse(&argp, "zlab calibrate", argc, argv, &a);

	if (ret)
		return ret;
	if (cores < 2)
		return cli_failed("one CPU has nobody to hand a line to; "
				  "calibrate on a machine with two");
	clock_init();
	(void)gethostname(host, sizeof(host) - 1);
	fprintf(stderr, "zlab: measuring memory and locks\n");
	xfer = quartile_of("transfer", transfer);
	hand = quartile_of("handover", handover) / xfer;
	latency = quartile_of("wake", wake_latency);
	chain_make((size_t)(l2 * 4 < l3 ? l2 * 4 : l3));
	l3_ns = quartile_of("l3", chase);
	chain_make((size_t)(l3 * 4 < 512l << 20 ? l3 * 4 : 512l << 20));
	dram_ns = quartile_of("dram", chase);
	cost = json_pack(
		"{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
		"s:f, s:I, s:I}",
		"access_ns", access, "call_ns", access, "rmw_ns",
		quartile_of("rmw", rmw), "relax_ns",
		quartile_of("relax", relax), "stream_ns",
		quartile_of("stream", stream), "xfer_ns", xfer,
		"xfer_socket_ns", xfer, "l3_ns", l3_ns, "dram_ns", dram_ns,
		"wake_ns", latency / 3, "wake_latency_ns", latency,
		"handover_xfers", hand, "handover_many_xfers", hand * 1.5,
		"l2_lines", (json_int_t)(l2 / LINE), "l3_lines_per_core",
		(json_int_t)(l3 / LINE / cores));
	o = json_pack("{s:i, s:s, s:[s, s, s], s:s, s:i, s:I, s:o, s:{s:o, "
		      "s:o}}",
		      "version", 1, "name", host, "sources",
		      "measured by zlab calibrate",
		      "wake_ns is a third of wake_latency_ns, "
		      "handover_many_xfers one and a half of handover_xfers: "
		      "not measured",
		      "xfer_socket_ns is xfer_ns: sockets are not told apart",
		      "compiler", ZLAB_CFLAGS, "sockets", 1, "cores_per_socket",
		      (json_int_t)cores, "cost", cost, "codec", "lz4",
		      codec("lz4"), "zstd", codec("zstd"));
	if (!o)
		return cli_failed("out of memory");
	ret = write_profile(o, a.out);
	if (ret)
		goto out;
	fprintf(stderr, "zlab: fitting the cost of an access, %zu cases\n",
		NR_FITS);
	if (fit_access(a.out, access, &access, &error)) {
		ret = cli_failed("the replays that fit the cost of an access "
				 "failed");
		goto out;
	}
	json_object_set_new(cost, "access_ns", json_real(access));
	json_object_set_new(cost, "call_ns", json_real(access));
	snprintf(note, sizeof(note),
		 "one virtual CPU against native, %zu cases: root mean square "
		 "error %.1f %%; rounds differ by %.0f %% at worst (%s)",
		 NR_FITS, 100 * error, 100 * worst_spread, worst_name);
	json_array_append_new(json_object_get(o, "sources"), json_string(note));
	fprintf(stderr, "zlab: %s\n", note);
	if (worst_spread > SPREAD && !a.noisy) {
		unlink(a.out);
		ret = cli_failed("rounds of %s differ by %.0f %%; quiet the "
				 "machine, or take it with --noisy",
				 worst_name, 100 * worst_spread);
		goto out;
	}
	ret = write_profile(o, a.out);
out:
	json_decref(o);
	return ret;
}
#else
int cmd_calibrate(int argc, char **argv)
{
	return cli_failed("calibrate measures real CPUs");
}
#endif
