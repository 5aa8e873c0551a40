// SPDX-License-Identifier: GPL-2.0-or-later
/* Result records, as "zlab locks" reads them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/command.h"
#include "harness/cmd/cmd.h"
#include "tests/fuzz/fuzz.h"

/* What a command prints, out of the way of the fuzzer's own lines. */
struct caught {
	FILE *real, *stream;
	char *text;
	size_t len;
};

static FILE *catch (struct caught *c, FILE *real)
{
	c->real = real;
	c->stream = open_memstream(&c->text, &c->len);
	must(c->stream != NULL);
	return c->stream;
}

static FILE *release(struct caught *c)
{
	must(!fclose(c->stream));
	return c->real;
}

void fuzz(const uint8_t *data, size_t len)
{
	struct caught out, err;
	char path[32], *args;
	int fd = memory_file(data, len, path), status;
	char *argv[] = { "locks", path, NULL };
	bool help = false;

	args = calloc(1, cmd_locks.size);
	must(args != NULL);
	cli_name("locks");
	must(!cli_parse(&cmd_locks, 2, argv, args, &help));
	stdout = catch (&out, stdout);
	stderr = catch (&err, stderr);
	status = cmd_locks.run(args, 2, argv);
	stdout = release(&out);
	stderr = release(&err);
	must(status == 0 || status == EXIT_FAILED);
	/* One line says why it failed; nothing is said otherwise. */
	must(!status == !err.len);
	must(!err.len || strchr(err.text, '\n') == err.text + err.len - 1);
	free(out.text);
	free(err.text);
	free(args);
	close(fd);
}
