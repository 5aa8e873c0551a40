/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interface of the halves of a shimmed compressor: codec_unit.h, compiled with
 * the tree's headers, and codec_runtime.c, compiled as any other file of this
 * project. Plain C types only.
 */
#ifndef SHIM_CODEC_RUNTIME_H
#define SHIM_CODEC_RUNTIME_H

#pragma GCC visibility push(hidden)

/**
 * struct shim_codec_params - options of a compressor; each has those it knows
 * @level: as the kernel's user would set it
 * @user: whose call is made, enum shim_codec_user
 */
struct shim_codec_params {
	long long level;
	long long user;
};

enum shim_codec_user {
	SHIM_CODEC_ZSWAP,
	SHIM_CODEC_ZRAM
};

/** shim_codec_bytes() - memory that a context needs for these options */
size_t shim_codec_bytes(const struct shim_codec_params *p);

/**
 * shim_codec_start() - make a context in @memory, which is zeroed and aligned
 * to 64 bytes
 *
 * Return: whether the compressor takes it.
 */
bool shim_codec_start(const struct shim_codec_params *p, void *memory);

/** shim_codec_compress() - Return: bytes in @dst, or a negative errno */
int shim_codec_compress(const struct shim_codec_params *p, void *memory,
			const void *page, void *dst, size_t room);

/** shim_codec_expand() - Return: bytes in @page, or a negative errno */
int shim_codec_expand(void *memory, const void *src, size_t len, void *page);

#pragma GCC visibility pop

#endif
