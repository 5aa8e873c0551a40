// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What kernels say about a zram device, as text of several kernels; the choice
 * of the running kernel's allocator; and, where a device can be made, a trace on
 * it beside its replay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "backends/zpool.h"
#include "harness/live/beside.h"
#include "harness/live/running.h"
#include "harness/live/zram.h"
#include "tests/lib/sample.h"

#define HOT_ADD "/sys/class/zram-control/hot_add"
#define HOT_REMOVE "/sys/class/zram-control/hot_remove"

static void test_mm_stat_columns(void **state)
{
	/* 4.14 has no huge pages, 5.10 does not count them since ever. */
	static const char k4_14[] = "   8192     1234    12288        0    "
				    "16384        1        3\n";
	static const char k5_10[] = "   8192     1234    12288        0    "
				    "16384        1        3        7\n";
	static const char k6_18[] = "   8192     1234    12288        0    "
				    "16384        1        3        7       "
				    "11\n";
	static const char later[] = "8192 1234 12288 0 16384 1 3 7 11 99 98";
	const char *const text[] = { k4_14, k5_10, k6_18, later };
	struct err err = { "" };
	struct mm_stat m;
	size_t i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(mm_stat_parse(text[i], &m, &err), 0);
		assert_int_equal(m.stored, 2);
		assert_int_equal(m.bytes, 1234);
		assert_int_equal(m.pages, 3);
		assert_int_equal(m.pages_max, 4);
		assert_int_equal(m.same, 1);
		assert_int_equal(m.compacted, 3);
		assert_int_equal(m.has_huge, i > 0);
		assert_int_equal(m.huge, i > 0 ? 7 : 0);
		assert_int_equal(m.has_huge_since, i > 1);
		assert_int_equal(m.huge_since, i > 1 ? 11 : 0);
	}
}

static void test_mm_stat_damage(void **state)
{
	static const char *const text[] = {
		"",
		"\n",
		"8192 1234 12288 0 16384 1",
		"8192 1234 12288 0 16384 1 x",
		"8192 1234 12288 0 16384 1 3x",
		"8192 1234 -12288 0 16384 1 3",
		"8192 1234 12289 0 16384 1 3",
		"8193 1234 12288 0 16384 1 3",
		"8192 99999999999999999999 12288 0 16384 1 3",
	};
	struct mm_stat m;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(mm_stat_parse(text[i], &m, &err), -EINVAL);
		assert_non_null(strstr(err.text, "mm_stat"));
	}
}

static void test_preset(void **state)
{
	static const struct {
		const char *release, *preset;
	} is[] = {
		{ "3.10.0-1160.el7.x86_64", "4.0" },
		{ "4.1.0", "5.10" },
		{ "5.10.0-32-amd64", "5.10" },
		{ "5.16.20", "5.10" },
		{ "6.1.0-40-amd64", "6.1" },
		{ "6.2.16", "6.1" },
		{ "6.6.1", "6.10" },
		{ "6.12.117+deb13-cloud-amd64", "6.12" },
		{ "6.14.0", "6.12" },
		{ "6.18.44-custom", "7.2" },
		{ "7.2.13", "7.2" },
		{ "7.3.4", "7.3" },
		{ "11.0", "7.3" },
	};
	char spec[64], full[256];
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		assert_string_equal(running_preset(is[i].release),
				    is[i].preset);
		snprintf(spec, sizeof(spec), "zsmalloc@%s", is[i].preset);
		assert_int_equal(
			zpool_full_spec(spec, full, sizeof(full), &err), 0);
	}
	assert_null(running_preset("mainline"));
	assert_null(running_preset(""));
}

static void test_chain(void **state)
{
	static const char config[] = "CONFIG_ZSMALLOC=y\n"
				     "# CONFIG_ZSMALLOC_STAT is not set\n"
				     "CONFIG_ZSMALLOC_CHAIN_SIZE=6\n";
	const char *plain = temp_path("config"), *gz = temp_path("config.gz");
	gzFile f = gzopen(gz, "w");

	file_save(plain, config, sizeof(config) - 1);
	assert_int_equal(running_chain(plain), 6);
	gzwrite(f, config, sizeof(config) - 1);
	gzclose(f);
	assert_int_equal(running_chain(gz), 6);
	file_save(plain, config, 17);
	assert_int_equal(running_chain(plain), 0);
	assert_int_equal(running_chain(temp_path("none")), 0);
}

