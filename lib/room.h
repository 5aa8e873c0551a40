/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether something fits on this machine, asked before it starts.
 */
#ifndef ZLAB_ROOM_H
#define ZLAB_ROOM_H

#include <stdint.h>

#include "lib/err.h"

/**
 * room_memory() - check that there is memory for what comes
 * @bytes: what it needs
 * @who: whose it is, for the error line
 * @what: what takes it ("its keys")
 * @err: receives a line with both figures
 *
 * There is what the system calls available, or less if a limit of this process
 * or of its control group leaves less. Return: 0 or -ENOMEM.
 */
int room_memory(uint64_t bytes, const char *who, const char *what,
		struct err *err);

/**
 * room_disk() - check that the file system of a path has space for a file
 * @path: the file, which need not exist
 * @bytes: what it needs
 * @err: receives a line with both figures
 *
 * Pipes, devices and folders that do not exist are not checked. Return: 0 or
 * -ENOSPC.
 */
int room_disk(const char *path, uint64_t bytes, struct err *err);

#endif
