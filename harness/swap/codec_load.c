// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads a codec's shared object and checks what it says of itself. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "harness/swap/codec_load.h"

/* The first words are there in every version. */
static int check_abi(const struct codec_driver *d, struct err *err)
{
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

static int check_calls(const struct codec_driver *d, struct err *err)
{
	const struct {
		const char *name;
		bool there;
	} what[] = {
		{ "spec.name", d->spec.name && *d->spec.name },
		{ "spec.what", d->spec.what },
		{ "prepare", d->prepare },
		{ "release", d->release },
		{ "compress", d->compress },
		{ "decompress", d->decompress },
	};
	size_t i;

	for (i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		if (!what[i].there)
			return err_set(err, -EINVAL, "it has no .%s",
				       what[i].name);
	return 0;
}

const struct codec_driver *codec_load(const char *spec, struct err *err)
{
	const struct codec_driver *d;
	char path[4096];
	void *so;

	snprintf(path, sizeof(path), "%.*s", (int)spec_name_len(spec), spec);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		err_set(err, -ENOENT, "codec %s cannot be loaded: %s", path,
			dlerror());
		return NULL;
	}
	d = dlsym(so, "zlab_codec");
	if (!d) {
		err_set(err, -EINVAL,
			dlsym(so, "zlab_backend")
				? "%s is a backend and no codec; give it with "
				  "--backend"
				: "%s exports no \"zlab_codec\"; a codec defines "
				  "const struct codec_driver zlab_codec",
			path);
		goto unload;
	}
	if (check_abi(d, err)) {
		err_prefix(err, "%s was built for another zlab, rebuild it",
			   path);
		goto unload;
	}
	if (check_calls(d, err)) {
		err_prefix(err, "codec %s is not complete", path);
		goto unload;
	}
	return d;
unload:
	dlclose(so);
	return NULL;
}
