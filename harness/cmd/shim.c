// SPDX-License-Identifier: GPL-2.0-or-later
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/kernel/shim_build.h"
#include "lib/spec.h"

enum key {
	KEY_FILE = 256,
	KEY_CHAIN,
	KEY_PAGE_SIZE,
	KEY_DEBUG,
	KEY_TSAN,
	KEY_INCLUDE,
};

static const struct argp_option options[] = {
	{ "file", KEY_FILE, "FILE", 0,
	  "Source of the allocator inside the tree (default: mm/zsmalloc.c)",
	  0 },
	{ "output", 'o', "X.so", 0,
	  "Where the backend goes (default: a cache, its path is printed)", 0 },
	{ "chain", KEY_CHAIN, "N", 0,
	  "CONFIG_ZSMALLOC_CHAIN_SIZE, 4..16 (default: the tree's .config, "
	  "else 8)",
	  0 },
	{ "page-size", KEY_PAGE_SIZE, "4K|16K|64K", 0,
	  "Page size it is compiled for (default: 4K)", 0 },
	{ "debug", KEY_DEBUG, 0, 0,
	  "Make VM_BUG_ON and the other checks of CONFIG_DEBUG_VM live", 0 },
	{ "tsan", KEY_TSAN, 0, 0,
	  "Compile with ThreadSanitizer, for a zlab built with SAN=thread", 0 },
	{ "include", KEY_INCLUDE, "EXTRA.h", 0,
	  "A header of yours with what the source uses and the shim lacks; may "
	  "be given again",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct shim_request *req = state->input;
	long long bytes;
	char *end;

	switch (key) {
	case KEY_FILE:
		req->file = arg;
		break;
	case 'o':
		req->output = arg;
		break;
	case KEY_CHAIN:
		req->chain = (unsigned)strtoul(arg, &end, 10);
		if (*end || req->chain < 4 || req->chain > 16)
			argp_error(state, "--chain %s: give 4 to 16", arg);
		break;
	case KEY_PAGE_SIZE:
		if (size_parse(arg, &bytes) ||
		    (bytes != 4096 && bytes != 16384 && bytes != 65536))
			argp_error(state, "--page-size %s: give 4K, 16K or 64K",
				   arg);
		req->page_shift =
			(unsigned)__builtin_ctzll((unsigned long long)bytes);
		break;
	case KEY_DEBUG:
		req->debug = true;
		break;
	case KEY_TSAN:
		req->tsan = true;
		break;
	case KEY_INCLUDE:
		if (req->nr_include == SHIM_MAX_INCLUDES)
			argp_error(state, "at most %d headers",
				   SHIM_MAX_INCLUDES);
		req->include[req->nr_include++] = arg;
		break;
	case ARGP_KEY_ARG:
		if (req->tree)
			argp_error(state, "one tree at a time; %s is a second",
				   arg);
		req->tree = arg;
		break;
	case ARGP_KEY_END:
		if (!req->tree)
			argp_error(state, "which kernel source tree?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TREE",
	.doc = "Compile an allocator of a kernel source tree, patched or not, "
	       "into a backend.\v"
	       "The result is given to any command as --backend X.so. Nothing "
	       "is written into the tree. Objects are cached by the contents "
	       "of all they are made of, under $XDG_CACHE_HOME/zlab/shim. CC "
	       "chooses the compiler.",
};

int cmd_shim(int argc, char **argv)
{
	struct shim_request req = { .file = "mm/zsmalloc.c", .page_shift = 12 };
	struct shim_object obj;
	struct err err = { "" };

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &req))
		return EXIT_USAGE;
	if (shim_build(&req, &obj, &err)) {
		fprintf(stderr, "zlab: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (*obj.notes)
		fprintf(stderr, "zlab: %s\n", obj.notes);
	printf("backend  %s%s\n", obj.spec, obj.cached ? "  (cached)" : "");
	printf("name     %s\n", obj.name);
	printf("source   %s\n", req.file);
	printf("sha256   %s\n", obj.sha256);
	if (*obj.git)
		printf("git      %s\n", obj.git);
	printf("settings %s\n", obj.settings);
	return 0;
}
