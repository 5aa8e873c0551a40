/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ZLAB_TESTS_COPIES_H
#define ZLAB_TESTS_COPIES_H

struct big {
	char byte[200];
};

#define EACH_COPY(f) f(1) f(4) f(8) f(12) f(16) f(17) f(24) f(32) f(64) f(4096)
#define DECLARE(n)                                 \
	void copy_##n(char *to, const char *from); \
	void zero_##n(char *to);

EACH_COPY(DECLARE)
void copy_struct(struct big *to, const struct big *from);
void bump(int *counter);
void bump_atomic(int *counter);

#endif
