/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Codecs in shared objects. */
#ifndef ZLAB_CODEC_LOAD_H
#define ZLAB_CODEC_LOAD_H

#include "backends/codec.h"

/**
 * codec_load() - the compressor in a shared object
 * @spec: "./mine.so:level=3"; the object stays loaded
 * @err: receives the error line
 *
 * Return: the compressor, or NULL with @err set (not loadable; no zlab_codec in
 * it; compiled with other headers; a call missing).
 */
const struct codec_driver *codec_load(const char *spec, struct err *err);

#endif