static void test_blocks(void **state)
{
	struct err err = { "" };
	uint64_t bytes;

	assert_int_equal(zram_blocks(0, false, &bytes, &err), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(zram_blocks(1278, false, &bytes, &err), 0);
	assert_int_equal(bytes, 1278 * 4096);
	assert_int_equal(zram_blocks(UINT32_MAX, false, &bytes, &err), 0);
	assert_int_equal(bytes, 4096ull * UINT32_MAX);
	assert_int_equal(zram_blocks(1ull << 32, false, &bytes, &err), -EFBIG);
	assert_non_null(strstr(err.text, "4294967296 keys"));
	assert_int_equal(zram_blocks(1u << 31, true, &bytes, &err), -EFBIG);
	assert_int_equal(zram_blocks(1u << 30, true, &bytes, &err), 0);
	assert_true(bytes > (1ull << 31) * MM_STAT_PAGE);
}

static void test_algorithms(void **state)
{
	char now[16];

	assert_true(zram_algorithms("lzo-rle lzo [lz4] zstd", "lzo", now, 16));
	assert_string_equal(now, "lz4");
	assert_true(zram_algorithms("[lz4]", "lz4", now, 16));
	assert_false(zram_algorithms("lzo-rle lzo [lz4]", "lz", now, 16));
	assert_false(zram_algorithms("[lzo-rle] lzo", "lz4", now, 16));
	assert_string_equal(now, "lzo-rle");
	assert_false(zram_algorithms("", "lz4", now, 16));
	assert_string_equal(now, "");
}

static void test_mounted(void **state)
{
	static const char mounts[] =
		"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
		"31 22 253:1 / /mnt/a\\040b rw - ext4 /dev/zram1 rw\n";
	const char *path = temp_path("mountinfo");

	file_save(path, mounts, sizeof(mounts) - 1);
	assert_true(zram_mounted(path, "253:1"));
	assert_true(zram_mounted(path, "254:0"));
	assert_false(zram_mounted(path, "253:0"));
	assert_false(zram_mounted(path, "53:1"));
	assert_false(zram_mounted(temp_path("none"), "253:1"));
}

static void test_fits(void **state)
{
	static const char info[] = "MemTotal:       1000 kB\n"
				   "MemAvailable:    500 kB\n";
	const char *path = temp_path("meminfo");
	struct err err = { "" };

	file_save(path, info, sizeof(info) - 1);
	assert_int_equal(zram_fits(path, 499 << 10, &err), 0);
	assert_int_equal(zram_fits(path, 500 << 10, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "to spare"));
	assert_int_equal(zram_fits(temp_path("none"), 1ull << 50, &err), 0);
}

/* A file is no device, whatever its number. */
static void test_swapped(void **state)
{
	struct zram_swaps swaps;
	static const char head[] = "Filename\tType\tSize\tUsed\tPriority\n";
	const char *path = temp_path("swaps");
	char text[512];
	struct stat st;
	int n = snprintf(text, sizeof(text),
			 "%s%s file 8 4 -2\n/none "
			 "partition 16 12 7\n",
			 head, path);

	file_save(path, text, (size_t)n);
	assert_int_equal(stat(path, &st), 0);
	assert_false(zram_swapped(path, st.st_rdev, NULL));
	assert_false(zram_swapped(temp_path("none"), st.st_rdev, NULL));
	assert_false(zram_swapped(path, st.st_rdev, &swaps));
	assert_int_equal(swaps.highest, 7);
	assert_int_equal(swaps.pages, 0);
	assert_false(zram_swapped(temp_path("none"), st.st_rdev, &swaps));
	assert_int_equal(swaps.highest, INT_MIN);
}

/* Pages that would not get to the device. */
static void test_swap_check(void **state)
{
	static const char first[] = "Filename Type Size Used Priority\n"
				    "/none partition 16 12 32767\n"
				    "/none partition 16 12 100\n";
	const char *none = temp_path("none"), *path = temp_path("check");
	struct err err = { "" };

	assert_int_equal(zram_swap_check(none, none, &err), 0);
	file_save(path, first, sizeof(first) - 1);
	assert_int_equal(zram_swap_check(none, path, &err), -EBUSY);
	assert_non_null(strstr(err.text, "the highest priority, 32767"));
	file_save(path, "N\n", 2);
	assert_int_equal(zram_swap_check(path, none, &err), 0);
	file_save(path, "Y\n", 2);
	assert_int_equal(zram_swap_check(path, none, &err), -EBUSY);
	assert_non_null(strstr(err.text, "zswap is on"));
}

static void device_remove(int n)
{
	FILE *f = fopen(HOT_REMOVE, "we");

	if (f) {
		fprintf(f, "%d", n);
		fclose(f);
	}
}

/* Make a device. Return: its number, or -1 with the reason printed. */
static int device_make(char path[32])
{
	FILE *f;
	int n = -1;

	if (geteuid() || !(f = fopen(HOT_ADD, "re"))) {
		print_message("no zram device: %s\n",
			      geteuid() ? "not root" : HOT_ADD " is not there");
		return -1;
	}
	if (fscanf(f, "%d", &n) != 1)
		print_message("no zram device: %s gives none\n", HOT_ADD);
	fclose(f);
	snprintf(path, 32, "/dev/zram%d", n);
	if (n < 0 || !access(path, F_OK))
		return n;
	print_message("no zram device: %s is not there\n", path);
	device_remove(n);
	return -1;
}

/* One word of a file of the device, or of the list in it that is selected. */
static void device_says(int n, const char *name, char *word)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/zram%d/%s", n, name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	if (!strchr(text, '['))
		assert_int_equal(sscanf(text, "%31s", word), 1);
	else
		zram_algorithms(text, "", word, 32);
}

