// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads from a kernel tree: release, allocator, headers, symbols. */
#include <ctype.h>
#include <errno.h>
#include <sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/kernel/files.h"
#include "harness/kernel/shim_tree.h"
#include "harness/kernel/shim_tree_internal.h"
#include "lib/process.h"

/* Headers that describe the tree's own data structures and interfaces. */
static const char *const own_headers[] = {
	"linux/list.h",	    "linux/zbud.h", "linux/zpool.h",
	"linux/zsmalloc.h", NULL,
};

void shim_add_config(struct shim_tree *t, const char *fmt, ...)
{
	size_t have = t->config ? strlen(t->config) : 0;
	char line[512];
	char *bigger;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	bigger = realloc(t->config, have + strlen(line) + 10);
	if (!bigger)
		return;
	sprintf(bigger + have, "#define %s\n", line);
	t->config = bigger;
}

const char *shim_find_file(const struct shim_tree *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nr_files; i++)
		if (!strcmp(t->files[i].name, name))
			return t->files[i].text ? t->files[i].text : "";
	return NULL;
}

int shim_add_file(struct shim_tree *t, const char *name, const char *from,
		  struct err *err)
{
	struct shim_file *f = &t->files[t->nr_files];

	if (t->nr_files == SHIM_MAX_FILES)
		return err_set(err, -E2BIG, "more than %d headers included",
			       SHIM_MAX_FILES);
	f->name = strdup(name);
	f->from = from ? strdup(from) : NULL;
	f->text = from ? file_read(from) : NULL;
	t->nr_files++;
	if (!f->name || (from && !f->from))
		return err_set(err, -ENOMEM, "out of memory");
	if (from && !f->text)
		return err_set(err, -errno, "%s: %s", from, strerror(errno));
	return 0;
}

int shim_add_text(struct shim_tree *t, const char *name, char **text,
		  struct err *err)
{
	int ret = shim_add_file(t, name, NULL, err);

	if (!ret) {
		t->files[t->nr_files - 1].text = *text;
		*text = NULL;
	}
	return ret;
}

static bool is_own_header(const struct shim_request *req, const char *name)
{
	const char *const *own = req->codec ? shim_codec_headers : own_headers;

	while (*own && strcmp(*own, name) != 0)
		own++;
	return *own;
}

/* Take "dir/../" out of a path. False: it leaves its root. */
static bool normalize(char *path)
{
	char *up, *dir;

	while ((up = strstr(path, "../"))) {
		if (up == path || up[-1] != '/')
			return false;
		for (dir = up - 1; dir > path && dir[-1] != '/'; dir--)
			;
		memmove(dir, up + 3, strlen(up + 3) + 1);
	}
	return !strstr(path, "..");
}

/* Add a header that @from includes: the tree's file, or a forwarder. */
static int add_include(struct shim_tree *t, const struct shim_request *req,
		       const struct shim_file *from, const char *name,
		       bool quoted, struct err *err)
{
	char place[PATH_MAX], path[PATH_MAX];
	const char *slash;

	slash = strrchr(from->name, '/');
	snprintf(place, sizeof(place), "%.*s%s",
		 slash && quoted ? (int)(slash - from->name) + 1 : 0,
		 from->name, name);
	if (!normalize(place) || name[0] == '/' ||
	    (!quoted && strstr(name, "..")))
		return err_set(err, -EINVAL,
			       "%s includes \"%s\"; the shim takes headers "
			       "of the tree and by their kernel name",
			       from->name, name);
	if (shim_find_file(t, place))
		return 0;
	if (!quoted) {
		snprintf(path, sizeof(path), "%s/include/%s", req->tree, name);
		if (is_own_header(req, name) && !access(path, R_OK))
			return shim_add_file(t, name, path, err);
		return shim_add_file(t, name, NULL, err);
	}
	slash = strrchr(from->from, '/');
	snprintf(path, sizeof(path), "%.*s%s",
		 slash ? (int)(slash - from->from) + 1 : 0, from->from, name);
	/* mm/internal.h would pull in the rest of the kernel. */
	if (strcmp(name, "internal.h") && !access(path, R_OK))
		return shim_add_file(t, place, path, err);
	return shim_add_file(t, place, NULL, err);
}

