// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiles a tree's files against the shim's headers; keeps the result in a
 * cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/sync/flavour.h"
#include "harness/kernel/files.h"
#include "harness/kernel/shim_build.h"
#include "harness/kernel/shim_message.h"
#include "lib/output.h"
#include "lib/process.h"
#include "lib/self.h"
#include "lib/stop.h"
#include "version.h"

#define MAX_ARGS (SHIM_MAX_FILES + 64)
/* Of an object for virtual CPUs, and of code whose memory accesses they see. */
#define VIRTUAL_FLAG "-DSYNC_VIRTUAL"
#define WATCH_FLAG "-fsanitize=thread"
#define AT_ONCE 2 /* compilers that run side by side */
#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* This project's own files that an object is made of. */
static const char *const parts[] = {
	/* clang-format off */
	"backends/shim/*.[ch]",
	"backends/*.h",
	"backends/sync/*.h",
	"backends/sync/virtual/*.h",
	"lib/*.h",
	/* clang-format on */
};
#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))
#define ONE_PART "backends/shim/kernel.h"

/* This project's headers for kernel code, which may not include others. */
static const char *const allocator_parts[] = {
	"adapter.h", "base.h", "kernel.h",  "locks.h",
	"migrate.h", "mm.h",   "runtime.h", NULL,
};

static const char *const codec_parts[] = { "base.h", "codec_kernel.h",
					   "codec_runtime.h", "codec_unit.h",
					   NULL };

/* What kernel code expects of its compiler. */
static const char *const flags[] = {
	"-std=gnu11",
	"-O2",
	"-g",
	"-fPIC",
	"-fno-plt",
	"-fvisibility=hidden",
	"-fno-strict-aliasing",
	"-fwrapv",
	"-fno-common",
	"-fms-extensions",
	"-ftls-model=initial-exec",
	"-pthread",
	"-Wno-unknown-warning-option",
	"-Wno-microsoft-anon-tag",
};
#define NR_FLAGS (sizeof(flags) / sizeof(flags[0]))

/* The locks of an allocator must be those of the program that loads it. */
static const char *const lock_flags[] = {
#ifdef ZLAB_DEBUG
	"-DZLAB_DEBUG",
#endif
#ifdef SYNC_NO_STATS
	"-DSYNC_NO_STATS",
#endif
#ifdef SYNC_SPIN
	"-DSYNC_SPIN=" STRING(SYNC_SPIN),
#endif
	NULL,
};

static bool is_virtual(const struct shim_request *req)
{
	return !req->codec && (SYNC_ON_VCPUS || req->vcpus);
}

struct build {
	const struct shim_request *req;
	const char *cc;
	char root[PATH_MAX]; /* this project's headers */
	char dir[PATH_MAX]; /* private folder */
	char log[PATH_MAX];
	char map[PATH_MAX + 32]; /* keeps the folder's name out of messages */
	char here[PATH_MAX + 32]; /* sources are looked for in the tree */
	char *args[MAX_ARGS];
	size_t nr_args;
};

/* Find the folder that contains @ONE_PART. */
static int find_root(struct build *b, struct err *err)
{
	int ret = data_path(b->root, sizeof(b->root), ONE_PART, err);

	if (!ret)
		b->root[strlen(b->root) - strlen("/" ONE_PART)] = '\0';
	return ret;
}

/*
 * Make a folder that only this user can access; another user may already have
 * made one of that name. Return: 0 or a negative errno; -EPERM in that case.
 */
static int private_dir(const char *path)
{
	struct stat st;
	int fd, ret = 0;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == ELOOP || errno == ENOTDIR
			       ? -EPERM
			       : -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (st.st_uid != geteuid() || st.st_mode & 077)
		ret = -EPERM;
	close(fd);
	return ret;
}

/* Without a home: a private folder in a directory that all users share. */
static int shared_dir(char *path, size_t len, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	int ret;

	snprintf(path, len, "%.4000s/zlab-%u", tmp && *tmp ? tmp : "/var/tmp",
		 geteuid());
	ret = private_dir(path);
	if (ret == -EPERM)
		return err_set(err, ret,
			       "%s does not belong to this user alone; remove "
			       "it, or set XDG_CACHE_HOME to a directory of "
			       "yours",
			       path);
	return ret;
}

