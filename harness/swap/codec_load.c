// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads a codec's shared object and checks what it says of itself. */
#include <errno.h>

#include "harness/swap/codec_load.h"
#include "lib/plugin.h"

/* The first words are there in every version. */
static int check_abi(const void *table, struct err *err)
{
	const struct codec_driver *d = table;

	if (d->version != CODEC_ABI_VERSION)
		return err_set(err, -EINVAL,
			       "its contract has version %u, this one's %u",
			       d->version, CODEC_ABI_VERSION);
	if (d->bytes != sizeof(*d))
		return err_set(err, -EINVAL,
			       "its struct codec_driver has %u bytes, this "
			       "one's %zu",
			       d->bytes, sizeof(*d));
	if (d->option_bytes != sizeof(struct spec_option))
		return err_set(err, -EINVAL,
			       "its struct spec_option has %u bytes, this "
			       "one's %zu",
			       d->option_bytes, sizeof(struct spec_option));
	return 0;
}

static int check_calls(const void *table, struct err *err)
{
	const struct codec_driver *d = table;
	const struct plugin_call what[] = {
		{ "spec.name", d->spec.name && *d->spec.name },
		{ "spec.what", d->spec.what },
		{ "prepare", d->prepare },
		{ "release", d->release },
		{ "compress", d->compress },
		{ "decompress", d->decompress },
	};

	return plugin_complete(what, sizeof(what) / sizeof(what[0]), err);
}

static const struct plugin codec = {
	.what = "codec",
	.table = "zlab_codec",
	.defined = "const struct codec_driver zlab_codec",
	.other = "zlab_backend",
	.instead = "is a backend and no codec; give it with --backend",
	.check_abi = check_abi,
	.check = check_calls,
};

const struct codec_driver *codec_load(const char *spec, struct err *err)
{
	return plugin_load(&codec, spec, err);
}
