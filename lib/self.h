/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds this program and the files that belong to it. Only this code knows the
 * layout of a build tree and of an installed prefix.
 */
#ifndef ZLAB_SELF_H
#define ZLAB_SELF_H

#include <stddef.h>

#include "lib/err.h"

/* Executes this same program, even if its file was replaced meanwhile. */
#define SELF_PROGRAM "/proc/self/exe"

/** self_path() - the executable's own path; empty where /proc is not mounted */
const char *self_path(void);

/**
 * self_dir() - the directory of the executable
 *
 * For a test program that is the build directory, two levels above the test.
 * Return: a path without a slash at its end; empty as self_path().
 */
const char *self_dir(void);

/**
 * native_path() - the zlab that measures on this machine's own CPUs and frames
 * @path: receives its path
 * @len: room in @path, in bytes
 *
 * This program itself, or for zlab-virtual and zlab-ghost the zlab that was built
 * or installed with it. Return: 0, -ENAMETOOLONG, or -EIO where /proc is not mounted.
 */
int native_path(char *path, size_t len);

/**
 * data_path() - find a file that belongs to this program
 * @path: receives its path
 * @len: room in @path, in bytes
 * @name: its path in the source tree ("profiles/desktop.json"), or the name of
 *	  something built ("zlab-recorder.so")
 * @err: receives the error line, which names the places; or NULL
 *
 * Looks in self_dir(), in the source tree around it, in PREFIX/share/zlab and
 * in PREFIX/lib/zlab, where self_dir() is PREFIX/bin or PREFIX/lib/zlab. The
 * first that can be read is taken. Return: 0, -ENOENT when it is in none of them,
 * -ENAMETOOLONG, or -EIO where /proc is not mounted.
 */
int data_path(char *path, size_t len, const char *name, struct err *err);

#endif