static int cache_dir(char *path, size_t len, struct err *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char shared[PATH_MAX];
	int ret = 0;

	if (xdg && *xdg) {
		snprintf(path, len, "%s/zlab/shim/", xdg);
	} else if (home && *home) {
		snprintf(path, len, "%s/.cache/zlab/shim/", home);
	} else {
		ret = shared_dir(shared, sizeof(shared), err);
		if (ret == -EPERM)
			return ret;
		snprintf(path, len, "%.4080s/shim/", shared);
	}
	if (!ret)
		ret = make_dirs(path);
	if (ret)
		return err_set(err, ret,
			       "cannot make %s: %s; set XDG_CACHE_HOME to a "
			       "directory that can be written",
			       path, strerror(-ret));
	return 0;
}

/* Whether this user made the file and no other user can write it. */
static bool is_cached(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & S_IWOTH) &&
	       !access(path, R_OK);
}

static void hash_text(SHA2_CTX *ctx, const char *text)
{
	SHA256Update(ctx, (const uint8_t *)text, strlen(text) + 1);
}

/* Hash everything that the object depends on. */
static int hash_build(const struct build *b, const struct shim_tree *t,
		      const char *name, char key[65], struct err *err)
{
	char *version[] = { (char *)b->cc, "--version", NULL };
	char path[2 * PATH_MAX], line[256];
	glob_t found = { 0 };
	SHA2_CTX ctx;
	size_t i;
	char *text;

	if (process_line(version, line, sizeof(line)))
		return err_set(err, -ENOENT,
			       "the compiler \"%s\" does not run; install gcc, "
			       "or set CC to another",
			       b->cc);
	SHA256Init(&ctx);
	hash_text(&ctx, line);
	hash_text(&ctx, name);
	hash_text(&ctx, t->config);
	hash_text(&ctx, t->git);
	for (i = 0; i < NR_FLAGS; i++)
		hash_text(&ctx, flags[i]);
	for (i = 0; lock_flags[i]; i++)
		hash_text(&ctx, lock_flags[i]);
	if (is_virtual(b->req))
		hash_text(&ctx, VIRTUAL_FLAG);
	for (i = 0; i < t->nr_files; i++) {
		hash_text(&ctx, t->files[i].name);
		hash_text(&ctx, t->files[i].text ? t->files[i].text : "");
	}
	for (i = 0; i < NR_PARTS; i++) {
		snprintf(path, sizeof(path), "%s/%s", b->root, parts[i]);
		glob(path, i ? GLOB_APPEND : 0, NULL, &found);
	}
	for (i = 0; i < found.gl_pathc; i++) {
		text = file_read(found.gl_pathv[i]);
		if (text)
			hash_text(&ctx, text);
		free(text);
	}
	globfree(&found);
	SHA256End(&ctx, key);
	return 0;
}

static void add_arg(struct build *b, const char *arg)
{
	if (b->nr_args < MAX_ARGS - 1) {
		b->args[b->nr_args++] = (char *)arg;
		b->args[b->nr_args] = NULL;
	}
}

/* Add arguments up to a NULL. */
static void add_args(struct build *b, ...)
{
	const char *arg;
	va_list args;

	va_start(args, b);
	while ((arg = va_arg(args, const char *)))
		add_arg(b, arg);
	va_end(args);
}

static void start_args(struct build *b)
{
	size_t i;

	b->nr_args = 0;
	add_arg(b, b->cc);
	for (i = 0; i < NR_FLAGS; i++)
		add_arg(b, flags[i]);
	for (i = 0; !b->req->codec && lock_flags[i]; i++)
		add_arg(b, lock_flags[i]);
	if (is_virtual(b->req))
		add_arg(b, VIRTUAL_FLAG);
	if (*b->here)
		add_arg(b, b->here);
	add_arg(b, b->map);
	if (b->req->tsan)
		add_arg(b, "-fsanitize=thread");
}

