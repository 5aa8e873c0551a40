// SPDX-License-Identifier: GPL-2.0-or-later
/* Events as CSV; what can be imported must round-trip. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "traces/csv.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

void fuzz(const uint8_t *data, size_t len)
{
	char csv[32], zlt[32], csv2[32], zlt2[32];
	int fd[4] = { memory_file(data, len, csv), memory_file(NULL, 0, zlt),
		      -1, memory_file(NULL, 0, zlt2) };
	struct err err = { "" };
	struct source *r;
	char *text = NULL;
	size_t text_len;
	FILE *out;

	if (csv_import(csv, zlt, 0, NULL, &err)) {
		must_say(&err);
		goto out;
	}
	r = source_open(zlt, ALL | ZLT_KEYS, &err);
	out = open_memstream(&text, &text_len);
	must(r && out && !csv_export(r, NULL, out, &err));
	must(!fclose(out));
	source_close(r);
	fd[2] = memory_file((const uint8_t *)text, text_len, csv2);
	must(!csv_import(csv2, zlt2, 0, NULL, &err));
	same_bytes(fd[1], fd[3]);
	close(fd[2]);
	free(text);
out:
	close(fd[0]);
	close(fd[1]);
	close(fd[3]);
}
