// SPDX-License-Identifier: GPL-2.0-or-later
/* Builds a backend or a codec of a kernel tree. */
#include <stdio.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/shim.h"
#include "lib/stop.h"
#include "lib/text.h"

#define REQ struct shim_request

static int add_include(const struct cli_option *o, const char *arg, void *to)
{
	REQ *req = to;

	if (req->nr_include == SHIM_MAX_INCLUDES)
		return cli_usage("--include: at most %d headers",
				 SHIM_MAX_INCLUDES);
	req->include[req->nr_include++] = arg;
	return 0;
}

const struct cli_option shim_source_options[] = {
	{ "file", 0, "FILE",
	  "Source of the allocator inside the tree (default: mm/zsmalloc.c)",
	  CLI_IS_TEXT(REQ, file) },
	{ "chain", 0, "N",
	  "CONFIG_ZSMALLOC_CHAIN_SIZE, 4..16 (default: the tree's .config, "
	  "else 8)",
	  CLI_IS_COUNT(REQ, chain, 4, 16) },
	CLI_PAGE_SIZE(REQ, page_shift,
		      "Page size it is compiled for (default: 4K)"),
	{ "include", 0, "EXTRA.h",
	  "A header of yours with what the source uses and the shim lacks; may "
	  "be given again",
	  .offer = OFFER_FILE, CLI_IS_CALL(add_include) },
	{ 0 },
};

static const struct cli_option options[] = {
	{ "codec", 0, "lz4|lzo|lzo-rle|842|zstd",
	  "Make a codec of the tree's own compressor instead",
	  CLI_IS_CHOICE(REQ, codec, { "lz4", SHIM_LZ4 }, { "lzo", SHIM_LZO },
			{ "lzo-rle", SHIM_LZO_RLE }, { "842", SHIM_842 },
			{ "zstd", SHIM_ZSTD }) },
	CLI_OUTPUT("X.so",
		   "Where the object goes (default: a cache, its path is "
		   "printed)",
		   CLI_IS_TEXT(REQ, output)),
	{ "debug", 0, NULL,
	  "Make VM_BUG_ON and the other checks of CONFIG_DEBUG_VM live",
	  CLI_IS_FLAG(REQ, debug, true) },
	{ "tsan", 0, NULL,
	  "Compile with ThreadSanitizer, for a zlab built with SAN=thread",
	  CLI_IS_FLAG(REQ, tsan, true) },
	{ 0 },
};

static const struct cli_option operand = {
	"tree", .offer = OFFER_DIR, CLI_IS_TEXT(REQ, tree),
	.needs = "which kernel source tree? zlab shim TREE"
};

static const REQ defaults = { .file = "mm/zsmalloc.c", .page_shift = 12 };

static int check(void *args)
{
	const REQ *req = args;

	if (req->codec != SHIM_NO_CODEC &&
	    (req->file != defaults.file || req->chain ||
	     req->page_shift != defaults.page_shift))
		return cli_usage("--codec knows a compressor's files, and "
				 "compresses pages of 4K; leave --file, "
				 "--chain and --page-size out");
	return 0;
}

static int run(void *args, int argc, char **argv)
{
	const REQ *req = args;
	struct shim_object obj;
	struct progress progress;
	struct err err = { "" };
	int ret;

	stop_hold();
	progress_step(&progress, "shim, compiling");
	ret = shim_build(req, &obj, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	printf("%s %s%s\n", req->codec ? "codec   " : "backend ",
	       PLAIN(obj.spec), obj.cached ? "  (cached)" : "");
	printf("name     %s\n", PLAIN(obj.name));
	printf("source   %s\n", PLAIN(obj.source));
	printf("sha256   %s\n", obj.sha256);
	if (*obj.git)
		printf("git      %s\n", PLAIN(obj.git));
	printf("settings %s\n", PLAIN(obj.settings));
	return 0;
}

static const struct cli_group groups[] = {
	CLI_GROUP("What is compiled", shim_source_options, 0),
	{ 0 },
};

const struct cli_command cmd_shim = {
	CLI_NAME("shim", CHAPTER_KERNEL,
		 "make a backend or codec of your kernel tree's own source",
		 "TREE"),
	.doc = "Compile an allocator of a kernel source tree, patched or not, "
	       "into a backend, or one of its compressors into a codec.",
	.more = "The result is given to any command as --backend X.so, or as "
		"--codec X.so[:level=N]. Nothing "
		"is written into the tree. Objects are cached by the contents "
		"of all they are made of, under $XDG_CACHE_HOME/zlab/shim. CC "
		"chooses the compiler.\n",
	CLI_TAKES(REQ, &operand, options, groups),
	CLI_DOES(&defaults, check, run),
};
