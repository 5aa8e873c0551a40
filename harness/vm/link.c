// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stream to the host. A serial port is the one device that every kernel of
 * a PC has without modules; it is slow, so the text is compressed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/vm/guest.h"

/* As inflate takes it for gzip. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

static struct {
	int fd;
	z_stream z;
	unsigned char out[1 << 16];
} link_to = { .fd = -1 };

int link_open(const char *path, struct err *err)
{
	struct termios raw;

	link_to.fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (link_to.fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!tcgetattr(link_to.fd, &raw)) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(link_to.fd, TCSANOW, &raw);
	}
	if (deflateInit2(&link_to.z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW,
			 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, -ENOMEM, "no memory for the stream");
	return 0;
}

static void put(const unsigned char *bytes, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(link_to.fd, bytes, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static void push(const char *text, size_t len, int flush)
{
	z_stream *z = &link_to.z;

	if (link_to.fd < 0)
		return;
	z->next_in = (unsigned char *)text;
	z->avail_in = (unsigned int)len;
	do {
		z->next_out = link_to.out;
		z->avail_out = sizeof(link_to.out);
		deflate(z, flush);
		put(link_to.out, sizeof(link_to.out) - z->avail_out);
	} while (!z->avail_out);
}

void link_send(const char *text, size_t len)
{
	push(text, len, Z_NO_FLUSH);
}

void link_say(const char *fmt, ...)
{
	char line[4096];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	link_send(line, (size_t)n + 1);
}

void link_flush(void)
{
	push("", 0, Z_SYNC_FLUSH);
}

void link_close(void)
{
	if (link_to.fd < 0)
		return;
	push("", 0, Z_FINISH);
	deflateEnd(&link_to.z);
	tcdrain(link_to.fd);
	close(link_to.fd);
	link_to.fd = -1;
}