static pid_t start(struct build *b)
{
	struct process p = { .argv = b->args };
	pid_t pid;
	int ret;

	p.out = open(b->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (p.out < 0)
		return -1;
	p.err = p.out;
	ret = process_start(&p, &pid);
	close(p.out);
	return ret ? -1 : pid;
}

static bool finish(pid_t pid)
{
	return pid >= 0 && !process_wait(pid, NULL);
}

/* Collect this project's macros and inline functions for kernel code. */
static bool make_prelude(struct build *b)
{
	char in[2 * PATH_MAX], out[2 * PATH_MAX], inc[2 * PATH_MAX];
	char *text, *line, *next;
	FILE *f;

	snprintf(in, sizeof(in), "%s/backends/shim/%sprelude.h", b->root,
		 b->req->codec ? "codec_" : "");
	snprintf(out, sizeof(out), "%s/prelude.i", b->dir);
	snprintf(inc, sizeof(inc), "-I%s", b->root);
	start_args(b);
	add_args(b, "-E", "-dD", "-P", "-D_GNU_SOURCE", inc, in, "-o", out,
		 NULL);
	if (!finish(start(b)))
		return false;
	text = file_read(out);
	snprintf(out, sizeof(out), "%s/shim_prelude.h", b->dir);
	f = text ? fopen(out, "we") : NULL;
	if (!f) {
		free(text);
		return false;
	}
	/* Skip the compiler's built-in macros, which it defines again. */
	for (line = text; *line; line = next) {
		next = strchrnul(line, '\n');
		next += *next != '\0';
		if (strncmp(line, "#define __STDC", 14))
			fwrite(line, 1, (size_t)(next - line), f);
	}
	free(text);
	return !fclose(f);
}

/* Each unit has its own messages, so that those of two do not mix. */
static pid_t start_unit(struct build *b, const struct shim_tree *t,
			const char *source, size_t nr)
{
	char in[2 * PATH_MAX], out[2 * PATH_MAX], priv[PATH_MAX + 2];

	snprintf(b->log, sizeof(b->log), "%.4000s/%zu.log", b->dir, nr);
	snprintf(in, sizeof(in), "%s/%s", b->dir, source);
	snprintf(out, sizeof(out), "%s/%zu.o", b->dir, nr);
	snprintf(priv, sizeof(priv), "-I%s", b->dir);
	start_args(b);
	add_args(b, "-nostdinc", "-D__KERNEL__", NULL);
	/* Only the kernel's code is watched. */
	if (is_virtual(b->req))
		add_arg(b, WATCH_FLAG);
	if (b->req->codec)
		add_args(b, t->optimize, "-include", "shim_all.h", NULL);
	add_args(b, "-Werror=implicit-function-declaration",
		 "-Werror=implicit-int", "-Werror=return-type", priv, "-c", in,
		 "-o", out, NULL);
	return start(b);
}

static pid_t start_runtime(struct build *b)
{
	char in[2 * PATH_MAX], out[2 * PATH_MAX], inc[2 * PATH_MAX],
		config[2 * PATH_MAX];

	snprintf(b->log, sizeof(b->log), "%.4000s/runtime.log", b->dir);
	snprintf(in, sizeof(in), "%s/backends/shim/%sruntime.c", b->root,
		 b->req->codec ? "codec_" : "");
	snprintf(out, sizeof(out), "%s/runtime.o", b->dir);
	snprintf(config, sizeof(config), "%s/shim_config.h", b->dir);
	snprintf(inc, sizeof(inc), "-I%s", b->root);
	start_args(b);
	add_args(b, "-D_GNU_SOURCE", "-DSHIM_BUILD", "-include", config, inc,
		 "-c", in, "-o", out, NULL);
	return start(b);
}

static bool link_all(struct build *b, size_t units, const char *so)
{
	char out[2 * PATH_MAX], *objects[SHIM_MAX_FILES + 1];
	size_t i, made = 0;
	bool ok = true;

	snprintf(b->log, sizeof(b->log), "%.4000s/link.log", b->dir);
	snprintf(out, sizeof(out), "%s/%s", b->dir, so);
	start_args(b);
	add_args(b, "-shared", "-o", out, NULL);
	/* Nothing but libc is there when a codec is loaded. */
	if (b->req->codec && !b->req->tsan)
		add_arg(b, "-Wl,-z,defs");
	for (i = 0; i <= units && ok; i++) {
		if (i == units)
			ok = asprintf(&objects[i], "%s/runtime.o", b->dir) > 0;
		else
			ok = asprintf(&objects[i], "%s/%zu.o", b->dir, i) > 0;
		made += ok;
		if (ok)
			add_arg(b, objects[i]);
	}
	ok = ok && finish(start(b));
	while (made)
		free(objects[--made]);
	return ok;
}

/* Waits for the oldest of the compilers; false: it failed, @log says why. */
static bool reap(struct build *b, const pid_t *pids, size_t nr, size_t units)
{
	if (finish(pids[nr]))
		return true;
	if (nr < units)
		snprintf(b->log, sizeof(b->log), "%.4000s/%zu.log", b->dir, nr);
	else
		snprintf(b->log, sizeof(b->log), "%.4000s/runtime.log", b->dir);
	return false;
}

/* @failed: receives the source at fault */
static bool compile(struct build *b, const struct shim_tree *t, const char *so,
		    const char **failed)
{
	const char *source[SHIM_MAX_FILES + 1] = { "unit.c" };
	pid_t pids[SHIM_MAX_FILES + 2];
	char first[sizeof(b->log)] = "";
	size_t units = 1, i, done = 0;

	*failed = t->source;
	snprintf(b->log, sizeof(b->log), "%.4000s/prelude.log", b->dir);
	if (!make_prelude(b))
		return false;
	for (i = 0; i < t->nr_files; i++)
		if (t->files[i].compiled)
			source[units++] = t->files[i].name;
	for (i = 0; i <= units + AT_ONCE; i++) {
		if (i >= AT_ONCE && !reap(b, pids, done++, units) && !*first) {
			memcpy(first, b->log, sizeof(first));
			if (done - 1 && done - 1 < units)
				*failed = source[done - 1];
		}
		if (i < units)
			pids[i] = start_unit(b, t, source[i], i);
		else if (i == units)
			pids[i] = start_runtime(b);
	}
	if (!*first)
		return link_all(b, units, so);
	memcpy(b->log, first, sizeof(first));
	return false;
}

/* Print a JSON text as the body of a C string. */
static void put_c_string(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static int write_config(const struct build *b, const struct shim_tree *t,
			const struct shim_object *obj, const char *compiler,
			struct err *err)
{
	json_t *source =
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "file", t->source,
			  "sha256", t->sha256, "git", t->git, "settings",
			  obj->settings, "compiler", compiler);
	char *json = source ? json_dumps(source, JSON_COMPACT) : NULL;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int ret = -ENOMEM;

	if (!json || !f)
		goto out;
	fputs(t->config, f);
	fprintf(f, "#define SHIM_PAGE_SHIFT %u\n", b->req->page_shift);
	if (b->req->debug)
		fputs("#define SHIM_DEBUG 1\n", f);
	fprintf(f, "#define SHIM_NAME \"%s\"\n", obj->name);
	fprintf(f, "#define SHIM_SUMMARY \"%s of a kernel tree, %s\"\n",
		t->source, obj->settings);
	fputs("#define SHIM_SOURCE \"", f);
	put_c_string(f, json);
	fputs("\"\n", f);
	if (fclose(f))
		f = NULL;
	else
		ret = file_write(b->dir, "shim_config.h", "", text, err);
	f = NULL;
out:
	if (f)
		fclose(f);
	free(text);
	free(json);
	json_decref(source);
	return ret;
}

static int write_files(const struct build *b, const struct shim_tree *t,
		       struct err *err)
{
	const char *const *own = b->req->codec ? codec_parts : allocator_parts;
	char head[PATH_MAX + 64], path[2 * PATH_MAX], name[64];
	char unit[4096] = "";
	size_t i, n = 0;
	char *text;
	int ret = 0;

	for (i = 0; i < t->nr_files && !ret; i++) {
		const struct shim_file *f = &t->files[i];

		if (f->text)
			snprintf(head, sizeof(head), "#line 1 \"%s\"\n",
				 f->name);
		ret = f->text ? file_write(b->dir, f->name, head, f->text, err)
			      : file_write(b->dir, f->name, "",
					   "#include \"shim_all.h\"\n", err);
	}
	for (i = 0; own[i] && !ret; i++) {
		snprintf(path, sizeof(path), "%s/backends/shim/%s", b->root,
			 own[i]);
		snprintf(name, sizeof(name), "backends/shim/%s", own[i]);
		text = file_read(path);
		ret = text ? file_write(b->dir, name, "", text, err)
			   : err_set(err, -ENOENT, "%s is missing", path);
		free(text);
	}
	if (ret)
		return ret;
	/* An empty page.h, since its contents are in shim_prelude.h. */
	ret = file_write(b->dir, "backends/page.h", "", "", err);
	if (ret)
		return ret;
	n = (size_t)snprintf(unit, sizeof(unit),
			     "#include \"backends/shim/%skernel.h\"\n",
			     b->req->codec ? "codec_" : "");
	for (i = 0; i < b->req->nr_include; i++)
		n += (size_t)snprintf(unit + n, sizeof(unit) - n,
				      "#include \"shim_extra/%zu.h\"\n", i);
	ret = file_write(b->dir, "shim_all.h", "#pragma once\n", unit, err);
	if (ret)
		return ret;
	if (b->req->codec)
		snprintf(unit, sizeof(unit),
			 "#include \"backends/shim/codec_unit.h\"\n");
	else
		snprintf(unit, sizeof(unit),
			 "#include \"%s\"\n"
			 "#include \"backends/shim/adapter.h\"\n",
			 t->source);
	return file_write(b->dir, "unit.c", "", unit, err);
}

/* Replace the file, since a program may have mapped the old object. */
static int copy_file(const char *from, const char *to, struct err *err)
{
	FILE *in = fopen(from, "re"), *out = NULL;
	struct output *file;
	char buf[65536];
	size_t n;
	int bad;

	if (!in)
		return err_set(err, -errno, "%s: %s", from, strerror(errno));
	file = output_stream(to, &out, err);
	if (!file) {
		bad = errno;
		(void)fclose(in);
		return -bad;
	}
	while ((n = fread(buf, 1, sizeof(buf), in)))
		fwrite(buf, 1, n, out);
	bad = ferror(in);
	(void)fclose(in);
	if (!bad)
		return output_end(file, out, err);
	(void)fclose(out);
	output_discard(file);
	return err_set(err, -EIO, "%s: cannot be read", from);
}

static int build_in(struct build *b, const struct shim_tree *t,
		    const struct shim_object *obj, const char *so,
		    struct err *err)
{
	char *version[] = { (char *)b->cc, "--version", NULL };
	char compiler[256], saved[PATH_MAX];
	const char *failed;
	int ret;

	process_line(version, compiler, sizeof(compiler));
	ret = write_files(b, t, err);
	if (!ret)
		ret = write_config(b, t, obj, compiler, err);
	if (ret)
		return ret;
	setenv("LC_ALL", "C", 1);
	if (compile(b, t, so, &failed))
		return 0;
	if (stop_signal())
		return err_set(err, -EINTR, "interrupted");
	/* The folder is removed, so save its messages elsewhere. */
	snprintf(saved, sizeof(saved), "%.*s/failed.log",
		 (int)(strrchr(b->dir, '/') - b->dir), b->dir);
	if (copy_file(b->log, saved, NULL))
		saved[0] = '\0';
	return shim_message(b->log, failed, saved, err);
}

static void describe(const struct shim_request *req, const struct shim_tree *t,
		     struct shim_object *obj)
{
	const char *chain = strstr(t->config, "CONFIG_ZSMALLOC_CHAIN_SIZE ");
	unsigned page = 1u << (req->page_shift - 10);
	size_t n;

	snprintf(obj->sha256, sizeof(obj->sha256), "%s", t->sha256);
	snprintf(obj->git, sizeof(obj->git), "%s", t->git);
	snprintf(obj->source, sizeof(obj->source), "%s", t->source);
	n = (size_t)snprintf(obj->settings, sizeof(obj->settings), "page=%uK",
			     page);
	if (chain)
		n += (size_t)snprintf(obj->settings + n,
				      sizeof(obj->settings) - n, " chain=%d",
				      atoi(strchr(chain, ' ') + 1));
	if (t->optimize)
		n += (size_t)snprintf(obj->settings + n,
				      sizeof(obj->settings) - n, " %s",
				      t->optimize);
	snprintf(obj->settings + n, sizeof(obj->settings) - n, "%s%s",
		 req->debug ? " debug" : "", req->tsan ? " tsan" : "");
	n = (size_t)snprintf(obj->name, sizeof(obj->name), "shim-%s-%.12s",
			     t->name, t->sha256);
	if (req->chain)
		n += (size_t)snprintf(obj->name + n, sizeof(obj->name) - n,
				      "-chain%u", req->chain);
	if (page != 4)
		n += (size_t)snprintf(obj->name + n, sizeof(obj->name) - n,
				      "-%uK", page);
	snprintf(obj->name + n, sizeof(obj->name) - n, "%s%s",
		 req->debug ? "-debug" : "", req->tsan ? "-tsan" : "");
}

static int build_cached(struct build *b, const struct shim_tree *t,
			struct shim_object *obj, struct err *err)
{
	char cache[PATH_MAX], key[65], so[96], from[PATH_MAX + 96];
	char here[PATH_MAX];
	int ret;

	ret = hash_build(b, t, obj->name, key, err);
	if (!ret)
		ret = cache_dir(cache, sizeof(cache), err);
	if (ret)
		return ret;
	snprintf(so, sizeof(so), "%s.so", t->name);
	snprintf(obj->path, sizeof(obj->path), "%.3900s%.20s/%s", cache, key,
		 so);
	obj->cached = is_cached(obj->path);
	if (obj->cached) {
		/*
		 * It is what the tree's files make now: the explorer shows lines
		 * of sources that are older. That it cannot be touched only
		 * hides them.
		 */
		(void)utimensat(AT_FDCWD, obj->path, NULL, 0);
		return 0;
	}
	snprintf(b->dir, sizeof(b->dir), "%.4000s%.20s.XXXXXX", cache, key);
	if (!mkdtemp(b->dir))
		return err_set(err, -errno, "cannot make %s: %s", b->dir,
			       strerror(errno));
	snprintf(b->map, sizeof(b->map), "-ffile-prefix-map=%s/=", b->dir);
	/* The object does not depend on where zlab runs. */
	if (getcwd(here, sizeof(here)) && here[1])
		snprintf(b->here, sizeof(b->here), "-fdebug-prefix-map=%s=.",
			 here);
	ret = build_in(b, t, obj, so, err);
	if (!ret) {
		snprintf(from, sizeof(from), "%s/%s", b->dir, so);
		if (make_dirs(obj->path))
			ret = err_set(err, -errno, "cannot make %s: %s",
				      obj->path, strerror(errno));
		else
			ret = copy_file(from, obj->path, err);
	}
	process_remove(b->dir);
	return ret;
}

int shim_build(const struct shim_request *req, struct shim_object *obj,
	       struct err *err)
{
	struct build b = { .req = req, .cc = getenv("CC") };
	struct shim_tree *tree = calloc(1, sizeof(*tree));
	int ret;

	memset(obj, 0, sizeof(*obj));
	if (!tree)
		return err_set(err, -ENOMEM, "out of memory");
	if (!b.cc || !*b.cc)
		b.cc = "gcc";
	ret = find_root(&b, err);
	if (!ret)
		ret = shim_tree_read(req, tree, err);
	if (!ret) {
		describe(req, tree, obj);
		ret = build_cached(&b, tree, obj, err);
	}
	if (!ret && req->output) {
		ret = copy_file(obj->path, req->output, err);
		snprintf(obj->path, sizeof(obj->path), "%s", req->output);
	}
	snprintf(obj->spec, sizeof(obj->spec), "%s%.4000s",
		 strchr(obj->path, '/') ? "" : "./", obj->path);
	shim_tree_free(tree);
	free(tree);
	return ret;
}
