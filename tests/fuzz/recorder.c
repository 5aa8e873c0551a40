// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A recorded program whose memory was overwritten: whatever it says to the
 * collector and logs, the trace is one that can be read.
 *
 * The first bytes are what it says beside its greeting; then each event takes
 * EVENT bytes.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "traces/record/internal.h"
#include "traces/recorder/abi.h"

#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS)

enum {
	SAYS = 4,
	EVENT = 6,
	EVENTS = 2000
};

static int join(const struct collector *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *name = collector_name(c);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path + 1, name, strlen(name));
	must(fd >= 0 &&
	     !connect(fd, (void *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				  strlen(name))));
	return fd;
}

/* Receive the memory that all share. Return: its descriptor, or -1 */
static int receive(int fd, struct rec_welcome *w)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { .iov_base = w, .iov_len = sizeof(*w) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = ctl.buf,
			      .msg_controllen = sizeof(ctl.buf) };
	int memory = -1;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) != sizeof(*w) || !w->magic)
		return -1;
	must(CMSG_FIRSTHDR(&msg) != NULL);
	memcpy(&memory, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(memory));
	return memory;
}

static struct rec_event event(const uint8_t *from)
{
	struct rec_event e = { .time = from[0] | (uint64_t)from[1] << 56,
			       .vpn = from[2] & 0x0f,
			       .slot = from[3],
			       .tid = from[4],
			       .cpu = from[4],
			       .op = from[5] & 0x07 };

	if (from[2] & 0x10)
		e.vpn = ~0ull - e.vpn;
	if (from[2] & 0x20)
		e.slot = REC_SLOTS - 2 + (e.slot & 3);
	if (from[2] & 0x40)
		e.op = from[5];
	return e;
}

static void log_events(int memory, uint32_t index, const uint8_t *data,
		       size_t len)
{
	off_t at = (off_t)(REC_HEAD_BYTES + index * REC_SEGMENT_BYTES);
	struct rec_event *ring =
		mmap(NULL, REC_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		     memory, at);
	uint8_t *head = mmap(NULL, REC_HEAD_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED, memory, 0);
	struct rec_proc *p = (struct rec_proc *)(head + REC_PAGE) + index;
	size_t n;

	must(ring != MAP_FAILED && head != (void *)MAP_FAILED);
	for (n = 0; n < EVENTS && (n + 1) * EVENT <= len; n++)
		ring[n] = event(data + n * EVENT);
	__atomic_store_n(&p->head, n, __ATOMIC_RELEASE);
	munmap(ring, REC_RING_BYTES);
	munmap(head, REC_HEAD_BYTES);
}

static void talk(struct collector *c, const uint8_t *data, size_t len)
{
	struct rec_hello hello[2] = { { REC_MAGIC, (uint32_t)getpid(), 0 } };
	struct rec_welcome w = { 0 };
	int fd = join(c), memory;
	size_t said = data[0] & 1 ? sizeof(*hello) : data[0] % 24;

	if (data[0] & 2)
		hello->magic ^= data[1];
	send(fd, hello, said, 0);
	collector_serve(c);
	collector_serve(c);
	memory = receive(fd, &w);
	must(memory >= 0 || said != sizeof(*hello) ||
	     hello->magic != REC_MAGIC);
	if (memory >= 0) {
		log_events(memory, w.index, data + SAYS, len - SAYS);
		send(fd, data, data[2] % SAYS, 0);
		collector_serve(c);
		close(memory);
	}
	close(fd);
	if (data[3] & 1)
		collector_serve(c);
}

static void read_all(const char *path, uint64_t events)
{
	struct err err = { "" };
	struct zlt_reader *r = zlt_open(path, ALL, &err);
	struct zlt_batch b;
	uint64_t n = 0;

	must(r != NULL);
	while (zlt_next(r, &b, &err) == 1)
		n += b.count;
	must(!err.text[0] && n == events);
	zlt_reader_close(r);
}

void fuzz(const uint8_t *data, size_t len)
{
	struct record_options opts = { .limit = 1 << 20 };
	struct zlt_options columns = { .columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
				       .objects = ZLT_OBJECT_PAGES };
	struct record_counts counts;
	struct err err = { "" };
	struct collector *c;
	struct zlt_writer *w;
	uint64_t events;
	char path[32];
	int fd;

	if (len < SAYS)
		return;
	fd = memory_file(NULL, 0, path);
	w = zlt_create(path, NULL, &columns, &err);
	must(w != NULL);
	c = collector_start(&opts, w, &err);
	must(c != NULL);
	talk(c, data, len);
	must(!collector_stop(c, &counts, &events, &err));
	must(!zlt_close(w, NULL, &err));
	read_all(path, events);
	close(fd);
}
