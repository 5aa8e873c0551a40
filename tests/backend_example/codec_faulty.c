// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A codec that drops the zeros behind the last other byte, with each fault that
 * the harness must name: the option says which. The calls of a test that wants
 * one to be missing are taken out of the table.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/codec.h"

enum fault {
	NONE,
	NO_CONTEXT,
	TOO_LONG,
	EMPTY,
	FAIL,
	FAULT,
	ABORT,
	LEAVE,
	LEAVE_NOW,
	FAULT_EXPAND
};

struct params {
	long long fault, at;
};

struct context {
	struct params params;
	long long calls;
};

static void *prepare(const void *params)
{
	const struct params *p = params;
	struct context *c = NULL;

	if (p->fault != NO_CONTEXT)
		c = calloc(1, sizeof(*c));
	if (c)
		c->params = *p;
	return c;
}

static void release(void *ctx)
{
	free(ctx);
}

static int go_wrong(const struct params *p, size_t room)
{
	switch (p->fault) {
	case TOO_LONG:
		return (int)room + 1;
	case EMPTY:
		return 0;
	case FAIL:
		return -EINVAL;
	case FAULT:
		raise(SIGSEGV);
		break;
	case ABORT:
		abort();
	case LEAVE:
		exit(0);
	case LEAVE_NOW:
		_exit(0);
	default:
		break;
	}
	return 0;
}

static int compress(void *ctx, const void *page, void *dst, size_t room)
{
	const char *bytes = page;
	struct context *c = ctx;
	size_t len = CODEC_PAGE;

	if (++c->calls > c->params.at && c->params.fault != NONE &&
	    c->params.fault != FAULT_EXPAND)
		return go_wrong(&c->params, room);
	while (len > 1 && !bytes[len - 1])
		len--;
	memcpy(dst, page, len);
	return (int)len;
}

static int decompress(void *ctx, const void *src, size_t len, void *page)
{
	const struct context *c = ctx;

	if (c->params.fault == FAULT_EXPAND)
		raise(SIGSEGV);
	if (!len || len > CODEC_PAGE)
		return -EINVAL;
	memcpy(page, src, len);
	memset((char *)page + len, 0, CODEC_PAGE - len);
	return 0;
}

static const char *const faults[] = {
	"none",	 "no-context", "too-long",  "empty",	    "fail", "fault",
	"abort", "leave",      "leave-now", "fault-expand", NULL,
};

static const struct spec_option options[] = {
	{ .name = "fault",
	  .kind = SPEC_CHOICE,
	  .offset = offsetof(struct params, fault),
	  .def = "none",
	  .choices = faults },
	{ .name = "at",
	  .kind = SPEC_INT,
	  .offset = offsetof(struct params, at),
	  .def = "1",
	  .max = 1000000 },
	{ 0 },
};

extern struct codec_driver zlab_codec;
struct codec_driver zlab_codec = {
	CODEC_ABI,
	.spec = {
		.name = "faulty",
		.what = "codec",
		.options = options,
		.params_size = sizeof(struct params),
	},
	.source = "{\"file\": \"codec_faulty.c\"}",
	.prepare = prepare,
	.release = release,
	.compress = compress,
	.decompress = decompress,
};
