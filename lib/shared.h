/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included by the compiler's -include, before all else, in what is compiled once
 * for programs of different flavours of sync.h: a file that sees a difference
 * between them is an error.
 */
#pragma GCC poison SYNC_VIRTUAL SYNC_EXPLORE