int shim_scan_includes(struct shim_tree *t, const struct shim_request *req,
		       size_t file, struct err *err)
{
	const char *p = t->files[file].text;
	char name[256];
	char open;
	int ret;

	while (p && *p) {
		const char *line = p;
		const char *end = strchrnul(p, '\n');

		p = *end ? end + 1 : end;
		line += strspn(line, " \t");
		if (*line++ != '#')
			continue;
		line += strspn(line, " \t");
		if (strncmp(line, "include", 7))
			continue;
		line += 7 + strspn(line + 7, " \t");
		if (sscanf(line, "%c%255[^>\"\n]", &open, name) != 2 ||
		    (open != '<' && open != '"'))
			continue;
		ret = add_include(t, req, &t->files[file], name, open == '"',
				  err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Whether any file that was read from the tree contains @word. */
static bool has(const struct shim_tree *t, const char *word)
{
	size_t i;

	for (i = 0; i < t->nr_files; i++)
		if (t->files[i].text && strstr(t->files[i].text, word))
			return true;
	return false;
}

/*
 * How many parameters the first declaration or call "@name(...)" in @text has;
 * -1 when there is none.
 */
static int nr_args(const char *text, const char *name)
{
	const char *p = text;
	size_t len = strlen(name);
	int depth = 0, n = 1;

	for (;; p += len) {
		p = p ? strstr(p, name) : NULL;
		if (!p)
			return -1;
		if (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_'))
			continue;
		if (p[len] == '(')
			break;
	}
	for (p += len; *p; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && !--depth)
			return n;
		else if (*p == ',' && depth == 1)
			n++;
	}
	return -1;
}

/* Whether a designated initializer sets the member @name. */
static bool sets_member(const char *text, const char *name)
{
	const char *p = text;
	size_t len = strlen(name);

	while ((p = strstr(p, name))) {
		const char *after = p + len + strspn(p + len, " \t");

		if (p > text && p[-1] == '.' && *after == '=')
			return true;
		p += len;
	}
	return false;
}

/* Ignore debugging options that only change the kernel's structure sizes. */
static bool config_ignored(const char *name)
{
	return !strcmp(name, "CONFIG_ZSMALLOC_STAT") ||
	       !strcmp(name, "CONFIG_LIST_HARDENED") ||
	       !strncmp(name, "CONFIG_DEBUG_", 13);
}

static void read_config(struct shim_tree *t, const char *text,
			struct shim_request *settings, bool *compaction)
{
	const char *p = text;
	char name[128], value[128];

	while (p && *p) {
		const char *end = strchrnul(p, '\n');

		if (sscanf(p, "%127[A-Z0-9_a-z]=%127[^\n]", name, value) == 2 &&
		    !strncmp(name, "CONFIG_", 7)) {
			if (!strcmp(name, "CONFIG_COMPACTION"))
				*compaction = value[0] == 'y';
			else if (!strcmp(name, "CONFIG_ZSMALLOC_CHAIN_SIZE"))
				settings->chain =
					(unsigned)strtoul(value, NULL, 10);
			else if (has(t, name) && !config_ignored(name) &&
				 strcmp(name, "CONFIG_ZPOOL"))
				shim_add_config(t, "%s %s", name,
						!strcmp(value, "y") ? "1"
								    : value);
		} else if (!strncmp(p, "# CONFIG_COMPACTION is not set", 30)) {
			*compaction = false;
		}
		p = *end ? end + 1 : end;
	}
}

static int probe_config(struct shim_tree *t, const struct shim_request *req,
			bool *compaction, struct err *err)
{
	struct shim_request settings = { .chain = 0 };
	char path[PATH_MAX];
	char *text;

	*compaction = true;
	snprintf(path, sizeof(path), "%s/.config", req->tree);
	text = file_read(path);
	read_config(t, text, &settings, compaction);
	free(text);
	shim_add_config(t, "CONFIG_64BIT 1");
	shim_add_config(t, "CONFIG_SMP 1");
	shim_add_config(t, "CONFIG_MMU 1");
	if (has(t, "linux/zpool.h"))
		shim_add_config(t, "CONFIG_ZPOOL 1");
	if (has(t, "CONFIG_ZSMALLOC_CHAIN_SIZE")) {
		unsigned chain = req->chain ? req->chain : settings.chain;

		shim_add_config(t, "CONFIG_ZSMALLOC_CHAIN_SIZE %u",
				chain ? chain : 8);
	} else if (req->chain) {
		return err_set(
			err, -EINVAL,
			"%s has no CONFIG_ZSMALLOC_CHAIN_SIZE; its chain "
			"is fixed, so leave --chain out",
			req->file);
	}
	return 0;
}

static int probe_zs(struct shim_tree *t, const struct shim_request *req,
		    const char *src, struct err *err)
{
	const char *api = shim_find_file(t, "linux/zsmalloc.h");
	const char *stat = strstr(src, "class_stat_read(") ? "class_stat_read"
							   : "zs_stat_get";
	bool map = strstr(src, "zs_map_object(");
	bool read = strstr(src, "zs_obj_read_begin(");
	int args;

	if (!api || !*api)
		return err_set(err, -ENOENT,
			       "%s/include/linux/zsmalloc.h is missing; %s "
			       "declares its calls there",
			       req->tree, req->file);
	args = nr_args(api, "zs_malloc");
	if (args != 3 && args != 4)
		return err_set(err, -EINVAL,
			       "zs_malloc() takes %d arguments in this tree; "
			       "the shim knows 3 (pool, size, flags; from 4.8 "
			       "on) and 4 (with a node)",
			       args);
	if (!map && !read)
		return err_set(err, -EINVAL,
			       "%s has neither zs_map_object() nor "
			       "zs_obj_read_begin(); the shim reads objects "
			       "through one of them",
			       req->file);
	shim_add_config(t, "SHIM_ZS");
	if (args == 4)
		shim_add_config(t, "SHIM_MALLOC_NID");
	if (map)
		shim_add_config(t, "SHIM_HAS_MAP");
	if (read)
		shim_add_config(t, "SHIM_HAS_READ");
	if (nr_args(api, "zs_obj_read_begin") == 4)
		shim_add_config(t, "SHIM_READ_LEN");
	if (strstr(src, "zs_compact("))
		shim_add_config(t, "SHIM_HAS_COMPACT");
	if (nr_args(src, "obj_to_location") == 3 &&
	    nr_args(src, "handle_to_obj") == 1)
		shim_add_config(t, "SHIM_HAS_LOCATE");
	if (strstr(src, "*size_class[ZS_SIZE_CLASSES]") && strstr(src, stat)) {
		bool late = strstr(src, "ZS_OBJS_ALLOCATED");

		shim_add_config(t, "SHIM_HAS_CLASSES");
		shim_add_config(t, "SHIM_CLASS_INUSE(c) %s(c, %s)", stat,
				late ? "ZS_OBJS_INUSE" : "OBJ_USED");
		shim_add_config(t, "SHIM_CLASS_ALLOCATED(c) %s(c, %s)", stat,
				late ? "ZS_OBJS_ALLOCATED" : "OBJ_ALLOCATED");
	}
	return 0;
}

static int probe_driver(struct shim_tree *t, const struct shim_request *req,
			struct err *err)
{
	const char *api = shim_find_file(t, "linux/zpool.h");

	if (!api || !*api)
		return err_set(err, -ENOENT,
			       "%s/include/linux/zpool.h is missing; %s "
			       "registers a zpool driver",
			       req->tree, req->file);
	if (nr_args(api, "(*malloc)") == 5)
		shim_add_config(t, "SHIM_MALLOC_NID");
	if (strstr(api, "(*map)("))
		shim_add_config(t, "SHIM_HAS_MAP");
	if (strstr(api, "(*obj_read_begin)("))
		shim_add_config(t, "SHIM_HAS_READ");
	if (nr_args(api, "(*obj_read_begin)") == 4)
		shim_add_config(t, "SHIM_READ_LEN");
	if (strstr(api, "(*map)("))
		shim_add_config(t, "SHIM_HAS_LOCATE");
	return 0;
}

static int probe(struct shim_tree *t, const struct shim_request *req,
		 struct err *err)
{
	const char *src = t->files[0].text;
	const char *zpool = shim_find_file(t, "linux/zpool.h");
	bool zs = strstr(src, "zs_create_pool(") && strstr(src, "zs_malloc(");
	bool driver = strstr(src, "zpool_register_driver(");
	bool by_mapping = strstr(src, "address_space_operations");
	bool compaction;
	int ret;

	if (!zs && !driver)
		return err_set(err, -EINVAL,
			       "%s offers neither zs_malloc() nor a zpool "
			       "driver; the shim calls an allocator through "
			       "one of them",
			       req->file);
	ret = probe_config(t, req, &compaction, err);
	if (ret)
		return ret;
	ret = zs ? probe_zs(t, req, src, err) : probe_driver(t, req, err);
	if (ret)
		return ret;
	if (driver)
		shim_add_config(t, "SHIM_ZPOOL");
	if (driver && zpool && nr_args(zpool, "(*create)") == 4)
		shim_add_config(t, "SHIM_CREATE_OPS");
	if (driver && zpool && strstr(zpool, "(*total_size)("))
		shim_add_config(t, "SHIM_TOTAL_SIZE");
	if (driver && zpool && strstr(zpool, "sleep_mapped"))
		shim_add_config(t, "SHIM_SLEEP_MAPPED");
	if (driver && sets_member(src, "shrink"))
		shim_add_config(t, "SHIM_HAS_SHRINK");
	if (compaction)
		shim_add_config(t, "CONFIG_COMPACTION 1");
	shim_add_config(t, "CONFIG_MIGRATION 1");
	if (by_mapping)
		shim_add_config(t, "SHIM_MOVED_BY_MAPPING");
	if (compaction && (by_mapping || strstr(src, "movable_operations")))
		shim_add_config(t, "SHIM_HAS_MIGRATE");
	if (strstr(src, "_init(") || strstr(src, "_initcall("))
		if (strstr(src, "\nmodule_init(") || strstr(src, "_initcall("))
			shim_add_config(t, "SHIM_HAS_INIT");
	if (strstr(src, "\nmodule_exit("))
		shim_add_config(t, "SHIM_HAS_EXIT");
	shim_add_config(t, "SHIM_DEFERS %d",
			strstr(src, "queue_work") ||
				strstr(src, "schedule_work"));
	return 0;
}

void shim_describe(struct shim_tree *t, const struct shim_request *req)
{
	char *top[] = { "git",	     "-C",	    (char *)req->tree,
			"rev-parse", "--show-cdup", NULL };
	char *name[] = { "git",	     "-C",	 (char *)req->tree,
			 "describe", "--always", "--tags",
			 NULL };
	char *state[] = { "git",	 "-C", (char *)req->tree, "status",
			  "--porcelain", "--", (char *)t->source, NULL };
	char line[PATH_MAX];

	if (req->git) {
		snprintf(t->git, sizeof(t->git), "%s", req->git);
		return;
	}
	/* The tree may be unpacked inside a repository that is not its own. */
	if (process_line(top, line, sizeof(line)) || *line)
		return;
	if (process_line(name, t->git, sizeof(t->git) - 8)) {
		t->git[0] = '\0';
		return;
	}
	if (!process_line(state, line, sizeof(line)) && *line)
		memcpy(t->git + strlen(t->git), "-dirty", 7);
}

int shim_add_extra(struct shim_tree *t, const struct shim_request *req,
		   struct err *err)
{
	char name[32];
	int ret = 0;
	size_t i;

	for (i = 0; i < req->nr_include && !ret; i++) {
		snprintf(name, sizeof(name), "shim_extra/%zu.h", i);
		ret = shim_add_file(t, name, req->include[i], err);
	}
	return ret;
}

int shim_tree_read(const struct shim_request *req, struct shim_tree *tree,
		   struct err *err)
{
	const char *base;
	char path[PATH_MAX];
	struct stat st;
	size_t i;
	int ret;

	memset(tree, 0, sizeof(*tree));
	if (stat(req->tree, &st) || !S_ISDIR(st.st_mode))
		return err_set(
			err, -ENOTDIR,
			"%s is not a directory; give the top of a kernel "
			"source tree",
			req->tree);
	if (req->codec)
		return shim_codec_read(req, tree, err);
	if (strstr(req->file, "..") || req->file[0] == '/')
		return err_set(err, -EINVAL,
			       "--file %s: give a path inside the tree, as "
			       "mm/zsmalloc.c",
			       req->file);
	snprintf(path, sizeof(path), "%s/%s", req->tree, req->file);
	if (access(path, R_OK))
		return err_set(err, -ENOENT,
			       "%s has no %s (%s); give the top of a kernel "
			       "source tree, or another --file",
			       req->tree, req->file, strerror(errno));
	base = strrchr(req->file, '/');
	snprintf(tree->name, sizeof(tree->name), "%s",
		 base ? base + 1 : req->file);
	tree->name[strcspn(tree->name, ".")] = '\0';
	tree->source = req->file;
	ret = shim_add_file(tree, req->file, path, err);
	if (ret)
		return ret;
	SHA256Data((const uint8_t *)tree->files[0].text,
		   strlen(tree->files[0].text), tree->sha256);
	ret = shim_add_extra(tree, req, err);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/include/linux/list.h", req->tree);
	ret = shim_add_file(tree, "linux/list.h", path, err);
	if (ret)
		return err_set(err, -ENOENT,
			       "%s is missing; the shim takes list.h, zpool.h "
			       "and zsmalloc.h from the tree",
			       path);
	for (i = 0; i < tree->nr_files; i++) {
		ret = shim_scan_includes(tree, req, i, err);
		if (ret)
			return ret;
	}
	ret = probe(tree, req, err);
	if (ret)
		return ret;
	if (!tree->config)
		return err_set(err, -ENOMEM, "out of memory");
	shim_describe(tree, req);
	return 0;
}

void shim_tree_free(struct shim_tree *tree)
{
	size_t i;

	for (i = 0; i < tree->nr_files; i++) {
		free(tree->files[i].name);
		free(tree->files[i].from);
		free(tree->files[i].text);
	}
	free(tree->config);
	memset(tree, 0, sizeof(*tree));
}
