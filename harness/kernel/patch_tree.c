// SPDX-License-Identifier: GPL-2.0-or-later
/* A copy of a tree with a patch applied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/kernel/files.h"
#include "harness/kernel/patch_tree.h"
#include "lib/process.h"

static int copy(const struct shim_request *req, const char *dir,
		const char *name, struct err *err)
{
	char path[2 * PATH_MAX];
	char *text;
	int ret;

	snprintf(path, sizeof(path), "%s/%s", req->tree, name);
	text = file_read(path);
	/* A patch may create the file; otherwise git reports the error. */
	if (!text)
		return 0;
	ret = file_write(dir, name, "", text, err);
	free(text);
	return ret;
}

/* Copy the files that a patch names: "--- a/mm/zsmalloc.c". */
static int copy_named(const struct shim_request *req, const char *dir,
		      const char *patch, struct err *err)
{
	char *text = file_read(patch);
	char name[512];
	const char *p;
	int ret = 0;

	if (!text)
		return err_set(err, -errno, "%s: %s", patch, strerror(errno));
	for (p = text; p && !ret; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (sscanf(p, "--- a/%511[^\n\t ]", name) == 1 &&
		    !strstr(name, ".."))
			ret = copy(req, dir, name, err);
	}
	free(text);
	return ret;
}

static int apply(const char *dir, const char *patch, struct err *err)
{
	char full[PATH_MAX], command[3 * PATH_MAX], said[256];
	char *args[] = { "sh", "-c", command, NULL };
	const char *why = said;
	int ret;

	if (!realpath(patch, full))
		return err_set(err, -errno, "%s: %s", patch, strerror(errno));
	if (strchr(full, '\'') || strchr(dir, '\''))
		return err_set(err, -EINVAL, "%s: a path with a quote in it",
			       full);
	/* git must not use a repository that the copy happens to be inside. */
	snprintf(command, sizeof(command),
		 "cd '%s' && GIT_CEILING_DIRECTORIES='%s' LC_ALL=C "
		 "git apply --whitespace=nowarn '%s' 2>&1",
		 dir, dir, full);
	ret = process_line(args, said, sizeof(said));
	if (!ret)
		return 0;
	if (!strncmp(why, "error: ", 7))
		why += 7;
	return err_set(err, -EINVAL, "%s does not apply: %s", patch,
		       *why ? why : "git apply does not run");
}

int patch_tree(const struct shim_request *req, const char *const *patch,
	       size_t nr, char *dir, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	struct shim_tree *tree = calloc(1, sizeof(*tree));
	char name[PATH_MAX];
	size_t i;
	int ret;

	dir[0] = '\0';
	if (!tree)
		return err_set(err, -ENOMEM, "out of memory");
	ret = shim_tree_read(req, tree, err);
	if (ret)
		goto out;
	snprintf(dir, PATH_MAX, "%.3000s/zlab-patch.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		ret = err_set(err, -errno, "cannot make %s: %s", dir,
			      strerror(errno));
		dir[0] = '\0';
		goto out;
	}
	for (i = 0; i < tree->nr_files && !ret; i++) {
		const struct shim_file *f = &tree->files[i];
		size_t top = strlen(req->tree);

		if (f->text && !strncmp(f->from, req->tree, top)) {
			snprintf(name, sizeof(name), "%s", f->from + top);
			ret = file_write(dir, name + strspn(name, "/"), "",
					 f->text, err);
		}
	}
	if (!ret)
		ret = copy(req, dir, ".config", err);
	for (i = 0; i < nr && !ret; i++) {
		ret = copy_named(req, dir, patch[i], err);
		if (!ret)
			ret = apply(dir, patch[i], err);
	}
out:
	if (ret)
		patch_tree_remove(dir);
	shim_tree_free(tree);
	free(tree);
	return ret;
}

void patch_tree_remove(char *dir)
{
	if (*dir)
		process_remove(dir);
	*dir = '\0';
}