/* What holds however the pages get to the device. */
static void check_beside(const struct beside_result *r)
{
	const uint64_t *k = r->value[BESIDE_KERNEL];

	assert_true(beside_sound(r));
	assert_true(k[BESIDE_HUGE] > 0);
	assert_true(k[BESIDE_STORED] > k[BESIDE_SAME] + k[BESIDE_HUGE]);
	assert_true(r->compactions > 0);
	assert_true(r->checkpoints > 100);
	assert_true(r->verified > 0);
	assert_true(r->time[BESIDE_BLANK][ZLT_STORE].samples > 0);
}

static void check_written(const struct beside_result *r)
{
	const uint64_t *k = r->value[BESIDE_KERNEL];

	check_beside(r);
	assert_memory_equal(k, r->value[BESIDE_SIZES],
			    sizeof(r->value[BESIDE_SIZES]));
	assert_true(k[BESIDE_SAME] > 0);
	assert_int_equal(r->apart, 0);
}

/* The kernel may keep pages of zeroes, and may free in batches. */
static void check_swapped(const struct beside_result *r)
{
	const uint64_t *k = r->value[BESIDE_KERNEL];
	const uint64_t *z = r->value[BESIDE_SIZES];

	check_beside(r);
	assert_true(r->rules.load_frees);
	if (r->rules.frees_late)
		return;
	assert_int_equal(k[BESIDE_SLOTS], z[BESIDE_SLOTS]);
	assert_int_equal(z[BESIDE_SLOTS], z[BESIDE_STORED]);
	assert_int_equal(k[BESIDE_PAGES_MAX], z[BESIDE_PAGES_MAX]);
	assert_int_equal(r->apart, 0);
}

/* Same-filled, large and ordinary pages, compactions and marks. */
static void test_beside(void **state)
{
	struct zlt_options opts = { .objects = ZLT_OBJECT_PAGES };
	struct sample *s = sample_make(6000, ZLT_OBJECT_PAGES, 7);
	const char *path = temp_path("beside.zlt");
	char device[32], algorithm[32], now[32], size[32];
	struct beside_config config = { .trace = path,
					.device = device,
					.algorithm = algorithm,
					.threads = 1 };
	struct beside_result written, swapped;
	struct err err = { "" }, swap_err = { "" };
	int n = device_make(device), ret, swap;
	size_t i;

	if (n < 0) {
		sample_free(s);
		skip();
	}
	for (i = 0; i < 10 * (size_t)ZLT_PAGE_SIZE; i++)
		s->pages[2 * ZLT_PAGE_SIZE + i] = (uint8_t)random();
	sample_write(s, path, &opts);
	device_says(n, "comp_algorithm", algorithm);
	ret = beside_run(&config, &written, &err);
	config.swap = true;
	swap = beside_run(&config, &swapped, &swap_err);
	device_says(n, "comp_algorithm", now);
	device_says(n, "disksize", size);
	device_remove(n);
	assert_string_equal(now, algorithm);
	assert_string_equal(size, "0");
	if (ret)
		fail_msg("%s", err.text);
	check_written(&written);
	if (swap == -EPERM || swap == -EBUSY)
		print_message("no swap: %s\n", swap_err.text);
	else if (swap)
		fail_msg("%s", swap_err.text);
	else
		check_swapped(&swapped);
	beside_free(&written);
	beside_free(&swapped);
	sample_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mm_stat_columns),
		cmocka_unit_test(test_mm_stat_damage),
		cmocka_unit_test(test_preset),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_mounted),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_swap_check),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
